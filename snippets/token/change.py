"""Write a greater scope into a token, keep its signature, and see it refused."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenIssuer, TokenVerifier

ISSUER, AUDIENCE = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp"
NOW = 1_795_000_000
SECRET = b"demonstration-secret-never-use-it-in-production"

keys = KeySet([SigningKey.from_secret(SECRET)])
verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=keys)
token = TokenIssuer(issuer=ISSUER, audience=AUDIENCE, keys=keys).issue(
    subject="ada",
    client_id="example-cli",
    scopes=["mcp:tools:read"],
    now=NOW,
    token_id="q8Zc2nWt4yHs7Lx0",
)
print("as issued:", *verifier.verify(token, now=NOW).scopes)

header, payload, signature = token.split(".")
claims = urlsafe_b64decode(payload + "==")
claims = claims.replace(b"mcp:tools:read", b"mcp:tokens:manage")
forged = urlsafe_b64encode(claims).rstrip(b"=").decode()
try:
    verifier.verify(f"{header}.{forged}.{signature}", now=NOW)
except InvalidToken as refusal:
    print("changed:", refusal)
