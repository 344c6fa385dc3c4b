"""Drivers of the gateway's clients in Python."""

from collections.abc import Sequence

import anyio

from mcp_auth_ref import AuthError, MCPAuthClient, SyncMCPAuthClient
from tests.scenario.driver import Answered, Refused, Step


def asynchronous(origin: str, token: str | None) -> Sequence[Step]:
    """Drive `MCPAuthClient`."""

    async def drive() -> Sequence[Step]:
        steps: list[Step] = []
        async with MCPAuthClient(origin, token) as client:
            try:
                steps.append(Answered(f"{len(await client.list_tools())} tools"))
                steps.append(Answered((await client.execute("echo", {"text": "hello"})).text))
                steps.append(Answered((await client.execute("echo", {"text": "hello"})).text))
            except AuthError as error:
                steps.append(Refused(f"{type(error).__name__}: {error}"))
        return steps

    return anyio.run(drive)


def synchronous(origin: str, token: str | None) -> Sequence[Step]:
    """Drive `SyncMCPAuthClient`."""
    steps: list[Step] = []
    with SyncMCPAuthClient(origin, token) as client:
        try:
            steps.append(Answered(f"{len(client.list_tools())} tools"))
            steps.append(Answered(client.execute("echo", {"text": "hello"}).text))
            steps.append(Answered(client.execute("echo", {"text": "hello"}).text))
        except AuthError as error:
            steps.append(Refused(f"{type(error).__name__}: {error}"))
    return steps
