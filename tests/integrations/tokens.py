"""One good token, and others that are signed with the right secret and still no access tokens for this server."""

import time
from typing import Any

import jwt

from mcp_auth_ref import KeySet, SigningKey, TokenVerifier

SECRET = "demonstration-secret-never-use-it-in-production"
ISSUER = "http://127.0.0.1:8765"
RESOURCE = "http://127.0.0.1:8765/mcp"
METADATA_URL = "http://127.0.0.1:8765/.well-known/oauth-protected-resource/mcp"
VERIFIER = TokenVerifier(ISSUER, RESOURCE, KeySet([SigningKey.from_secret(SECRET.encode())]))

FLAWS: dict[str, dict[str, Any]] = {
    "for another resource": {"aud": "http://127.0.0.1:9999/mcp"},
    "without exp": {"exp": None},
    "nbf an hour ahead": {"nbf": int(time.time()) + 3600},
    "typ JWT": {"typ": "JWT"},
    "without sub": {"sub": None},
    "an ID token": {"typ": "JWT", "aud": "editor", "client_id": None, "scope": None, "jti": None, "nonce": "8f1c"},
}


def good(**changes: object) -> str:
    """Sign an access token of Alice's, with the changes; None takes a claim out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": RESOURCE,
        "client_id": "editor",
        "scope": "mcp:tools:read",
        "iat": now,
        "exp": now + 600,
        "jti": "XTSnWYfj2EkPkPvYVqSbkg",
        **changes,
    }
    typ = claims.pop("typ", "at+jwt")
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, SECRET, headers={"typ": typ})


def flawed(flaw: str) -> str:
    """Sign a token with one flaw of the table."""
    return good(**FLAWS[flaw])
