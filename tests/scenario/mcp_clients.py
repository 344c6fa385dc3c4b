"""Drivers of the MCP clients in Python: the SDK's, alone and with `McpAuth`, and FastMCP's."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import anyio
import fastmcp
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_auth_ref import McpAuth
from tests.scenario.driver import Answered, Driver, Refused, Step

Connect: TypeAlias = Callable[[str, str | None], AbstractAsyncContextManager[Client | fastmcp.Client[Any]]]


def steps_of(connect: Connect) -> Driver:
    """Make a driver of a client, given how it connects; over one connection, as long as that lasts."""

    async def drive(origin: str, token: str | None) -> Sequence[Step]:
        steps: list[Step] = []
        try:
            async with connect(f"{origin}/mcp", token) as client:
                steps.append(Answered(f"{await _count_tools(client)} tools"))
                steps.append(Answered(await _echo(client)))
                steps.append(Answered(await _echo(client)))
        except Exception as error:  # noqa: BLE001 - whatever a client refuses with is what the table compares
            steps.append(Refused(_innermost(error)))
        return steps

    return lambda origin, token: anyio.run(drive, origin, token)


@asynccontextmanager
async def sdk(url: str, token: str | None) -> AsyncIterator[Client]:
    """Connect as the SDK's own pages do."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


@asynccontextmanager
async def sdk_with_mcp_auth(url: str, token: str | None) -> AsyncIterator[Client]:
    """Connect with `McpAuth`; without a token there is nothing for it to do."""
    async with (
        httpx2.AsyncClient(auth=None if token is None else McpAuth(url, token)) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


def fastmcp_client(url: str, token: str | None) -> fastmcp.Client[Any]:
    """Connect as FastMCP's own pages do."""
    return fastmcp.Client(url, auth=token)


async def _count_tools(client: Client | fastmcp.Client[Any]) -> int:
    listed = await client.list_tools()
    return len(listed if isinstance(listed, list) else listed.tools)


async def _echo(client: Client | fastmcp.Client[Any]) -> str:
    result = await client.call_tool("echo", {"text": "hello"})
    return str((result.structured_content or {})["result"])


def _innermost(error: BaseException) -> str:
    """Say what the one error at the bottom of all groups says."""
    while isinstance(error, BaseExceptionGroup):
        [error] = error.exceptions
    return f"{type(error).__name__}: {error}"
