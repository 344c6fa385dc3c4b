import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from mcp_auth_ref.server.connections import PunctualProtocol

SECONDS = 0.2
PATIENCE = 30
HEAD = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\n"
BEGINNINGS = [b"", b"POST / HT", HEAD[:-2], HEAD, HEAD + b"bod"]


async def answer(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def refuses(_scope: Scope, _receive: Receive, send: Send) -> None:
    await answer(send)


async def reads(_scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await answer(send)


async def thinks(scope: Scope, receive: Receive, send: Send) -> None:
    await anyio.sleep(2 * SECONDS)
    await reads(scope, receive, send)


@asynccontextmanager
async def connected(
    app: ASGIApp, lost: anyio.Event | None = None, *, seconds: float = SECONDS, limit: int | None = None
) -> AsyncIterator[SocketStream]:
    config = Config(app, log_config=None, limit_concurrency=limit)
    state = ServerState()
    loop = asyncio.get_running_loop()

    class Hurried(PunctualProtocol):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if lost is not None:
                lost.set()

    Hurried.seconds = seconds
    server = await loop.create_server(lambda: Hurried(config, state, {}), "127.0.0.1", 0)
    async with server, await anyio.connect_tcp("127.0.0.1", server.sockets[0].getsockname()[1]) as stream:
        yield stream


async def everything(stream: SocketStream) -> bytes:
    with anyio.fail_after(20 * SECONDS):
        return b"".join([part async for part in stream])


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_request_that_never_ends_ends_its_connection(beginning: bytes) -> None:
    """CWE-400, Slowloris: places for connections are counted, and one client could hold them all."""

    async def begin() -> bytes:
        async with connected(reads) as stream:
            await stream.send(beginning)
            return await everything(stream)

    assert anyio.run(begin) == b""


def test_one_byte_now_and_then_is_not_enough() -> None:
    """CWE-400, Slowloris: what counts is the end of the request, not that something comes."""

    async def drip() -> int:
        async with connected(refuses) as stream:
            for sent in range(1000):
                try:
                    await stream.send(b"P")
                except anyio.BrokenResourceError:
                    return sent
                await anyio.sleep(SECONDS / 10)
        return 1000

    assert anyio.run(drip) < 40


def test_who_has_been_answered_and_goes_on_slowly_is_not_waited_for() -> None:
    """CWE-400: a refusal is there before the body is; the rest of the body is no reason to stay."""

    async def linger() -> bytes:
        async with connected(refuses) as stream:
            await stream.send(HEAD + b"b")
            return await everything(stream)

    assert anyio.run(linger).endswith(b"\r\n\r\nok")


async def gives(send: Send, size: int) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
    await send({"type": "http.response.body", "body": bytes(size)})


@pytest.mark.parametrize(
    "requests",
    [
        HEAD + b"body",
        2 * (HEAD + b"body"),
        HEAD + b"body" + b"no request\r\n\r\n",
        HEAD.replace(b"Host", b"Connection: close\r\nHost") + b"body",
    ],
    ids=["one", "two", "garbage after one", "the last one"],
)
def test_who_takes_nothing_of_an_answer_loses_the_connection(requests: bytes) -> None:
    """CWE-400: a client that asks and does not read would hold its place, and what was written for it, for ever."""
    lost = anyio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await gives(send, 16 * 1024 * 1024)

    async def hold() -> None:
        async with connected(app, lost) as stream:
            await stream.send(requests)
            with anyio.fail_after(PATIENCE):
                await lost.wait()

    anyio.run(hold)


def test_an_answer_is_given_to_the_end_to_who_takes_it_slowly() -> None:
    """Our choice: a narrow line is no attack."""
    size = 8 * 1024 * 1024

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await gives(send, size)

    async def sip() -> int:
        taken = 0
        async with connected(app, seconds=5 * SECONDS) as stream:
            stream.extra(SocketAttribute.raw_socket).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            await stream.send(HEAD + b"body")
            while taken < size:
                taken += len(await stream.receive(128 * 1024))
                await anyio.sleep(SECONDS / 10)
        return taken

    assert anyio.run(sip) >= size


def test_an_answer_may_take_longer_than_a_request() -> None:
    """Our choice: the tools decide how long they work."""

    async def patiently() -> bytes:
        async with connected(thinks) as stream:
            await stream.send(HEAD + b"body" + HEAD + b"body")
            return await everything(stream)

    assert anyio.run(patiently).count(b"\r\n\r\nok") == 2


def test_who_comes_when_all_places_are_taken_holds_none() -> None:
    """CWE-400: each connection is an open file, and a process without files accepts nobody and writes nothing."""

    async def crowd() -> tuple[bytes, bytes]:
        async with connected(reads, seconds=5 * SECONDS, limit=2) as first:
            port = first.extra(SocketAttribute.remote_port)
            async with await anyio.connect_tcp("127.0.0.1", port), await anyio.connect_tcp("127.0.0.1", port) as third:
                beyond = await everything(third)
            await first.send(HEAD + b"body")
            return beyond, await everything(first)

    beyond, within = anyio.run(crowd)

    assert beyond == b""
    assert within.startswith(b"HTTP/1.1 ")
