import os
import secrets
from hashlib import sha256

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

MCP = "http://127.0.0.1:8765/mcp"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
PAGE = '<button>Sign in</button><output></output><script src="/{script}.js"></script><p>A comment: {comment}</p>'
tokens: dict[bytes, str] = {}  # by the digest of a session: whoever reads this table has no session to use


def page(request: Request) -> Response:
    """Show a visitor's comment as it came. That is the hole."""
    comment = request.query_params.get("comment", "")
    headers = {"content-security-policy": "script-src 'self'"} if "policy" in request.query_params else {}
    return HTMLResponse(PAGE.format(script=request.path_params["script"], comment=comment), headers=headers)


def token(_: Request) -> Response:
    """Sign ada in, and leave the token to her browser. A real application asks for a password first."""
    return PlainTextResponse(os.environ["MCP_TOKEN"], headers={"cache-control": "no-store"})


# --8<-- [start:backend]
def session(_: Request) -> Response:
    """Sign ada in, keep the token, and give her browser a session in its place."""
    name = secrets.token_urlsafe(32)
    tokens[sha256(name.encode()).digest()] = os.environ["MCP_TOKEN"]
    response = Response(status_code=204)
    response.set_cookie("__Host-session", name, httponly=True, secure=True, samesite="strict")
    return response


async def tools(request: Request) -> Response:
    """Ask the MCP server with the token of the session."""
    name = request.cookies.get("__Host-session", "")
    token = tokens.get(sha256(name.encode()).digest())
    if token is None:
        return PlainTextResponse("sign in first", 401)
    headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient() as client:
        answer = await client.post(MCP, json=LIST, headers=headers)
    return PlainTextResponse(" ".join(tool["name"] for tool in answer.json()["result"]["tools"]))
    # --8<-- [end:backend]


app = Starlette(
    routes=[
        Route("/page/{script}", page),
        Route("/token", token, methods=["POST"]),
        Route("/session", session, methods=["POST"]),
        Route("/tools", tools, methods=["POST"]),
        Route("/{script}.js", lambda request: FileResponse(f"{request.path_params['script']}.js")),
    ]
)
