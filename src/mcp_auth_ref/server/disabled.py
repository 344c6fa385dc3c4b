"""A server without authentication, on one's own machine only, that never lets anybody forget it."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from mcp_auth_ref.server.problems import problem
from mcp_auth_ref.settings import is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SAYING = (b"mcp-auth", b"disabled")
_OF_PROXIES = (b"forwarded", b"via", b"x-forwarded-", b"x-real-ip", b"x-client-ip", b"true-client-ip", b"cf-")
"""How the headers begin that proxies and tunnels add."""
_NOT_HERE = problem(
    HTTPStatus.FORBIDDEN,
    "authentication is off (MCP_AUTH_ENABLED=false), so this server answers nobody but its own machine",
)


class AuthenticationDisabled:
    """Let every request from this machine through to `app`, and say `MCP-Auth: disabled` on every answer."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request that has come over loopback, at both ends, and says of no proxy that it came through it.

        Everything else that is HTTP is refused.
        """

        async def send_saying_so(message: "Message") -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], _SAYING]}
            await send(message)

        stays_here = scope["type"] == "lifespan" or (
            _is_local(scope.get("client"))
            and _is_local(scope.get("server"))
            and not any(name.startswith(_OF_PROXIES) for name, _ in scope["headers"])
        )
        await (self._app if stays_here else _NOT_HERE)(scope, receive, send_saying_so)


def _is_local(address: tuple[str, int | None] | None) -> bool:
    return address is not None and is_loopback(f"//[{address[0]}]" if ":" in address[0] else f"//{address[0]}")
