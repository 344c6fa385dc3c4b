"""Ask the gateway for its OpenAPI document, and list what each operation needs and answers."""

import logging

from starlette.testclient import TestClient

from mcp_auth_ref import Settings, create_app

logging.disable()
settings = Settings.load(environ={"MCP_JWT_SECRET": "demonstration-secret-never-use-it-in-production"})
client = TestClient(create_app(settings), base_url="http://127.0.0.1:8765")
paths = client.get("/api/v1/openapi.json").json()["paths"]

print("| Operation | Scopes | Refusals |\n|---|---|---|")
for path, operations in paths.items():
    for method, operation in operations.items():
        scopes = " ".join(f"`{scope}`" for scheme in operation["security"] for scope in scheme["accessToken"])
        refusals = "; ".join(
            f"{status} " + answer["description"].partition(": ")[2]
            for status, answer in operation["responses"].items()
            if status != "200"
        )
        print(f"| `{method.upper()} {path}` | {scopes or 'none, and no token'} | {refusals} |")
