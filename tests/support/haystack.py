"""Where a secret could turn up: all that was written, said, answered or stored."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx2


class Haystack:
    """Octets by where they were found; a place can be added to again and again."""

    def __init__(self) -> None:
        self._places: defaultdict[str, bytearray] = defaultdict(bytearray)

    def add(self, place: str, found: str | bytes) -> None:
        """Keep what was found at a place."""
        self._places[place] += found.encode() if isinstance(found, str) else found
        self._places[place] += b"\n"

    def add_answer(self, answer: httpx2.Response) -> None:
        """Keep a response, by method and path of its request; the place says nothing of a query."""
        request = answer.request
        place = f"answer to {request.method} {request.url.path.partition('/link/')[0]}"
        self.add(place, repr(answer.headers.multi_items()))
        self.add(place, answer.read())

    def add_processes(self) -> None:
        """Keep the process list of this machine, as everybody on it may read it."""
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.add("process list", process.read_bytes())
            except OSError:
                continue  # it has ended meanwhile

    def add_files(self, folder: Path) -> None:
        """Keep every file below a folder, each as a place of its own."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.add(f"file {file.relative_to(folder)}", file.read_bytes())

    def where(self, needle: str) -> set[str]:
        """Return where `needle` is, as it is or as it travels."""
        assert len(needle) >= 16, "shorter ones are found by chance"
        return {
            place
            for place, hay in self._places.items()
            if any(form in hay for form in _forms(needle))
        }


def _forms(needle: str) -> Iterator[bytes]:
    octets = needle.encode()
    yield octets
    yield quote(needle, safe="").encode()
    yield quote_plus(needle).encode()
    yield octets.hex().encode()
    for before in range(3):
        # Inside of base64 a text looks in three ways; its ends depend on what is around it.
        yield base64.b64encode(bytes(before) + octets)[4:-4]
