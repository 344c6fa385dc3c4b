"""Keys: a shared secret or a key pair, each bound to one algorithm, and sets of them from oldest to newest.

The algorithm belongs to the key, never to a token (RFC 8725, section 3.1): PyJWT's algorithm object and the prepared
key are put together once, when the key is made, and a token can only choose among the keys of a set by `kid`.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm as UnsupportedKeyType
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jwt.algorithms import Algorithm, ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from mcp_auth_ref.core.errors import InvalidKey, UnknownKey, UnsupportedAlgorithm

AlgorithmName: TypeAlias = Literal["HS256", "RS256", "ES256", "EdDSA"]
PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

MIN_SECRET_BYTES = 32
MIN_RSA_BITS = 2048
MIN_DISTINCT_BYTES = 6
MIN_OWN_BYTES = 12

_HMAC = HMACAlgorithm(HMACAlgorithm.SHA256)
_PUBLIC_KEY_ALGORITHMS: Mapping[type[PublicKey], tuple[AlgorithmName, Algorithm]] = {
    RSAPublicKey: ("RS256", RSAAlgorithm(RSAAlgorithm.SHA256)),
    EllipticCurvePublicKey: ("ES256", ECAlgorithm(ECAlgorithm.SHA256, SECP256R1)),
    Ed25519PublicKey: ("EdDSA", OKPAlgorithm()),
}
_JWK_KINDS: tuple[tuple[str, str | None, AlgorithmName], ...] = (
    ("oct", None, "HS256"),
    ("RSA", None, "RS256"),
    ("EC", "P-256", "ES256"),
    ("OKP", "Ed25519", "EdDSA"),
)
_JWK_READERS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "oct": HMACAlgorithm.from_jwk,
    "RSA": RSAAlgorithm.from_jwk,
    "EC": ECAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
}
_THUMBPRINT_MEMBERS = ("crv", "e", "kty", "n", "x", "y")
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PLACEHOLDERS = re.compile(
    rb"change[-_ ]?(?:me|this|it)|secrets?|passw(?:or)?d|placeholder|example|default|insecure|super|string|random"
    rb"|tokens?|keys?|jwt|hs256|hmac|your|please|replace|production|development|least|long|bits?|bytes?|minimum"
    rb"|chars?|characters?|(?<![a-z])(?:an?|and|at|for|here|in|is|it|me|my|the|this|use|very|with)(?![a-z])"
    rb"|(?<![0-9a-z])[0-9]{1,4}(?![0-9a-z])|(.)\1{3,}|[-_ .!]"
)
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_UNREADABLE = (PyJWTError, UnsupportedKeyType, ValueError, TypeError, KeyError)


_Key = TypeVar("_Key", bound="VerifyingKey")


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key that can check signatures of its one algorithm."""

    kid: str
    algorithm: AlgorithmName
    material: bytes | PublicKey = field(repr=False)
    _algorithm: Algorithm = field(repr=False, compare=False)

    @classmethod
    def from_public_key(cls, key: object, *, kid: str | None = None) -> "VerifyingKey":
        """Bind a public key of `cryptography` to its algorithm; without `kid`, its thumbprint (RFC 7638) is used."""
        name, algorithm, public = _asymmetric(key)
        return VerifyingKey(kid or _thumbprint(algorithm.to_jwk(public, as_dict=True)), name, public, algorithm)

    @classmethod
    def from_pem(cls, pem: bytes, *, kid: str | None = None) -> "VerifyingKey":
        """Read a PEM-encoded public key. Raises InvalidKey."""
        if b"PRIVATE KEY" in pem:
            raise InvalidKey("it is a private key where a public one belongs")
        try:
            return cls.from_public_key(load_pem_public_key(pem), kid=kid)
        except _UNREADABLE:
            raise InvalidKey("it is not a PEM-encoded public key") from None

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "VerifyingKey":
        """Read a public JWK (RFC 7517), for signatures by its own word. Raises InvalidKey."""
        if _PRIVATE_MEMBERS & jwk.keys():
            raise InvalidKey("it is a private or shared key where a public one belongs")
        return _from_jwk(jwk, operation="verify", bind=VerifyingKey.from_public_key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key made `signature` over `message`."""
        return self._algorithm.verify(message, self.material, signature)

    def public_jwk(self) -> dict[str, str] | None:
        """Return the public JWK, or None for a shared secret, which has no public half."""
        if isinstance(self.material, bytes):
            return None
        members = self._algorithm.to_jwk(self.material, as_dict=True)
        public = {name: members[name] for name in _THUMBPRINT_MEMBERS if name in members}
        return {"kid": self.kid, "alg": self.algorithm, "use": "sig", **public}


@dataclass(frozen=True, slots=True)
class SigningKey(VerifyingKey):
    """A key that can sign as well: a shared secret, or the private half of a pair.

    It verifies from the first, and signs nothing before `signs_from`, in seconds since 1970.
    """

    private: bytes | PrivateKey = field(repr=False, compare=False)
    signs_from: float = field(default=0, repr=False, compare=False)

    @classmethod
    def from_secret(cls, secret: bytes, *, kid: str | None = None) -> "SigningKey":
        """Bind a shared secret of at least 32 bytes to HS256 (RFC 7518, section 3.2).

        Without `kid`, one is derived from the secret that tells two secrets apart and gives neither away. Raises
        InvalidKey, also for what can be guessed: a short piece over and over, a placeholder.
        """
        try:
            prepared = _HMAC.prepare_key(secret)
        except PyJWTError:
            raise InvalidKey("it is empty or an encoded key, not a shared secret") from None
        if len(prepared) < MIN_SECRET_BYTES:
            raise InvalidKey(f"the secret has {len(prepared)} bytes; HS256 needs at least {MIN_SECRET_BYTES}")
        _refuse_guessable(prepared)
        return cls(kid or _secret_kid(prepared), "HS256", prepared, _HMAC, prepared)

    @classmethod
    def from_private_key(cls, key: object, *, kid: str | None = None) -> "SigningKey":
        """Bind a private key of `cryptography` (RSA, P-256 or Ed25519) to its algorithm. Raises InvalidKey."""
        if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
            raise InvalidKey("it is not an RSA, P-256 or Ed25519 private key")
        public = VerifyingKey.from_public_key(key.public_key(), kid=kid)
        return cls(public.kid, public.algorithm, public.material, public._algorithm, key)

    @classmethod
    def from_pem(cls, pem: bytes, *, kid: str | None = None) -> "SigningKey":
        """Read a PEM-encoded private key without passphrase. Raises InvalidKey."""
        try:
            return cls.from_private_key(load_pem_private_key(pem, password=None), kid=kid)
        except _UNREADABLE:
            raise InvalidKey("it is not a PEM-encoded private key without passphrase") from None

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "SigningKey":
        """Read a private JWK, or a shared secret (`kty: oct`); `nbf` is when it begins to sign. Raises InvalidKey."""
        bind = cls.from_secret if jwk.get("kty") == "oct" else cls.from_private_key
        return replace(_from_jwk(jwk, operation="sign", bind=bind), signs_from=_moment(jwk.get("nbf", 0)))

    def to_pem(self) -> bytes:
        """Encode the private key as PKCS #8 PEM, in the clear. Raises InvalidKey for a shared secret."""
        if isinstance(self.private, bytes):
            raise InvalidKey("a shared secret has no PEM form")
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys from oldest to newest: the last whose time has come signs, each verifies what carries its `kid`."""

    keys: tuple[VerifyingKey, ...]
    _index: Mapping[tuple[str, str | None], tuple[VerifyingKey, ...]] = field(init=False, repr=False, compare=False)

    def __init__(self, keys: Iterable[VerifyingKey]) -> None:
        object.__setattr__(self, "keys", tuple(keys))
        if len({key.kid for key in self.keys}) != len(self.keys):
            raise InvalidKey("two keys of a set have one kid")
        index: dict[tuple[str, str | None], tuple[VerifyingKey, ...]] = {}
        for key in self.keys:
            index[key.algorithm, key.kid] = (key,)
            index[key.algorithm, None] = (key, *index.get((key.algorithm, None), ()))
        object.__setattr__(self, "_index", index)

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any]) -> "KeySet":
        """Read somebody's published key set (RFC 7517, section 5): oldest first, as published.

        Keys for other uses, of other kinds, weak or unreadable ones are left aside. Raises InvalidKey for a set that
        publishes a private or shared key, and for one without a single key to verify with.
        """
        members = document.get("keys")
        if not isinstance(members, list) or not all(isinstance(jwk, dict) for jwk in members):
            raise InvalidKey("a key set is a JSON object with a list of objects named keys")
        if any(_PRIVATE_MEMBERS & jwk.keys() for jwk in members):
            raise InvalidKey("the key set publishes a private or shared key")
        keys = []
        for jwk in members:
            with suppress(InvalidKey):
                keys.append(VerifyingKey.from_jwk(jwk))
        if not keys:
            raise InvalidKey("the key set has no RSA, P-256 or Ed25519 key for signatures")
        return cls(keys)

    @property
    def signing_key(self) -> SigningKey:
        """The newest key that can sign, be it later. Raises InvalidKey where there is none."""
        return self.signing_key_at(float("inf"))

    def signing_key_at(self, now: float) -> SigningKey:
        """Return the key that signs at `now`, in seconds since 1970: the newest whose time has come.

        Raises InvalidKey where there is none.
        """
        able = [key for key in self.keys if isinstance(key, SigningKey)]
        for key in reversed(able):
            if key.signs_from <= now:
                return key
        raise InvalidKey("none of the keys signs yet" if able else "none of the keys can sign")

    def candidates(self, *, algorithm: str, kid: str | None) -> tuple[VerifyingKey, ...]:
        """Return the keys that may verify a token with this header, newest first.

        Raises UnsupportedAlgorithm or UnknownKey where there is none.
        """
        found = self._index.get((algorithm, kid))
        if found is None:
            if (algorithm, None) in self._index and all(key.kid != kid for key in self.keys):
                raise UnknownKey
            raise UnsupportedAlgorithm(key.algorithm for key in self.keys)
        return found

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public key set (RFC 7517), without a trace of private or shared keys."""
        published = (key.public_jwk() for key in self.keys)
        return {"keys": [jwk for jwk in published if jwk is not None]}


def _asymmetric(key: object) -> tuple[AlgorithmName, Algorithm, PublicKey]:
    for kind, (name, algorithm) in _PUBLIC_KEY_ALGORITHMS.items():
        if isinstance(key, kind):
            if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
                raise InvalidKey(f"the RSA key has {key.key_size} bits; at least {MIN_RSA_BITS} are needed")
            if isinstance(key, RSAPublicKey) and _is_roca(key.public_numbers().n):
                raise InvalidKey("the RSA key was made by a generator whose keys can be factored (CVE-2017-15361)")
            if isinstance(key, EllipticCurvePublicKey) and not isinstance(key.curve, SECP256R1):
                raise InvalidKey(f"the curve is {key.curve.name}; ES256 needs P-256")
            return name, algorithm, key
    raise InvalidKey("it is not an RSA, P-256 or Ed25519 public key")


def _refuse_guessable(secret: bytes) -> None:
    """Refuse what no random source has made. The rules are few, and what they let through may still be a bad secret.

    Of random secrets, in hex digits or anything richer, they refuse less than one in 10^12.
    """
    if len(set(secret)) < MIN_DISTINCT_BYTES:
        raise InvalidKey(f"the secret is made of {len(set(secret))} different bytes; a random one has many more")
    period = next(shift for shift in range(1, len(secret) + 1) if secret.startswith(secret[shift:]))
    if period <= min(len(secret) // 2, MIN_SECRET_BYTES - 1):
        raise InvalidKey(f"the secret is a piece of {period} bytes over and over")
    if secret.isascii() and len(_PLACEHOLDERS.sub(b"", secret.lower())) < MIN_OWN_BYTES:
        raise InvalidKey("the secret is a placeholder: the words of an example and next to nothing else")


def _is_roca(modulus: int) -> bool:
    """Tell whether the modulus bears the mark of ROCA: modulo each of these primes it is a power of 65537.

    For about one honest key in two hundred million this is so by chance.
    """
    return all(modulus % prime in {pow(65537, power, prime) for power in range(prime)} for prime in _ROCA_PRIMES)


def _from_jwk(jwk: Mapping[str, Any], *, operation: str, bind: Callable[..., _Key]) -> _Key:
    """Read a JWK that is meant for this operation with an algorithm of ours, and bind it."""
    if not _is_meant_for(operation, jwk):
        raise InvalidKey(f"the JWK is not meant to {operation} with HS256, RS256, ES256 or EdDSA")
    kid = jwk.get("kid")
    if kid is not None and (not isinstance(kid, str) or not kid):
        raise InvalidKey("the kid of the JWK is not a string with something in it")
    try:
        material = _JWK_READERS[jwk["kty"]](dict(jwk))
    except _UNREADABLE:
        raise InvalidKey("the JWK cannot be read") from None
    return bind(material, kid=kid)


def _is_meant_for(operation: str, jwk: Mapping[str, Any]) -> bool:
    operations = jwk.get("key_ops", [operation])
    return (
        any((jwk.get("kty"), jwk.get("crv"), jwk.get("alg", name)) == (kty, crv, name) for kty, crv, name in _JWK_KINDS)
        and jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and operation in operations
    )


def _moment(seconds: object) -> float:
    """Read the `nbf` of a JWK: the moment from which on a key is used (as in OpenID Federation 1.0)."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < float("inf"):
        raise InvalidKey("the nbf of the JWK is not a number of seconds since 1970")
    return seconds


def _thumbprint(jwk: Mapping[str, Any]) -> str:
    """Name a public key by its content (RFC 7638)."""
    required = {name: jwk[name] for name in _THUMBPRINT_MEMBERS if name in jwk}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _secret_kid(secret: bytes) -> str:
    return _base64url(hmac.digest(secret, b"mcp-auth-ref kid", "sha256")[:9])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
