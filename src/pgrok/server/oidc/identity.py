"""Who somebody is, by the claims of the userinfo endpoint (OpenID Connect Core 1.0 5.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pgrok.errors import SignInRefused

MAX_LENGTH: Final = 255
"""Characters of an identifier; a display name is cut to it."""

_BLANK = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    r"\U000e0100-\U000e01ef]"
)
"""What shows nothing although it counts as printable: fillers and selectors of scripts."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as an identity provider knows them; (issuer, sub) is unique for ever."""

    issuer: str
    sub: str
    identifier: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Which claims tell what, and what an email must be.

    `required_domain` wants a verified email of that domain; `trust_unverified_email` lets one
    pass about which the provider says nothing.
    """

    identifier: str
    display_name: str | None = None
    email: str | None = None
    required_domain: str | None = None
    trust_unverified_email: bool = False


def identify(claims: Mapping[str, Any], rules: Rules, *, issuer: str, sub: str) -> Identity:
    """Return whom `claims` describe; raise `SignInRefused` where they may not come in.

    `sub` is the verified id_token's: claims of anybody else are refused (Core 5.3.4).
    """
    if claims.get("sub") != sub:
        raise SignInRefused("The identity provider described another person than the one it sent.")
    identifier = _exact(claims, rules.identifier)
    if not identifier or len(identifier) > MAX_LENGTH:
        raise SignInRefused(
            f"The identity provider's claim {rules.identifier} is missing or unusable: the "
            "server's admin should look at identity_provider.field_mapping.identifier."
        )
    if rules.identifier == (rules.email or "email"):
        _refuse_disowned_email(claims)
    if rules.required_domain:
        _check_domain(claims, rules, rules.required_domain)
    display_name = _line(claims.get(rules.display_name or "")) or identifier
    return Identity(issuer, sub, identifier, display_name[:MAX_LENGTH])


def _check_domain(claims: Mapping[str, Any], rules: Rules, domain: str) -> None:
    email = _exact(claims, rules.email or "")
    local_part, at, found = email.rpartition("@")
    if not (local_part and at) or found.lower() != domain.lower():
        raise SignInRefused(f"Only people with an email address at {domain} may sign in here.")
    _refuse_disowned_email(claims)
    if _verified(claims) is None and not rules.trust_unverified_email:
        raise SignInRefused(
            "The identity provider does not say whether your email address is verified. The "
            "server's admin can set identity_provider.trust_unverified_email if it always is."
        )


def _refuse_disowned_email(claims: Mapping[str, Any]) -> None:
    # An address that is not one's own could be that of a person who was added by it.
    if _verified(claims) is False:
        raise SignInRefused(
            "Your email address is not verified. Verify it at your identity provider, then sign "
            "in again."
        )


def _verified(claims: Mapping[str, Any]) -> bool | None:
    """Read `email_verified`, which some providers send as a string."""
    value = claims.get("email_verified")
    return None if value is None else value is True or str(value).lower() == "true"


def _exact(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that people are told apart by; raise `SignInRefused` if it is not plain.

    Cleaned it could be somebody else's, who was added by it: `alice` with something invisible.
    """
    text = _text(claims.get(name))
    if text.strip() and (text != text.strip() or not text.isprintable() or _BLANK.search(text)):
        raise SignInRefused(
            f"The identity provider's claim {name} has white space around it or characters that "
            "cannot be seen, and so looks like somebody else's. Correct it at your identity "
            "provider, then sign in again."
        )
    return text.strip()


def _line(value: object) -> str:
    """Return a claim that is only shown as one printable line."""
    return " ".join("".join(c if c.isprintable() else " " for c in _text(value)).split())


def _text(value: object) -> str:
    """Return a claim as it came; numbers count, for providers with numeric ids."""
    return "" if isinstance(value, bool) or not isinstance(value, str | int) else str(value)
