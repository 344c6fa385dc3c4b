import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mcp_auth_ref import Settings

SETTINGS = Settings.load()
SECRET = SETTINGS.jwt_secret.get_secret_value() if SETTINGS.jwt_secret else b""


async def notes(request: Request) -> Response:
    token = request.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience=SETTINGS.resource_url)
    return PlainTextResponse(f"The notes of {claims['sub']}.\n")


async def logout(_: Request) -> Response:
    answer = PlainTextResponse("You are logged out.\n")
    answer.delete_cookie("token")
    return answer


app = Starlette(routes=[Route("/notes", notes), Route("/logout", logout, methods=["POST"])])
