"""Check an access token with PyJWT and nothing else."""

import os
from typing import Any

import jwt

REQUIRED = ["iss", "sub", "aud", "client_id", "iat", "exp", "jti"]


def check(token: str, *, secret: bytes, issuer: str, audience: str) -> dict[str, Any]:
    """Return the claims of a token that holds, or raise jwt.PyJWTError."""
    if not token.isascii() or len(token) > 8192:
        raise jwt.DecodeError("not a token")
    decoded = jwt.decode_complete(
        token,
        secret,
        algorithms=["HS256"],  # written here, never read from the token
        audience=audience,  # a list with it passes; strict_aud refuses every list
        issuer=issuer,
        leeway=30,
        options={"require": REQUIRED, "enforce_minimum_key_length": True},
    )
    header: dict[str, Any] = decoded["header"]
    claims: dict[str, Any] = decoded["payload"]
    if str(header.get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
        raise jwt.InvalidTokenError("typ is not at+jwt")
    for name in ("sub", "client_id", "jti"):
        if not isinstance(claims[name], str) or not claims[name]:
            raise jwt.InvalidTokenError(f"{name} is empty or no string")
    for name in ("iat", "exp", "nbf"):
        if type(claims.get(name, 0)) not in (int, float):
            raise jwt.InvalidTokenError(f"{name} is no number")
    if not isinstance(claims.get("scope", ""), str):
        raise jwt.InvalidTokenError("scope is no string")
    return claims


if __name__ == "__main__":
    claims = check(
        os.environ["MCP_TOKEN"],
        secret=os.environb[b"MCP_JWT_SECRET"],
        issuer="http://127.0.0.1:8765",
        audience="http://127.0.0.1:8765/mcp",
    )
    print(claims["sub"], "may", claims["scope"])
