"""Call two servers behind one proxy, forging what a request says of its way, and print what each makes of it."""

import logging
from collections import Counter

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from mcp_auth_ref import Settings, create_app

logging.disable()
NOW = 1_795_000_000
METADATA = "/.well-known/oauth-protected-resource/mcp"
PROXY, MALLORY = "10.0.0.1", "203.0.113.66"
SETTINGS = Settings.load(
    environ={
        "MCP_JWT_SECRET": "demonstration-secret-never-use-it-in-production",
        "MCP_RESOURCE_URL": "https://mcp.example.com/mcp",
        "MCP_TRUSTED_PROXIES": PROXY,
    }
)


def naive() -> ASGIApp:
    """Take the first address of X-Forwarded-For, and the public name from X-Forwarded-Host, as many do."""
    failures = Counter[str]()

    def guarded(request: Request) -> Response:
        caller = request.headers.get("x-forwarded-for", "").split(",")[0].strip()
        failures[caller] += 1
        return Response(status_code=429 if failures[caller] > 20 else 401)

    def metadata(request: Request) -> Response:
        host = request.headers.get("x-forwarded-host", request.headers["host"])
        return JSONResponse({"resource": f"https://{host}/mcp", "authorization_servers": [f"https://{host}"]})

    return Starlette(routes=[Route("/mcp", guarded, methods=["POST"]), Route(METADATA, metadata)])


def attacked(app: ASGIApp) -> list[str]:
    """Guess 100 tokens, each from another invented address; then ask for the metadata under an invented name."""
    client = TestClient(app, base_url="http://mcp.example.com", client=(PROXY, 50000))
    answers = Counter[int]()
    for number in range(100):
        added_by_the_proxy = {"X-Forwarded-For": f"198.51.100.{number}, {MALLORY}", "X-Forwarded-Proto": "https"}
        answers[client.post("/mcp", headers={**added_by_the_proxy, "Authorization": "Bearer guess"}).status_code] += 1
    forged = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    return [f"{answers[401]}", client.get(METADATA, headers=forged).json()["resource"]]


SERVERS = {"the naive server": naive(), "this server": create_app(SETTINGS, clock=lambda: NOW)}
DEEDS = [
    "Mallory guesses 100 times, each time from an invented address: so many guesses are looked at",
    "the metadata, asked for under an invented name, sends tokens to",
]
columns = [attacked(app) for app in SERVERS.values()]
print("| what is tried |", " | ".join(SERVERS), "|")
print("|---" * (len(SERVERS) + 1), end="|\n")
for deed, *cells in zip(DEEDS, *columns, strict=True):
    print("|", " | ".join([deed, *cells]), "|")
