import os
import time

from mcp_auth_ref import Settings, verifier_from

verifier = verifier_from(Settings.load())
claims = verifier.verify(os.environ["MCP_TOKEN"], now=time.time())
print(claims.subject, "may", *sorted(claims.scopes))
