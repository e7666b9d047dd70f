"""Names under which people's tunnels are reached: one DNS label for each new person.

Names taken over from the original pgrok stay as they are and need not follow these rules.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Iterator

from pgrok.errors import NameRefused

LONGEST_LABEL = 30
"""Characters of a new name, so that `<32 hex digits>-<name>` fits the 63 of a label (RFC 1035)."""

RESERVED = frozenset(
    """
    www www1 www2 web app apps api admin administrator root dashboard console status health
    pgrok pgrokd tunnel tunnels ssh sshd tcp proxy gateway
    account accounts auth oauth oidc sso login logout signin signup register id identity
    mail email smtp imap pop pop3 mx mx1 mx2 webmail autoconfig autodiscover mta-sts
    postmaster hostmaster webmaster abuse security noc support help info billing
    dns ns ns1 ns2 ns3 ns4 ftp sftp vpn ldap ntp wpad isatap localhost localdomain
    static assets cdn media download downloads update updates internal intranet
    """.split()  # noqa: SIM905 - a hundred quoted words read worse
)
"""Names that look like a service of the domain itself, or that software looks up by itself."""


def label_from_identifier(identifier: str) -> str:
    """Return the label that `identifier`, an address or a user name, asks for.

    Raises `NameRefused` if nothing of it can stand in a label.
    """
    name = identifier.partition("@")[0] if identifier.count("@") == 1 else identifier
    label = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()
    if not label:
        raise NameRefused(
            f"No subdomain can be made from {identifier[:64]!r}: "
            "it needs at least one ASCII letter or digit before the @."
        )
    return _shortened(label, LONGEST_LABEL)


def candidates(label: str, reserved: Container[str] = RESERVED) -> Iterator[str]:
    """Yield `label`, then `label-2`, `label-3` and so on without end, leaving out the reserved."""
    for number in itertools.count(1):
        suffix = f"-{number}" if number > 1 else ""
        name = _shortened(label, LONGEST_LABEL - len(suffix)) + suffix
        if name not in reserved:
            yield name


def alternative(label: str, hex32: str) -> str:
    """Return the name for a person's further tunnels while one of theirs holds `label`.

    Names of the original that are too long for it lose their end, so that it stays a host name.
    """
    first, dot, rest = label.partition(".")
    return f"{hex32}-{_shortened(first, LONGEST_LABEL)}{dot}{rest}"


def _shortened(label: str, length: int) -> str:
    return label[:length].rstrip("-")
