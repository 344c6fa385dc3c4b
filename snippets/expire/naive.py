import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mcp_auth_ref import Settings

settings = Settings.load()
secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else b""


async def answer(request: Request) -> PlainTextResponse:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        # --8<-- [start:highlight]
        claims = jwt.decode(token, secret, algorithms=["HS256"], audience=settings.resource_url)
        # --8<-- [end:highlight]
    except jwt.InvalidTokenError:
        return PlainTextResponse("Who are you?\n", 401)
    return PlainTextResponse(f"Welcome, {claims['sub']}.\n")


app = Starlette(routes=[Route("/mcp", answer, methods=["POST"])])
