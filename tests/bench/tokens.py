"""Verification of one access token with the full policy: ours, cached, and the peers'."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
from authlib.jose import JsonWebKey, JsonWebToken
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_p256
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastmcp.server.auth.providers.jwt import JWTVerifier
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwt.algorithms import HMACAlgorithm

from mcp_auth_ref import KeySet, SigningKey, TokenIssuer, TokenVerifier, VerifiedTokenCache
from mcp_auth_ref.core.apikeys import ApiKey, ApiKeys, api_key, digest
from mcp_auth_ref.core.scopes import ROLES
from mcp_auth_ref.server.apikeys import TokensAndApiKeys
from tests.bench.measure import Row, Run, cpu_time

SECRET = b"a benchmark secret, good for nothing else"
ISSUER = "http://127.0.0.1:8765"
RESOURCE = "http://127.0.0.1:8765/mcp"
REQUIRED = ("iss", "sub", "aud", "client_id", "iat", "exp", "jti")
TARGETS = {"HS256": 4.0, "RS256": 2.0, "ES256": 1.3, "EdDSA": 1.2}
CACHED_TARGET = 40.0
API_KEY_TARGET = 0.8
CALLS = {"HS256": 5000, "RS256": 2000, "ES256": 1000, "EdDSA": 1000}


def rows() -> Iterator[Row]:
    """Measure each algorithm; the baseline is PyJWT's `decode` with a loaded key."""
    for key in (
        SigningKey.from_secret(SECRET),
        SigningKey.from_private_key(generate_rsa(65537, 2048)),
        SigningKey.from_private_key(generate_p256(SECP256R1())),
        SigningKey.from_private_key(Ed25519PrivateKey.generate()),
    ):
        times = cpu_time(_contenders(key), calls=CALLS[key.algorithm])
        for name, seconds in times.items():
            target = {"ours": TARGETS[key.algorithm], "ours, cached": CACHED_TARGET}.get(name)
            ratio = times["PyJWT"] / seconds
            yield Row(f"verify {key.algorithm}", name, seconds * 1e6, "µs", "PyJWT", ratio, target)

    times = cpu_time(_cached_token_and_api_key(), calls=20_000)
    for name, seconds in times.items():
        ratio = times["a cached token"] / seconds
        yield Row(
            "an API key", name, seconds * 1e6, "µs", "a cached token", ratio, API_KEY_TARGET if ratio != 1 else None
        )


def _cached_token_and_api_key() -> dict[str, Run]:
    signing, now, key = SigningKey.from_secret(SECRET), time.time(), api_key(secrets.token_bytes(32))
    token, cache = sample_token(signing), VerifiedTokenCache(TokenVerifier(ISSUER, RESOURCE, KeySet([signing])))
    known = ApiKey(
        id="bench",
        digest=digest(key),
        subject="ada",
        scopes=ROLES["user"],
        created_at=int(now),
        expires_at=int(now) + 3600,
    )
    both = TokensAndApiKeys(cache, ApiKeys([known], issuer=ISSUER, resource=RESOURCE))
    return {
        "a cached token": _repeat(lambda: both.verify(token, now=now)),
        "an API key": _repeat(lambda: both.verify(key, now=now)),
    }


def sample_token(key: SigningKey) -> str:
    """Issue the token that every contender verifies: the one a user gets by default."""
    return TokenIssuer(ISSUER, RESOURCE, KeySet([key])).issue(
        subject="ada",
        client_id="bench",
        scopes=ROLES["user"],
        now=int(time.time()),
        token_id="bench-bench-bench-bench",
        username="Ada",
        role="user",
    )


def _contenders(key: SigningKey) -> dict[str, Run]:
    token = sample_token(key)
    now = time.time()
    verifier = TokenVerifier(ISSUER, RESOURCE, KeySet([key]))
    cache = VerifiedTokenCache(verifier)
    return {
        "PyJWT": _repeat(_pyjwt(key, token)),
        "ours": _repeat(lambda: verifier.verify(token, now=now)),
        "ours, cached": _repeat(lambda: cache.verify(token, now=now)),
        "joserfc": _repeat(_joserfc(key, token)),
        "authlib": _repeat(_authlib(key, token)),
        "FastMCP JWTVerifier": _fastmcp(key, token),
    }


def _repeat(call: Callable[[], object]) -> Run:
    def run(times: int) -> None:
        for _ in range(times):
            call()

    return run


def _pyjwt(key: SigningKey, token: str) -> Callable[[], object]:
    def call() -> object:
        return jwt.decode(
            token,
            key.material,
            algorithms=[key.algorithm],
            audience=RESOURCE,
            issuer=ISSUER,
            options={"require": list(REQUIRED)},
        )

    return call


def _joserfc(key: SigningKey, token: str) -> Callable[[], object]:
    loaded = joserfc_jwk.import_key(_jwk(key))
    policy: dict[str, Any] = {name: {"essential": True} for name in REQUIRED}
    policy |= {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": RESOURCE}}
    claims = joserfc_jwt.JWTClaimsRegistry(**policy)

    def call() -> object:
        decoded = joserfc_jwt.decode(token, loaded, algorithms=[key.algorithm])
        claims.validate(decoded.claims)
        return decoded

    return call


def _jwk(key: SigningKey) -> dict[str, Any]:
    return key.public_jwk() or HMACAlgorithm.to_jwk(SECRET, as_dict=True)


def _authlib(key: SigningKey, token: str) -> Callable[[], object]:
    reader = JsonWebToken([key.algorithm])
    loaded = JsonWebKey.import_key_set({"keys": [{**_jwk(key), "kid": key.kid}]})
    options: dict[str, Any] = {name: {"essential": True} for name in REQUIRED}
    options |= {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": RESOURCE}}

    def call() -> object:
        claims = reader.decode(token, loaded, claims_options=options)
        claims.validate()
        return claims

    return call


def _fastmcp(key: SigningKey, token: str) -> Run:
    material = key.material if isinstance(key.material, bytes) else _pem(key)
    verifier = JWTVerifier(public_key=material, issuer=ISSUER, audience=RESOURCE, algorithm=key.algorithm)

    async def verify(times: int) -> None:
        for _ in range(times):
            if await verifier.verify_token(token) is None:
                raise AssertionError("FastMCP refused the sample token")

    return lambda times: asyncio.run(verify(times))


def _pem(key: SigningKey) -> bytes:
    if isinstance(key.material, bytes):
        raise TypeError("a shared secret has no PEM form")
    return key.material.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
