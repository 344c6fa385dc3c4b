"""Replace a secret: the kid of a token says which of the two it needs."""

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenIssuer, TokenVerifier

ISSUER, AUDIENCE = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp"
NOW = 1_795_000_000

old = SigningKey.from_secret(b"demonstration-secret-never-use-it-in-production")
new = SigningKey.from_secret(b"demonstration-secret-that-replaces-the-other-one")
print("old:", old.kid)
print("new:", new.kid)

token = TokenIssuer(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([old])).issue(
    subject="ada",
    client_id="example-cli",
    scopes=["mcp:tools"],
    now=NOW,
    token_id="q8Zc2nWt4yHs7Lx0",
)
for name, held in {"the old": [old], "both": [old, new], "the new": [new]}.items():
    verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=KeySet(held))
    try:
        verifier.verify(token, now=NOW)
        print(f"a server with {name}: accepted")
    except InvalidToken as refusal:
        print(f"a server with {name}: {refusal.code}")
