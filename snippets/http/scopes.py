"""Call every tool with a token that has no scope: each challenge names what the call needs."""

import logging

from starlette.testclient import TestClient

from mcp_auth_ref import ROLES, Settings, create_app, issuer_from, parse_challenges

logging.disable()
NOW = 1_795_000_000
SETTINGS = Settings.load(environ={"MCP_JWT_SECRET": "demonstration-secret-never-use-it-in-production"})


def bearer(*scopes: str) -> dict[str, str]:
    issuer = issuer_from(SETTINGS)
    token = issuer.issue(subject="ada", client_id="example-cli", scopes=scopes, now=NOW, token_id="q8Zc2nWt4yHs7Lx0")
    return {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}


def message(method: str, **params: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


with TestClient(create_app(SETTINGS, clock=lambda: NOW), base_url="http://127.0.0.1:8765") as client:
    listed = client.post("/mcp", json=message("tools/list"), headers=bearer(*ROLES["user"]))
    tools = {tool["name"]: tool["description"] for tool in listed.json()["result"]["tools"]}
    calls = {f"call of `{name}`": message("tools/call", name=name) for name in tools}
    print("| Operation | Scopes |\n|---|---|")
    for words, operation in {"every request, also `tools/list`": message("tools/list"), **calls}.items():
        refused = client.post("/mcp", json=operation, headers=bearer())
        [challenge] = parse_challenges(refused.headers["www-authenticate"])
        print(f"| {words} | {' '.join(f'`{scope}`' for scope in challenge.scopes)} |")
