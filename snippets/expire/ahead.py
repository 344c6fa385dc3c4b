"""Issue a token on a machine whose clock is five minutes ahead."""

import secrets
import time

from mcp_auth_ref import Settings, issuer_from

print(
    issuer_from(Settings.load()).issue(
        subject="ada",
        client_id="laptop",
        scopes=["mcp:tools"],
        now=int(time.time()) + 300,
        token_id=secrets.token_urlsafe(16),
    )
)
