"""Issue a pair, refresh it, and let a thief come second."""

from mcp_auth_ref import KeySet, RefreshTokens, SigningKey, TokenIssuer, open_store
from mcp_auth_ref.core.errors import InvalidGrant, RefreshTokenReused

NOW = 1_795_000_000
KEYS = KeySet([SigningKey.from_secret(b"demonstration-secret-never-use-it-in-production")])
ISSUER = TokenIssuer("http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp", KEYS)
tokens = RefreshTokens(issuer=lambda: ISSUER, store=open_store("memory:"))

first = tokens.start(subject="ada", client_id="app", scopes=["mcp:tools:read"], now=NOW)
second = tokens.refresh(first.refresh_token or "", client_id="app", now=NOW + 3600)
print("refreshed:", second.refresh_token != first.refresh_token)

for who, token in (("thief", first.refresh_token), ("owner", second.refresh_token)):
    try:
        tokens.refresh(token or "", client_id="app", now=NOW + 7200)
    except (RefreshTokenReused, InvalidGrant) as refused:
        print(f"{who}: {refused}")
