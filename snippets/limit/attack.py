"""Attack three servers alike, and print what each lets happen."""

import logging
import time
from collections import Counter

import jwt
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_auth_ref import Settings, create_app, issuer_from

logging.disable()
NOW = int(time.time())
SECRET = "demonstration-secret-never-use-it-in-production"
SETTINGS = Settings.load(environ={"MCP_JWT_SECRET": SECRET})
UNLIMITED = Settings.load(environ={"MCP_JWT_SECRET": SECRET, "MCP_RATE_LIMIT_ENABLED": "false"})
ALICE = issuer_from(SETTINGS).issue(
    subject="alice", client_id="editor", scopes=["mcp:tools"], now=NOW, token_id="q8Zc2nWt4yHs7Lx0"
)
GUESS = jwt.encode({"sub": "alice", "iss": SETTINGS.issuer}, "a secret that Mallory makes up, over and over")
MALLORY, ALICES_OWN = "203.0.113.66", "198.51.100.7"
ECHO = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": "again"}}}


class LockedAfterFailures:
    """The naive way: after five failures in a subject's name, refuse whatever comes in that name."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.failures = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = dict(scope.get("headers", ())).get(b"authorization", b"").decode().partition(" ")[2]
        subject = jwt.decode(token, options={"verify_signature": False})["sub"] if token else ""

        async def count(message: Message) -> None:
            self.failures[subject] += message.get("status") == 401
            await send(message)

        if self.failures[subject] >= 5:
            await send({"type": "http.response.start", "status": 429, "headers": []})
            await send({"type": "http.response.body"})
        else:
            await self.app(scope, receive, count)


def status(app: ASGIApp, token: str, address: str) -> int:
    client = TestClient(app, base_url="http://127.0.0.1:8765", client=(address, 50000))
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return client.post("/mcp", json=ECHO, headers=headers).status_code


def attacked(app: ASGIApp) -> list[str]:
    with TestClient(app):
        guesses = Counter(status(app, GUESS, MALLORY) for _ in range(100))
        own, same = status(app, ALICE, ALICES_OWN), status(app, ALICE, MALLORY)
        loop = Counter(status(app, ALICE, ALICES_OWN) for _ in range(700))
    return [f"{guesses[401]}", f"{own}", f"{same}", f"{loop[200] + [own, same].count(200)}"]


SERVERS: dict[str, ASGIApp] = {
    "no limit": create_app(UNLIMITED, clock=lambda: NOW),
    "a lock per subject": LockedAfterFailures(create_app(UNLIMITED, clock=lambda: NOW)),
    "this server": create_app(SETTINGS, clock=lambda: NOW),
}
DEEDS = [
    "Mallory sends 100 forged tokens of Alice's: so many are looked at",
    "then Alice calls, from her own address",
    "and from the address that Mallory uses, too",
    "her agent calls 700 times in a loop: so often the tool runs",
]
columns = [attacked(app) for app in SERVERS.values()]
print("| what happens |", " | ".join(SERVERS), "|")
print("|---" * (len(SERVERS) + 1), end="|\n")
for deed, *cells in zip(DEEDS, *columns, strict=True):
    print("|", " | ".join([deed, *cells]), "|")
