"""Where a request goes: the default target, and dynamic forwards by path prefix.

Pure. Request targets are the bytes of the request line in origin-form (RFC 9112 3.2.1).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from pgrok.address import TargetURL, parse_target
from pgrok.errors import AddressError, ConfigError, ConfigProblem

DYNAMIC_FORWARDS = "dynamic_forwards"

_PREFIX = re.compile(r"/[^\x00-\x20?#\x7f-\U0010ffff]*")
# `..` between what servers take for slashes, or before a path parameter.
_CLIMB = re.compile(rb"[/\\]\.\.(?=[/\\;?#]|$)")
_IGNORED = bytes(range(0x21)) + b"\x7f"
_DECODINGS = 3
_UTF_16 = re.compile(rb"%u00([0-9a-f]{2})", re.IGNORECASE)
_OVERLONG = re.compile(rb"(?:[\xc0\xc1]|\xe0[\x80\x81]|\xf0\x80[\x80\x81])[\x80-\xbf]")
_RULE = "a path that begins with / and a URL, for example `/api http://localhost:8080`"


@dataclass(frozen=True, slots=True)
class Forward:
    """A rule: requests whose path is `prefix` or lies under it go to `url`.

    `prefix` begins with a slash and does not end with one; the root is the empty prefix.
    """

    prefix: str
    url: TargetURL


class Target:
    """Where requests go, and how their path is written there.

    `prefix` is what the rule that leads there wants of a path.
    """

    __slots__ = ("_base", "_confined", "url")

    def __init__(self, url: TargetURL, prefix: str = "") -> None:
        self.url = url
        self._base = url.base_path.encode("ascii")
        self._confined = bool(prefix or url.base_path)

    def escapes(self, path: bytes) -> bool:
        """Whether a request target may leave the part of the target that is meant to be public.

        That part is what lies below its own path, or below the rule's prefix. A target that is
        public as a whole sees dots as they came.
        """
        return self._confined and _CLIMB.search(_as_read(path.partition(b"?")[0])) is not None

    def rewrite(self, path: bytes) -> bytes:
        """Return the request target with the target's own path put before it.

        `*` (OPTIONS, RFC 9112 3.2.4) has no path and stays what it is.
        """
        return self._base + path if path.startswith(b"/") else path


class Rules:
    """Chooses the target of a request; immutable."""

    def __init__(self, default: TargetURL, forwards: Iterable[Forward] = ()) -> None:
        self.default = Target(default)
        longest_first = sorted(forwards, key=lambda forward: -len(forward.prefix))
        self._forwards = tuple(
            (forward.prefix.encode("ascii"), Target(forward.url, forward.prefix))
            for forward in longest_first
        )

    def match(self, path: bytes) -> Target:
        """Return the target of the longest prefix that ends where a path segment does.

        Paths are compared to the letter: neither percent-encoding nor dots are resolved, as
        the target is to see exactly what the visitor sent; see `Target.escapes`.
        """
        for prefix, target in self._forwards:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in (b"/", b"?", b""):
                return target
        return self.default


def _as_read(path: bytes) -> bytes:
    """Return a path as the most generous of servers reads it.

    Some decode twice, know `%u002e`, take characters in too many octets (RFC 3629 10), or drop
    spaces and control characters (as for URLs the WHATWG does).
    """
    for _ in range(_DECODINGS):
        if b"%" in path:
            path = unquote_to_bytes(_UTF_16.sub(rb"%\1", path))
    return _OVERLONG.sub(_shortest, path).translate(None, _IGNORED)


def _shortest(overlong: re.Match[bytes]) -> bytes:
    """Return the ASCII character that was written in two to four octets."""
    *_, high, low = overlong[0]
    return bytes([(high & 1) << 6 | low & 0x3F])


def parse_forwards(text: str, *, where: str) -> tuple[Forward, ...]:
    """Return the rules of a text block, one `PREFIX URL` a line.

    Blank lines and lines that begin with `#` are skipped. Raises `ConfigError` with every line
    that makes no sense, or whose prefix stands there twice; `where` names the file.
    """
    forwards: dict[str, Forward] = {}
    problems = []
    for number, line in _rule_lines(text):
        forward = _parse_forward(line)
        if forward is None:
            problems.append(_problem(where, number, line, _RULE))
        elif forward.prefix in forwards:
            problems.append(_problem(where, number, line, "every prefix once"))
        else:
            forwards[forward.prefix] = forward
    if problems:
        raise ConfigError(problems)
    return tuple(forwards.values())


def _rule_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _parse_forward(line: str) -> Forward | None:
    match line.split():
        case [prefix, url] if _PREFIX.fullmatch(prefix):
            with contextlib.suppress(AddressError):
                return Forward(prefix.rstrip("/"), parse_target(url))
    return None


def _problem(where: str, number: int, line: str, expected: str) -> ConfigProblem:
    return ConfigProblem(where, f"{DYNAMIC_FORWARDS}, line {number}", repr(line[:80]), expected)
