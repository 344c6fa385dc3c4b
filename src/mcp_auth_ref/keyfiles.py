"""Key files: PEM, a JWK or a JWK Set, read into a set of keys; written as a JWK Set that only its owner may read.

A private JWK may say in `nbf` when it begins to sign, in seconds since 1970; until then it is published and verifies.
Shared secrets have a plainer file: one a line, oldest to newest, each with ` nbf=SECONDS` behind it where it waits.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

from mcp_auth_ref import privatefiles
from mcp_auth_ref.core.errors import InvalidKey
from mcp_auth_ref.core.keys import AlgorithmName, KeySet, PrivateKey, SigningKey, VerifyingKey

PairAlgorithm: TypeAlias = Literal["ES256", "RS256", "EdDSA"]

_GENERATORS: Mapping[PairAlgorithm, Callable[[], PrivateKey]] = {
    "ES256": lambda: generate_private_key(SECP256R1()),
    "RS256": lambda: generate_rsa_key(public_exponent=65537, key_size=3072),
    "EdDSA": Ed25519PrivateKey.generate,
}
_TO_JWK: Mapping[AlgorithmName, Callable[..., dict[str, Any]]] = {
    "HS256": HMACAlgorithm.to_jwk,
    "ES256": ECAlgorithm.to_jwk,
    "RS256": RSAAlgorithm.to_jwk,
    "EdDSA": OKPAlgorithm.to_jwk,
}
_PEM_KEY = re.compile(rb"-----BEGIN ([A-Z ]*KEY)-----.*?-----END \1-----", re.DOTALL)


def generate(algorithm: PairAlgorithm) -> SigningKey:
    """Make a key pair: P-256 for ES256, 3072 bits for RS256, Ed25519 for EdDSA."""
    return SigningKey.from_private_key(_GENERATORS[algorithm]())


def read(path: Path) -> KeySet:
    """Read private or public keys, oldest to newest: PEM blocks, a JWK, or a JWK Set. Raises InvalidKey, OSError."""
    return KeySet(_from_pem(key) if isinstance(key, bytes) else _from_jwk(key) for key in _entries(path))


def read_public(path: Path) -> KeySet:
    """Read somebody else's keys likewise, of which only the public half may be here. Raises InvalidKey, OSError."""
    entries = _entries(path)
    pem = [VerifyingKey.from_pem(entry) for entry in entries if isinstance(entry, bytes)]
    return KeySet(pem) if pem else KeySet.from_jwks({"keys": entries})


def write(path: Path, keys: KeySet) -> None:
    """Replace the file in one step by a JWK Set of the private keys, for its owner's eyes only (mode 0600).

    Raises InvalidKey where a key is public only, OSError.
    """
    document = {"keys": [_private_jwk(key) for key in keys.keys]}
    privatefiles.replace(path, json.dumps(document, indent=2).encode() + b"\n")


def secrets_in(data: bytes) -> KeySet:
    """Take shared secrets apart: one a line, oldest to newest. Raises InvalidKey."""
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    if len(lines) == 1 or b"-----BEGIN " in data:
        return KeySet([_from_line(data)])
    return KeySet(_numbered(number, line) for number, line in enumerate(lines, 1) if line)


def write_secrets(path: Path, keys: KeySet) -> None:
    """Replace a file of shared secrets in one step. Raises OSError."""
    privatefiles.replace(path, b"".join(_to_line(key) for key in keys.keys))


def _numbered(number: int, line: bytes) -> SigningKey:
    try:
        return _from_line(line)
    except InvalidKey as error:
        raise InvalidKey(f"line {number}: {error.problem}") from None


def _from_line(line: bytes) -> SigningKey:
    secret, waits, moment = line.rpartition(b" nbf=")
    if not waits or not moment.isdigit():
        return SigningKey.from_secret(line)
    return dataclasses.replace(SigningKey.from_secret(secret), signs_from=int(moment))


def _to_line(key: VerifyingKey) -> bytes:
    if not isinstance(key, SigningKey) or not isinstance(key.private, bytes):
        raise InvalidKey(f"{key.kid} is no shared secret")
    return key.private + (b" nbf=%d" % key.signs_from if key.signs_from else b"") + b"\n"


def _entries(path: Path) -> list[bytes] | list[dict[str, Any]]:
    """Take the file apart into PEM blocks or JWKs, at least one."""
    data = privatefiles.read(path)
    if blocks := [block[0] for block in _PEM_KEY.finditer(data)]:
        return blocks
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidKey("it is neither PEM nor JSON") from None
    members = document.get("keys", [document]) if isinstance(document, dict) else None
    if not isinstance(members, list) or not members or not all(isinstance(jwk, dict) for jwk in members):
        raise InvalidKey("it is neither a JWK nor a JWK Set with a key in it")
    return members


def _from_pem(block: bytes) -> VerifyingKey:
    return SigningKey.from_pem(block) if b"PRIVATE KEY" in block else VerifyingKey.from_pem(block)


def _from_jwk(jwk: Mapping[str, Any]) -> VerifyingKey:
    return SigningKey.from_jwk(jwk) if "d" in jwk or "k" in jwk else VerifyingKey.from_jwk(jwk)


def _private_jwk(key: VerifyingKey) -> dict[str, Any]:
    if not isinstance(key, SigningKey):
        raise InvalidKey(f"only the public half of {key.kid} is there")
    members = _TO_JWK[key.algorithm](key.private, as_dict=True)
    members.pop("key_ops", None)
    waits = {"nbf": int(key.signs_from)} if key.signs_from else {}
    return {"kid": key.kid, "alg": key.algorithm, "use": "sig", **waits, **members}
