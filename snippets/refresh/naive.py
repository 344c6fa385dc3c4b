import secrets
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

USERS: dict[str, str] = {}


async def sign_in(request: Request) -> Response:
    refresh_token = secrets.token_urlsafe(32)
    USERS[refresh_token] = (await request.body()).decode()
    return PlainTextResponse(refresh_token)


async def refresh(request: Request) -> Response:
    [refresh_token] = parse_qs((await request.body()).decode())["refresh_token"]
    return JSONResponse({"access_token": f"a new access token of {USERS[refresh_token]}"})


app = Starlette(routes=[Route("/sign-in", sign_in, methods=["POST"]), Route("/token", refresh, methods=["POST"])])
