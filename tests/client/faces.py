"""Both faces of the client under one: a test that takes `face` runs once with each, and so compares them."""

from collections.abc import Callable
from typing import Any, Protocol

import anyio
import httpx2
import pytest

from mcp_auth_ref import MCPAuthClient, SyncMCPAuthClient

Handler = Callable[[httpx2.Request], httpx2.Response]
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.sQ-_6"
GATEWAY = "https://mcp.example.com"


class Face(Protocol):
    """Call one method of a client that is made, used and closed for it."""

    def __call__(
        self, method: str, *arguments: Any, url: str = ..., token: Any = ..., handler: Handler | None = ..., **more: Any
    ) -> Any:
        """Give what the method returns, or raise what it raises."""


def call_async(
    method: str,
    *arguments: Any,
    url: str = GATEWAY,
    token: Any = TOKEN,
    handler: Handler | None = None,
    options: dict[str, Any] | None = None,
    **more: Any,
) -> Any:
    async def perform() -> Any:
        http = None if handler is None else httpx2.AsyncClient(transport=httpx2.MockTransport(handler))
        async with MCPAuthClient(url, token, http_client=http, **(options or {})) as client:
            try:
                return await getattr(client, method)(*arguments, **more)
            finally:
                if http is not None:
                    await http.aclose()

    return anyio.run(perform)


def call_sync(
    method: str,
    *arguments: Any,
    url: str = GATEWAY,
    token: Any = TOKEN,
    handler: Handler | None = None,
    options: dict[str, Any] | None = None,
    **more: Any,
) -> Any:
    http = None if handler is None else httpx2.Client(transport=httpx2.MockTransport(handler))
    with SyncMCPAuthClient(url, token, http_client=http, **(options or {})) as client:
        try:
            return getattr(client, method)(*arguments, **more)
        finally:
            if http is not None:
                http.close()


FACES: list[Any] = [pytest.param(call_async, id="asynchronous"), pytest.param(call_sync, id="synchronous")]
both_faces = pytest.mark.parametrize("face", FACES)
