"""Let in whoever sends a key that stands in a file."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

KEYS = Path("keys.txt").read_text().split()


async def answer(request: Request) -> PlainTextResponse:
    if request.headers.get("x-api-key") in KEYS:
        return PlainTextResponse("Welcome.\n")
    return PlainTextResponse("Who are you?\n", 401)


app = Starlette(routes=[Route("/mcp", answer, methods=["POST"])])
