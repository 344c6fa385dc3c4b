"""Access tokens: what they say (RFC 9068), how they are issued, and when they are accepted.

The order of `TokenVerifier.verify` is the order of trust: the strict reader, the signature, then the claims one by one.
Only that method makes `Claims`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import jwt

from mcp_auth_ref.core import jws
from mcp_auth_ref.core.errors import (
    BadSignature,
    InvalidClaim,
    MissingClaim,
    TokenExpired,
    TokenNotYetValid,
    TokenTooOld,
    UnknownIssuer,
    WrongAudience,
    WrongIssuer,
    WrongType,
)
from mcp_auth_ref.core.keys import KeySet
from mcp_auth_ref.core.scopes import is_scope_list

TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type, no password
_TOKEN_TYPES = ("at+jwt", "application/at+jwt")
REQUIRED_CLAIMS = ("iss", "sub", "aud", "client_id", "iat", "exp", "jti")
RESERVED_CLAIMS = (*REQUIRED_CLAIMS, "nbf", "scope", "username", "role", "sid")
_REQUIRED_STRINGS = ("iss", "sub", "client_id", "jti")
_OPTIONAL_STRINGS = ("scope", "username", "role", "sid")
LATEST_DATE = 253_402_300_799  # the last second of the year 9999


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. `payload` is the whole of it, read-only; dates are seconds since 1970."""

    payload: Mapping[str, Any]

    @property
    def issuer(self) -> str:
        """Who issued the token (`iss`)."""
        return str(self.payload["iss"])

    @property
    def subject(self) -> str:
        """Whom the token speaks for (`sub`)."""
        return str(self.payload["sub"])

    @property
    def audience(self) -> tuple[str, ...]:
        """The servers the token is for (`aud`)."""
        audience = self.payload["aud"]
        return (audience,) if isinstance(audience, str) else tuple(audience)

    @property
    def client_id(self) -> str:
        """The client the token was issued to."""
        return str(self.payload["client_id"])

    @property
    def scopes(self) -> frozenset[str]:
        """What the token allows (`scope`)."""
        return frozenset(self.payload.get("scope", "").split())

    @property
    def issued_at(self) -> float:
        """When the token was issued (`iat`)."""
        return float(self.payload["iat"])

    @property
    def expires_at(self) -> float:
        """When the token ends (`exp`)."""
        return float(self.payload["exp"])

    @property
    def token_id(self) -> str:
        """The token's unique name (`jti`)."""
        return str(self.payload["jti"])

    @property
    def username(self) -> str | None:
        """A name to show to people, where the issuer gives one."""
        return self.payload.get("username")

    @property
    def role(self) -> str | None:
        """The role the scopes came from, where the issuer gives one. It grants nothing by itself."""
        return self.payload.get("role")

    @property
    def family(self) -> str | None:
        """The sign-in that the token comes from, where it may be ended as a whole (`sid`)."""
        return self.payload.get("sid")


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Signs access tokens for one audience with the newest key of a set whose time has come.

    `lifetime` is in seconds.
    """

    issuer: str
    audience: str
    keys: KeySet
    lifetime: int = 3600

    def issue(
        self,
        *,
        subject: str,
        client_id: str,
        scopes: Iterable[str],
        now: int,
        token_id: str,
        username: str | None = None,
        role: str | None = None,
        family: str | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Sign an access token (RFC 9068) that starts `now`, seconds since 1970, and lives for `lifetime`.

        `token_id` must be unique and not guessable: `secrets.token_urlsafe(16)`. `family` names the refresh family that
        the token ends with. `claims` adds claims of your own; one that this method sets is refused. Raises
        InvalidClaim, MissingClaim, InvalidKey, and MalformedToken for what our own reader would not take: more than
        8192 bytes, NaN, half a surrogate pair.
        """
        payload: dict[str, Any] = {
            "iss": self.issuer,
            "sub": subject,
            "aud": self.audience,
            "client_id": client_id,
            "scope": _scope_claim(scopes),
            "iat": now,
            "exp": now + self.lifetime,
            "jti": token_id,
            **({"username": username} if username is not None else {}),
            **({"role": role} if role is not None else {}),
            **({"sid": family} if family is not None else {}),
            **_own_claims(claims or {}),
        }
        _check_claims(payload, issuer=self.issuer, audience=self.audience)
        key = self.keys.signing_key_at(now)
        token = jwt.encode(payload, key.private, algorithm=key.algorithm, headers={"typ": TOKEN_TYPE, "kid": key.kid})
        jws.payload(jws.read(token))
        return token


def _scope_claim(scopes: Iterable[str]) -> str:
    if isinstance(scopes, str):
        raise InvalidClaim("scope", 'given as a list: ["mcp:tools:read"]')  # a string is an iterable of its letters
    return " ".join(scopes)


