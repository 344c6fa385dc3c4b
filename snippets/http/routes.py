"""Ask for each address by each method, first without a token and then with one."""

import logging

from starlette.testclient import TestClient

from mcp_auth_ref import ROLES, Settings, create_app, issuer_from

logging.disable()
NOW = 1_795_000_000
SETTINGS = Settings.load(environ={"MCP_JWT_SECRET": "demonstration-secret-never-use-it-in-production"})
TOKEN = issuer_from(SETTINGS).issue(
    subject="ada", client_id="example-cli", scopes=ROLES["admin"], now=NOW, token_id="q8Zc2nWt4yHs7Lx0"
)
MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"Accept": "application/json, text/event-stream"}

ENDPOINTS = {
    "/token": "A token for a client, or a refusal, in [OAuth's own form](#authorization-server)",
    "/revoke": "Takes back a token of the client that asks",
    "/introspect": "What a token is worth, for a client with a secret",
}
METADATA = "The [resource metadata](#metadata)"
ADDRESSES = {
    "/mcp": "The MCP endpoint: a JSON-RPC message, and its answer",
    "/.well-known/oauth-protected-resource/mcp": f"{METADATA}, where clients look first",
    "/.well-known/oauth-protected-resource": f"{METADATA}, where they look next",
    "/.well-known/jwks.json": "The public keys that tokens are signed with",
    "/.well-known/oauth-authorization-server": "The [authorization server's metadata](#authorization-server)",
    "/metrics": "What Prometheus [counts and watches](../how-to/monitor.md), for the scope `mcp:metrics:read`",
    "/health": "The process answers",
    "/ready": "The server takes requests; until then the status is 503",
    "/api/v1/openapi.json": "The [gateway](#the-gateway) as an OpenAPI document",
}


def statuses(client: TestClient, path: str, headers: dict[str, str]) -> dict[str, int]:
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    return {method: client.request(method, path, headers=headers, json=MESSAGE).status_code for method in methods}


print("| Request | What it is, and who gets it |\n|---|---|")
with TestClient(create_app(SETTINGS, clock=lambda: NOW), base_url="http://127.0.0.1:8765") as client:
    for path, words in ADDRESSES.items():
        without = statuses(client, path, ACCEPT)
        for method, status in statuses(client, path, {**ACCEPT, "Authorization": f"Bearer {TOKEN}"}).items():
            if status != 405:
                who = "for everybody" if status == without[method] else f"with a token, {without[method]} without"
                print(f"| `{method} {path}` | {words}. {status} {who}. |")
    for path, operations in client.get("/api/v1/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            refused = client.request(method, path).status_code
            who = "for everybody" if refused == 200 else f"with a token, {refused} without"
            print(f"| `{method.upper()} {path}` | {operation['summary']}. 200 {who}. |")
    for path, words in ENDPOINTS.items():
        status = client.post(path, data={"token": TOKEN}).status_code
        print(f"| `POST {path}` | {words}. {status} without a client. |")
