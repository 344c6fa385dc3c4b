"""Check the token on standard input with the issuer's public keys."""

import json
import sys
import time
from pathlib import Path

from mcp_auth_ref import KeySet, TokenVerifier

verifier = TokenVerifier(
    issuer="http://127.0.0.1:8765",
    audience="http://127.0.0.1:8765/mcp",
    keys=KeySet.from_jwks(json.loads(Path("jwks.json").read_text())),
)
claims = verifier.verify(sys.stdin.readline().strip(), now=time.time())
print(claims.subject, "may", *sorted(claims.scopes))
