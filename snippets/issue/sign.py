"""Issue a token for ada, who may call tools."""

import os
import secrets
import time

from mcp_auth_ref import KeySet, SigningKey, TokenIssuer

issuer = TokenIssuer(
    issuer="http://127.0.0.1:8765",
    audience="http://127.0.0.1:8765/mcp",
    keys=KeySet([SigningKey.from_secret(os.environb[b"MCP_JWT_SECRET"])]),
    lifetime=900,
)

token = issuer.issue(
    subject="ada",
    client_id="my-program",
    scopes=["mcp:tools"],
    now=int(time.time()),
    token_id=secrets.token_urlsafe(16),
    claims={"team": "compilers", "projects": [7, 12]},
)
print(token)
