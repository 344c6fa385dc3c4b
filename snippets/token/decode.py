"""Issue a token, then read it as anybody can: without a key."""

import json
from base64 import urlsafe_b64decode

from mcp_auth_ref import KeySet, SigningKey, TokenIssuer

secret = b"demonstration-secret-never-use-it-in-production"
issuer = TokenIssuer(
    issuer="http://127.0.0.1:8765",
    audience="http://127.0.0.1:8765/mcp",
    keys=KeySet([SigningKey.from_secret(secret)]),
)
token = issuer.issue(
    subject="ada",
    username="Ada Lovelace",
    role="user",
    client_id="example-cli",
    scopes=["mcp:tools:read", "mcp:tools:execute"],
    now=1_795_000_000,
    token_id="q8Zc2nWt4yHs7Lx0",
)

header, payload, signature = token.split(".")
for part in (header, payload):
    print(part)
    print(json.dumps(json.loads(urlsafe_b64decode(part + "==")), indent=2), end="\n\n")
print(signature)
print(len(urlsafe_b64decode(signature + "==")), "bytes, made with the secret")
