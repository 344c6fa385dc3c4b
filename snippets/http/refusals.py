"""Send the server what it refuses, and show its answers."""

import json
import logging

from starlette.testclient import TestClient

from mcp_auth_ref import Settings, create_app, issuer_from

logging.disable()
NOW = 1_795_000_000
SECRET = "demonstration-secret-never-use-it-in-production"
SETTINGS = Settings.load(
    environ={"MCP_JWT_SECRET": SECRET, "MCP_MAX_RESULT_BYTES": "1024", "MCP_RATE_LIMIT_REQUESTS": "20"}
)
STRANGER = Settings.load(environ={"MCP_JWT_SECRET": "another-secret-that-the-server-has-never-heard-of"})


def bearer(settings: Settings, *scopes: str, now: int = NOW) -> dict[str, str]:
    issuer = issuer_from(settings)
    token = issuer.issue(subject="ada", client_id="example-cli", scopes=scopes, now=now, token_id="q8Zc2nWt4yHs7Lx0")
    return {"Authorization": f"Bearer {token}"}


LEFT_OUT = {"content-length", "x-request-id"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "write_file"}}
READER = bearer(SETTINGS, "mcp:tools:read")
ADMIN = bearer(SETTINGS, "mcp:tools", "mcp:servers", "files:write")
ECHO = {"arguments": {"text": "x" * 2000}}
SLEEP = {"arguments": {"seconds": 10}, "timeout": 0.1}
TOOLS = "/api/v1/mcp/tools"
REQUESTS: list[tuple[str, str, str, dict[str, str], object]] = [
    ("No token", "POST", "/mcp", {}, CALL),
    ("Credentials of a wrong form", "POST", "/mcp", {"Authorization": "Bearer two words"}, CALL),
    ("A token that somebody else has signed", "POST", "/mcp", bearer(STRANGER, "mcp:tools"), CALL),
    ("A token that has expired", "POST", "/mcp", bearer(SETTINGS, "mcp:tools", now=NOW - 7200), CALL),
    ("A token without the scopes of the call", "POST", "/mcp", READER, CALL),
    ("A name that is not the server's", "GET", "/health", {"Host": "rebound.example"}, None),
    ("A page of a site that is not allowed", "GET", "/health", {"Origin": "https://site.example"}, None),
    ("A body that is no JSON", "POST", "/mcp", {**READER, "Content-Type": "text/plain"}, CALL),
    ("A method that is not served", "GET", "/mcp", READER, None),
    ("An address that is not there", "GET", "/mcp/", READER, None),
    ("A tool that is not there", "GET", f"{TOOLS}/nothing", READER, None),
    ("A body that is too large", "POST", f"{TOOLS}/echo/execute", ADMIN, {"arguments": {"text": "x" * 2**22}}),
    ("A body of another kind", "POST", f"{TOOLS}/echo/execute", {**ADMIN, "Content-Type": "text/plain"}, ECHO),
    ("A request in a wrong form", "POST", f"{TOOLS}/sleep/execute", ADMIN, {"seconds": 1, "timeout": 600}),
    ("A result that is too large", "POST", f"{TOOLS}/echo/execute", ADMIN, ECHO),
    ("A tool that takes too long", "POST", f"{TOOLS}/sleep/execute", ADMIN, SLEEP),
    ("A server that is disconnected", "POST", f"{TOOLS}/sleep/execute", ADMIN, SLEEP),
    ("One request more than a subject may send", "POST", "/mcp", READER, CALL),
]

with TestClient(create_app(SETTINGS, clock=lambda: NOW), base_url="http://127.0.0.1:8765") as client:
    for title, method, path, headers, body in REQUESTS:
        if title == "A server that is disconnected":
            client.post("/api/v1/mcp/servers/demo/disconnect", headers=ADMIN)
        answer = client.request(method, path, headers=headers, json=body)
        while title == "One request more than a subject may send" and answer.status_code != 429:
            answer = client.request(method, path, headers=headers, json=body)
        fields = {name: value for name, value in answer.headers.items() if name not in LEFT_OUT}
        print(f"### {title}\n\n`{method} {path}`\n\n```text")
        print(f"{answer.status_code} {answer.reason_phrase}")
        for name, value in fields.items():
            print(f"{name}: {value}".replace('", ', '",\n    '))
        print(f"\n{json.dumps(answer.json(), indent=2)}\n```\n")
