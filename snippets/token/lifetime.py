"""Look at a token of one hour at four moments, with 30 seconds of leeway."""

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenIssuer, TokenVerifier

ISSUER, AUDIENCE = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp"
NOW = 1_795_000_000
SECRET = b"demonstration-secret-never-use-it-in-production"

keys = KeySet([SigningKey.from_secret(SECRET)])
issuer = TokenIssuer(issuer=ISSUER, audience=AUDIENCE, keys=keys, lifetime=3600)
verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=keys, leeway=30)
token = issuer.issue(
    subject="ada",
    client_id="example-cli",
    scopes=["mcp:tools"],
    now=NOW,
    token_id="q8Zc2nWt4yHs7Lx0",
)

for seconds in (-31, -30, 3629, 3630):
    try:
        verifier.verify(token, now=NOW + seconds)
        print(f"{seconds:5} s: accepted")
    except InvalidToken as refusal:
        print(f"{seconds:5} s: {refusal.code}: {refusal}")
