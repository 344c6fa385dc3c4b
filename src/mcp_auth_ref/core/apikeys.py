"""API keys: long random strings for machines that cannot do OAuth, and what this server knows of each.

A key is `mcpk_`, 43 letters and digits that hold 256 random bits, and six that hold a CRC-32 of what stands before: a
scanner finds one that leaked into a repository, and a typing mistake is told from a key that is not known here. The
server keeps the SHA-256 of a key and nothing else of it. A slow hash, as for passwords, would protect nothing more: no
one guesses 256 random bits, and the lookup by digest lets nobody learn a key from how long it takes.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType

from mcp_auth_ref.core.errors import MalformedApiKey, TokenExpired, TokenRevoked, UnknownApiKey
from mcp_auth_ref.core.tokens import Claims

PREFIX = "mcpk_"
SECRET_BYTES = 32
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LENGTH = 43  # 62^43 is more than 2^256
_CHECK_LENGTH = 6  # 62^6 is more than 2^32


def api_key(random: bytes) -> str:
    """Write 32 random bytes as an API key."""
    if len(random) != SECRET_BYTES:
        raise ValueError(f"an API key is made of {SECRET_BYTES} random bytes")
    start = PREFIX + _base62(int.from_bytes(random, "big"), _SECRET_LENGTH)
    return start + _check(start)


def is_api_key(credential: str) -> bool:
    """Tell an API key from a token, by how it begins."""
    return credential.startswith(PREFIX)


def digest(key: str) -> str:
    """Return what is kept of a key: its SHA-256, in hex digits. Raises MalformedApiKey."""
    start, check = key[:-_CHECK_LENGTH], key[-_CHECK_LENGTH:]
    if not key.isascii() or len(key) != len(PREFIX) + _SECRET_LENGTH + _CHECK_LENGTH or not is_api_key(key):
        raise MalformedApiKey(f"it should be {PREFIX} and {_SECRET_LENGTH + _CHECK_LENGTH} letters and digits")
    if _check(start) != check:
        raise MalformedApiKey("a character is wrong: its checksum does not match")
    return sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known of a key. Moments are seconds since 1970; `id` is a name to speak of it, and no secret."""

    id: str
    digest: str = field(repr=False)
    subject: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    revoked_at: int | None = None

    def revoked(self, *, now: int) -> "ApiKey":
        """Return the key as one that is no longer accepted."""
        return self if self.revoked_at is not None else replace(self, revoked_at=now)

    def claims(self, *, issuer: str, resource: str) -> Claims:
        """Return what the key allows, in the words of an access token.

        `iss` is the issuer of the server's own tokens, so that one subject is the same in both, with one set of limits,
        and revoking it revokes both. `aud` is the server itself: the key is good nowhere else.
        """
        payload = {
            "iss": issuer,
            "sub": self.subject,
            "aud": resource,
            "client_id": f"apikey:{self.id}",
            "scope": " ".join(self.scopes),
            "iat": self.created_at,
            "exp": self.expires_at,
            "jti": self.id,
        }
        return Claims(MappingProxyType(payload))


class ApiKeys:
    """Accepts the API keys of one server, and refuses everything else.

    `is_revoked` tells of claims whether they have been taken back elsewhere, such as all older ones of a subject.
    """

    def __init__(
        self,
        keys: Iterable[ApiKey],
        *,
        issuer: str,
        resource: str,
        is_revoked: Callable[[Claims], bool] | None = None,
    ) -> None:
        self._issuer = issuer
        self._resource = resource
        self._is_revoked = is_revoked
        self.replace(keys)

    def replace(self, keys: Iterable[ApiKey]) -> None:
        """Accept these keys from now on, and no other."""
        self._known: Mapping[bytes, tuple[ApiKey, Claims]] = {
            bytes.fromhex(key.digest): (key, key.claims(issuer=self._issuer, resource=self._resource)) for key in keys
        }

    def verify(self, token: str, *, now: float) -> Claims:
        """Return what an API key allows. Raises MalformedApiKey, UnknownApiKey, TokenRevoked, TokenExpired.

        There is no leeway: the same clock wrote the date and reads it.
        """
        known = self._known.get(sha256(token.encode("utf-8", "surrogatepass")).digest())
        if known is None:
            digest(token)  # to tell one that is not written as a key
            raise UnknownApiKey
        key, claims = known
        if key.revoked_at is not None or (self._is_revoked is not None and self._is_revoked(claims)):
            raise TokenRevoked
        if now >= key.expires_at:
            raise TokenExpired(key.expires_at, now)
        return claims


def _check(start: str) -> str:
    return _base62(zlib.crc32(start.encode()), _CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
