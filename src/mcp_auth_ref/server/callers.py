"""Who may call at all: the names of this server in `Host`, and the web sites in `Origin`.

Both checks stand before everything else. They keep out pages whose own name was made to lead to this machine (DNS
rebinding; MCP 2026-07-28, transports, security warning), and say so in words, where a bare 421 or 403 says nothing.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mcp_auth_ref.core.errors import AuthError, ForbiddenOrigin, MisdirectedHost
from mcp_auth_ref.events import Listener, nobody
from mcp_auth_ref.server.observed import event_of
from mcp_auth_ref.server.problems import refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

PUBLIC = "/.well-known/"


class RequireKnownCaller:
    """Let a request through to `app` only under one of the names `hosts`, and from no web page but those of `origins`.

    Documents under `/.well-known/` may be read by the pages of every site. `tell` hears of each refusal.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        hosts: Iterable[str],
        origins: Iterable[str],
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._app = app
        self._clock = clock
        self._tell = tell
        self._hosts = frozenset(host.lower().encode() for host in hosts)
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Check an HTTP request; everything else passes."""
        error = self._error(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
        else:
            logger.info("refused a request, %s: %s", error.code, error)
            if self._tell is not nobody:
                self._tell(event_of(scope, "refuse", at=self._clock(), code=error.code))
            await refusal(error)(scope, receive, send)

    def _error(self, scope: "Scope") -> AuthError | None:
        hosts = [value.lower() for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return MisdirectedHost(sorted(host.decode() for host in self._hosts))
        origins = {value for name, value in scope["headers"] if name == b"origin"}
        if origins <= self._origins or scope["path"].startswith(PUBLIC):
            return None
        return ForbiddenOrigin()