def _own_claims(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in RESERVED_CLAIMS:
        if name in claims:
            raise InvalidClaim(name, "yours to set: it has an argument or a setting of its own")
    return claims


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Accepts the access tokens of one issuer for one audience, and refuses everything else.

    `leeway` forgives clocks that differ by so many seconds, both ways. `max_age`, in seconds, refuses tokens issued
    longer ago, whatever their `exp`.
    """

    issuer: str
    audience: str
    keys: KeySet
    leeway: float = 30
    max_age: float | None = None

    def verify(self, token: str, *, now: float) -> Claims:
        """Return what the token says, once its signature and every claim has held. Raises InvalidToken."""
        unverified = jws.read(token)
        header = unverified.header
        for key in self.keys.candidates(algorithm=header.algorithm, kid=header.kid):
            if key.verify(unverified.signing_input, unverified.signature):
                break
        else:
            raise BadSignature
        if header.type is None or header.type.lower() not in _TOKEN_TYPES:
            raise WrongType
        payload = jws.payload(unverified)
        _check_claims(payload, issuer=self.issuer, audience=self.audience)
        claims = Claims(MappingProxyType(payload))
        self.check_time(claims, now=now)
        return claims

    def check_time(self, claims: Claims, *, now: float) -> None:
        """Refuse verified claims whose time has not come or has passed.

        Raises TokenExpired, TokenNotYetValid, TokenTooOld.
        """
        payload = claims.payload
        expires_at, issued_at = payload["exp"], payload["iat"]
        if now >= expires_at + self.leeway:
            raise TokenExpired(expires_at, now)
        if issued_at > now + self.leeway:
            raise TokenNotYetValid("iat", issued_at, now)
        if payload.get("nbf", issued_at) > now + self.leeway:
            raise TokenNotYetValid("nbf", payload["nbf"], now)
        if self.max_age is not None and now - issued_at > self.max_age + self.leeway:
            raise TokenTooOld(now - issued_at, self.max_age)

    def window(self, claims: Claims) -> tuple[float, float]:
        """Return from when until before when `check_time` has nothing against verified claims."""
        payload = claims.payload
        issued_at, ends = payload["iat"], [payload["exp"]]
        if self.max_age is not None:
            ends.append(issued_at + self.max_age)
        return max(issued_at, payload.get("nbf", issued_at)) - self.leeway, min(ends) + self.leeway


@dataclass(frozen=True, slots=True)
class TrustedIssuers:
    """Accepts the access tokens of several issuers, each with its own keys, audience and leeway."""

    verifiers: tuple[TokenVerifier, ...]

    def verify(self, token: str, *, now: float) -> Claims:
        """Return what the token says, once the verifier of its issuer has accepted it. Raises InvalidToken.

        The unverified `iss` is looked at for one purpose: to choose whose keys must have made the signature.
        """
        return self._verifier(jws.payload(jws.read(token)).get("iss")).verify(token, now=now)

    def check_time(self, claims: Claims, *, now: float) -> None:
        """Refuse verified claims whose time has not come or has passed, as their issuer's verifier does."""
        self._verifier(claims.issuer).check_time(claims, now=now)

    def window(self, claims: Claims) -> tuple[float, float]:
        """Return from when until before when `check_time` has nothing against verified claims."""
        return self._verifier(claims.issuer).window(claims)

    def _verifier(self, issuer: object) -> TokenVerifier:
        for verifier in self.verifiers:
            if verifier.issuer == issuer:
                return verifier
        raise UnknownIssuer


def _check_claims(payload: Mapping[str, Any], *, issuer: str, audience: str) -> None:
    """Require, then compare: every claim is there in its form, and says what is expected."""
    for name in _REQUIRED_STRINGS:
        value = payload.get(name)
        if type(value) is not str or not value:
            raise _absent_or(InvalidClaim(name, "a string"), value)
    if payload["iss"] != issuer:
        raise WrongIssuer(issuer)
    _check_audience(payload.get("aud"), audience)
    _check_date("iat", payload.get("iat"))
    _check_date("exp", payload.get("exp"))
    if "nbf" in payload:
        _check_date("nbf", payload["nbf"])
    for name in _OPTIONAL_STRINGS:
        if type(payload.get(name, "")) is not str:
            raise InvalidClaim(name, "a string")
    if not is_scope_list(payload.get("scope", "")):
        raise InvalidClaim("scope", "a list of scope words with one space between two")


def _check_audience(audience: object, expected: str) -> None:
    """Accept the one string, or a list of strings that has it (RFC 7519, section 4.1.3)."""
    if audience == expected != "":
        return
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not named or not all(type(item) is str and item for item in named):
        raise _absent_or(InvalidClaim("aud", "a string or a list of strings"), audience)
    if expected not in named:
        raise WrongAudience(expected)


def _check_date(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= LATEST_DATE:
        raise _absent_or(InvalidClaim(name, "a number of seconds since 1970"), value)


def _absent_or(error: InvalidClaim, value: object) -> InvalidClaim | MissingClaim:
    """Tell a claim that is not there, or empty, from one of the wrong form."""
    return MissingClaim(error.claim) if value in (None, "", []) else error
