"""Verify the token in MCP_TOKEN, as a server does at each request."""

import os
import sys
import time

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenVerifier

verifier = TokenVerifier(
    issuer="http://127.0.0.1:8765",
    audience="http://127.0.0.1:8765/mcp",
    keys=KeySet([SigningKey.from_secret(os.environb[b"MCP_JWT_SECRET"])]),
    max_age=86_400,
)

try:
    claims = verifier.verify(os.environ["MCP_TOKEN"], now=time.time())
except InvalidToken as refusal:
    sys.exit(f"{refusal.code}: {refusal}")
print(claims.subject, "may", *sorted(claims.scopes))
