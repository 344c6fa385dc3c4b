"""What the tests forge tokens with: few, open and none of it the package's own.

A test says in full what stands in the header and the payload; `forge` encodes and signs whatever that is.
"""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from mcp_auth_ref.core.errors import InvalidToken
from mcp_auth_ref.core.keys import KeySet, SigningKey
from mcp_auth_ref.core.tokens import TokenVerifier
from tests.vectors import document

NOW = 1_795_000_000
ISSUER = "http://127.0.0.1:8765"
RESOURCE = "http://127.0.0.1:8765/mcp"
SECRET = b"demonstration-secret-never-use-it-in-production"

HEADER = {"alg": "HS256", "typ": "at+jwt"}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "ada",
    "aud": RESOURCE,
    "client_id": "cli",
    "scope": "mcp:tools:read",
    "iat": NOW,
    "exp": NOW + 3600,
    "jti": "0123456789abcdef",
}

# One key for each algorithm; the three pairs are the examples of RFC 7515, A.2 and A.3, and RFC 8037, A.1.
KEYS = {
    "HS256": SigningKey.from_secret(SECRET),
    "RS256": SigningKey.from_jwk(document("rfc7515.json")[1]["key"]),
    "ES256": SigningKey.from_jwk(document("rfc7515.json")[2]["key"]),
    "EdDSA": SigningKey.from_jwk(document("rfc8037.json")[0]["key"]),
}
VERIFIERS = {name: TokenVerifier(ISSUER, RESOURCE, KeySet([key])) for name, key in KEYS.items()}
VERIFIER = VERIFIERS["HS256"]


def hs256(message: bytes, secret: bytes = SECRET) -> bytes:
    return hmac.digest(secret, message, "sha256")


def rs256(message: bytes) -> bytes:
    private = KEYS["RS256"].private
    assert isinstance(private, RSAPrivateKey)
    return private.sign(message, PKCS1v15(), SHA256())


def es256(message: bytes) -> bytes:
    private = KEYS["ES256"].private
    assert isinstance(private, EllipticCurvePrivateKey)
    r, s = decode_dss_signature(private.sign(message, ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def eddsa(message: bytes) -> bytes:
    private = KEYS["EdDSA"].private
    assert isinstance(private, Ed25519PrivateKey)
    return private.sign(message)


SIGNERS: dict[str, Callable[[bytes], bytes]] = {"HS256": hs256, "RS256": rs256, "ES256": es256, "EdDSA": eddsa}


def forge(header: object, payload: object, sign: Callable[[bytes], bytes] = hs256) -> str:
    """Encode a header and a payload, whatever they are, and sign them."""
    return seal(f"{segment(header)}.{segment(payload)}", sign)


def seal(signing_input: str, sign: Callable[[bytes], bytes] = hs256) -> str:
    """Sign two parts that are encoded already, rightly or not."""
    return f"{signing_input}.{base64url(sign(signing_input.encode()))}"


def segment(content: object) -> str:
    """Encode bytes as they are, text as UTF-8 and anything else as JSON."""
    if isinstance(content, bytes):
        return base64url(content)
    return base64url((content if isinstance(content, str) else json.dumps(content)).encode())


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def without(claim: str) -> dict[str, Any]:
    return {name: value for name, value in CLAIMS.items() if name != claim}


def refusal(token: str, verifier: TokenVerifier = VERIFIER, *, now: float = NOW) -> tuple[type, dict[str, Any]]:
    """Return what a verifier refuses a token with: the error's type and all its data."""
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token, now=now)
    return type(caught.value), vars(caught.value)
