"""Refresh tokens and revocations: what is kept of them, and what may be redeemed.

A refresh token is opaque and has two halves: the handle, the same in all tokens of one family, and the turn, fresh each
time. The store knows a family by the digest of the handle and its newest token by the digest of the whole. So any token
of a family that is not the newest has been spent, however long ago, and nothing in the store can be redeemed.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from typing import Literal, TypeAlias

from mcp_auth_ref.core.errors import InvalidGrant, InvalidScope, InvalidTarget
from mcp_auth_ref.core.scopes import missing

PREFIX = "mcp_rt_"
HANDLE_BYTES = 16
TURN_BYTES = 32
_FORM = re.compile(rf"{PREFIX}([A-Za-z0-9_-]{{22}})[A-Za-z0-9_-]{{43}}")

RevocationKind: TypeAlias = Literal["token", "family", "subject"]


@dataclass(frozen=True, slots=True)
class Revocation:
    """Takes back what `issuer` has issued: the token `name` (`jti`), the family (`sid`), or all of a subject (`sub`).

    Of a subject, it is what was issued `at` that second or before. `until` is when all of that has expired, and the
    revocation may be forgotten. Both are seconds since 1970.
    """

    kind: RevocationKind
    issuer: str
    name: str
    at: float
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All refresh tokens that come from one sign-in, and what they may be redeemed for.

    `turn` counts the tokens, `current` is the digest of the newest and `previous` of the one before; `rotated_at` is
    when the newest was issued. After `expires_at` there is no further one. Dates are seconds since 1970.
    """

    id: str
    issuer: str
    client_id: str
    subject: str
    audience: str
    scopes: tuple[str, ...]
    started_at: float
    expires_at: float
    rotated_at: float
    current: str
    previous: str | None = None
    turn: int = 0
    username: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """How long refresh tokens live, in seconds.

    `idle` is for a token that is not used, `absolute` for the family, however often it is refreshed. For `grace` after
    a rotation, the token before still gets an access token: two callers of one client may have raced.
    """

    idle: float = 7 * 86_400
    absolute: float = 30 * 86_400
    grace: float = 10


class Redemption(Enum):
    """What becomes of a refresh token that belongs to its client and has not expired."""

    ROTATE = "it is the newest: it is spent, and there is a next one"
    REPEAT = "it was spent a moment ago: an access token and no refresh token"
    REUSE = "it was spent before: somebody has a copy, and the family ends"


def refresh_token(*, handle: bytes, turn: bytes) -> str:
    """Write a refresh token of random bytes: 16 for the family, 32 for this turn."""
    return f"{PREFIX}{_text(handle)}{_text(turn)}"


def family_of(token: str) -> str:
    """Name the family of a refresh token: the claim `sid` of its access tokens. Raises InvalidGrant."""
    return _text(sha256(_handle(token).encode()).digest()[:16])


def next_token(token: str, *, turn: bytes) -> str:
    """Write the next token of the same family, from 32 random bytes. Raises InvalidGrant."""
    return f"{PREFIX}{_handle(token)}{_text(turn)}"


def is_refresh_token(token: str) -> bool:
    """Tell whether a token has the form of our refresh tokens."""
    return _FORM.fullmatch(token) is not None


def digest(token: str) -> str:
    """Return what is stored of a refresh token. It has 256 random bits, so a plain SHA-256 keeps it secret."""
    return _text(sha256(token.encode()).digest())


def redeem(family: Family, token: str, *, client_id: str, now: float, policy: RefreshPolicy) -> Redemption:
    """Decide what becomes of a refresh token (RFC 9700, section 4.14.2). Raises InvalidGrant."""
    if family.client_id != client_id:
        raise InvalidGrant("the refresh token was issued to another client")
    if now >= family.expires_at:
        raise InvalidGrant("the refresh token and its family have expired")
    if now >= family.rotated_at + policy.idle:
        raise InvalidGrant("the refresh token has expired unused")
    presented = digest(token)
    if hmac.compare_digest(presented, family.current):
        return Redemption.ROTATE
    # Two replicas need not agree on the time, so the newest token may come from a moment ahead.
    was_current = family.previous is not None and hmac.compare_digest(presented, family.previous)
    if was_current and abs(now - family.rotated_at) < policy.grace:
        return Redemption.REPEAT
    return Redemption.REUSE


def rotated(family: Family, token: str, *, now: float) -> Family:
    """Return the family with `token` as its newest."""
    return replace(family, previous=family.current, current=digest(token), turn=family.turn + 1, rotated_at=now)


def granted_scopes(granted: Collection[str], requested: Collection[str]) -> tuple[str, ...]:
    """Return the scopes for an access token: what is requested, or all that was granted (RFC 6749, section 6).

    Raises InvalidScope where something else is requested.
    """
    if beyond := missing(granted, requested):
        raise InvalidScope(beyond)
    return tuple(requested or granted)


def check_target(audience: str, resource: str | None) -> None:
    """Refuse to issue a token for another server than the one it was granted for (RFC 8707). Raises InvalidTarget."""
    if resource is not None and resource != audience:
        raise InvalidTarget(audience)


def _handle(token: str) -> str:
    form = _FORM.fullmatch(token)
    if form is None:
        raise InvalidGrant("it is not one of our refresh tokens")
    return form[1]


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
