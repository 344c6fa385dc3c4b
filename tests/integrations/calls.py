"""One call of a tool, as a client of the 2026-07-28 protocol sends it."""

from typing import Any

from httpx2 import Response
from starlette.testclient import TestClient

from tests.integrations.tokens import ISSUER

VERSION = "2026-07-28"


def client_of(app: Any) -> TestClient:
    """Give a client that has the app running, its lifespan included, while it is open."""
    return TestClient(app, base_url=ISSUER)


def call_tool(client: TestClient, token: str | None = None, *, tool: str = "whoami") -> Response:
    """Call a tool without arguments."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    call = {"method": "tools/call", "params": {"name": tool, "arguments": {}, "_meta": meta}}
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
        **({"Authorization": f"Bearer {token}"} if token is not None else {}),
    }
    return client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, **call}, headers=headers)


def answer_of(response: Response) -> Any:
    """Give what the tool returned."""
    return response.json()["result"]["structuredContent"]["result"]
