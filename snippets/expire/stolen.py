"""Write the tokens that somebody took from a laptop: one for a year, eleven months old, and one without an end."""

import time
from pathlib import Path

import jwt

from mcp_auth_ref import Settings

settings = Settings.load()
secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else b""
DAY = 86_400


def issue(name: str, **dates: int) -> None:
    claims = {
        "iss": settings.issuer,
        "sub": "ada",
        "aud": settings.resource_url,
        "client_id": "laptop",
        "scope": "mcp:tools",
        "jti": name,
    }
    Path(f"{name}.token").write_text(jwt.encode({**claims, **dates}, secret, headers={"typ": "at+jwt"}))


issued_at = int(time.time()) - 335 * DAY
issue("year", iat=issued_at, exp=issued_at + 365 * DAY)
issue("endless", iat=issued_at)
