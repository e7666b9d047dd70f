"""What the store hands out: plain, frozen values; all times are aware and in UTC."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Person:
    """Who signs in and owns names. `name` is the label of their tunnels, unique and lasting."""

    id: int
    name: str
    display_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """How a person is known outside.

    `issuer` and `sub` are those of the identity provider, and none until the first sign-in
    with this `identifier` binds them.
    """

    id: int
    person_id: int
    issuer: str | None
    sub: str | None
    identifier: str


@dataclass(frozen=True, slots=True)
class Token:
    """What a client authenticates with; its text is not kept."""

    id: int
    person_id: int
    label: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Login:
    """Whose token was shown, which one, and until when it holds."""

    person: Person
    token_id: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class HostKey:
    """A private key that the server proves itself with.

    `algorithm` is the SSH name of the key's type, `pem` the key unencrypted in PKCS 8,
    `fingerprint` begins with `SHA256:`. Of several keys of one algorithm the `preferred` one
    is presented and the others are only announced.
    """

    algorithm: str
    pem: bytes
    fingerprint: str
    preferred: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session; without a person while a sign-in is under way."""

    id_hash: bytes
    person_id: int | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in under way at the identity provider, bound to the session that began it."""

    state: str
    nonce: str
    verifier: str
    session_hash: bytes
    return_path: str
    expires_at: datetime

    def belongs_to(self, raw_session_id: str) -> bool:
        """Whether the browser with this session began the sign-in."""
        return hmac.compare_digest(self.session_hash, hashed(raw_session_id))


def hashed(secret: str) -> bytes:
    """Return the form in which a secret of high entropy is kept: its SHA-256."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
