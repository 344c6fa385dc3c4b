"""Ask for the metadata of the authorization server."""

import json
import logging

from starlette.testclient import TestClient

from mcp_auth_ref import Settings, create_app

logging.disable()
settings = Settings.load(environ={"MCP_JWT_SECRET": "demonstration-secret-never-use-it-in-production"})
client = TestClient(create_app(settings), base_url="http://127.0.0.1:8765")
print(json.dumps(client.get("/.well-known/oauth-authorization-server").json(), indent=2))
