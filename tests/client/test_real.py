"""Both faces against the whole server on a port: every method, and every way in which the gateway refuses."""

import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from pydantic import SecretBytes
from starlette.types import ASGIApp

from mcp_auth_ref import (
    ROLES,
    AuthError,
    InsufficientScope,
    MCPAuthClient,
    Settings,
    SyncMCPAuthClient,
    TokenRefused,
    create_app,
    issuer_from,
)
from mcp_auth_ref.client.calls import Health, Server
from mcp_auth_ref.core.errors import (
    InvalidArguments,
    MissingToken,
    RateLimited,
    ServerDisconnected,
    ToolTimeout,
    UnknownServer,
    UnknownTool,
)
from mcp_auth_ref.settings import StoreUrl
from tests.client.faces import Face, both_faces
from tests.served import PATIENCE, served
from tests.server.world import NOW, SECRET, Clock


class World:
    """The whole server, with a clock to move by hand and tokens for every role."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self._more = settings
        self._settings = Settings()

    def app(self, origin: str) -> ASGIApp:
        """Make the server for an origin."""
        self._settings = Settings(
            jwt_secret=SecretBytes(SECRET),
            issuer=origin,
            resource_url=f"{origin}/mcp",
            store_url=StoreUrl("memory:"),
            audit_enabled=False,
            **self._more,
        )
        return create_app(self._settings, clock=self.clock)

    def token(self, role: str = "user", *, now: int = NOW) -> str:
        """Issue a token that is good for an hour."""
        return issuer_from(self._settings).issue(
            subject="ada", client_id="tests", scopes=ROLES[role], now=now, token_id=f"{role}{now}"
        )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with served(world.app, lifespan="on") as origin:
        yield origin


@both_faces
def test_every_method_works_against_the_gateway_itself(face: Face, url: str, world: World) -> None:
    """The promises of the gateway, each as a call: list, tools, details, execute, connect, disconnect, health."""
    admin: dict[str, Any] = {"url": url, "token": world.token("admin")}

    tools = face("list_tools", **admin)
    tool = face("get_tool", "write_file", **admin)
    result = face("execute", "calculate", {"expression": "6 * 7"}, timeout=5, **admin)

    assert face("health", **admin) == Health("ok", 1, 1)
    assert face("list_servers", **admin) == (Server("demo", "connected", "in-process", 7),)
    assert face("list_tools", "demo", **admin) == tools
    assert face("get_tool", "demo.write_file", **admin) == tool
    assert tool in tools
    assert (tool.server, tool.scopes, tool.input_schema["required"]) == ("demo", ("files:write",), ["name", "content"])
    assert (result.tool, result.server, result.is_error, result.text, result.structured_content) == (
        "calculate",
        "demo",
        False,
        "42",
        {"result": 42},
    )
    assert face("disconnect", "demo", **admin).status == "disconnected"
    assert face("connect", "demo", **admin) == Server("demo", "connected", "in-process", 7)


@both_faces
def test_a_tool_that_fails_is_a_result(face: Face, url: str, world: World) -> None:
    result = face("execute", "fail", url=url, token=world.token())

    assert result.is_error
    assert result.text.endswith("this tool always fails")


@both_faces
@pytest.mark.parametrize(
    "case",
    [
        (
            ("execute", "write_file", {"name": "a", "content": "a"}),
            InsufficientScope,
            {"required": ("files:write", "mcp:tools:execute", "mcp:tools:read")},
        ),
        (("connect", "demo"), InsufficientScope, {"required": ("mcp:servers:manage",)}),
        (("get_tool", "ecko"), UnknownTool, {"candidates": ()}),
        (("execute", "ecko"), UnknownTool, {"candidates": ()}),
        (("list_tools", "files"), UnknownServer, {"known": ("demo",)}),
        (
            ("execute", "echo", {"text": 7}),
            InvalidArguments,
            {"problems": ('$.text breaks type "string"',)},
        ),
    ],
)
def test_a_refusal_comes_as_the_very_error_that_the_gateway_raised(
    face: Face, case: tuple[tuple[Any, ...], type[AuthError], dict[str, Any]], url: str, world: World
) -> None:
    """The problem document has the data of the error (RFC 9457, section 3.2)."""
    call, error, data = case

    with pytest.raises(error) as refused:
        face(*call, url=url, token=world.token())

    assert (type(refused.value), vars(refused.value)) == (error, data)


@both_faces
def test_a_tool_that_takes_too_long_is_told_from_a_client_that_waits_too_short(
    face: Face, url: str, world: World
) -> None:
    with pytest.raises(ToolTimeout) as refused:
        face("execute", "sleep", {"seconds": 10}, timeout=0.2, url=url, token=world.token())

    assert vars(refused.value) == {"tool": "demo.sleep", "seconds": 0.2}


@both_faces
def test_a_server_that_was_disconnected_says_so_and_is_not_asked_again(face: Face, url: str, world: World) -> None:
    face("disconnect", "demo", url=url, token=world.token("admin"))

    with pytest.raises(ServerDisconnected) as refused:
        face("execute", "demo.echo", {"text": "hello"}, url=url, token=world.token())

    assert vars(refused.value) == {"server": "demo"}


@both_faces
def test_without_a_token_and_with_a_bad_one_there_are_two_different_errors(face: Face, url: str, world: World) -> None:
    with pytest.raises(MissingToken):
        face("list_tools", url=url, token=None)
    with pytest.raises(TokenRefused) as refused:
        face("list_tools", url=url, token=world.token()[:-8] + "AAAAAAAA")

    assert refused.value.reason == "invalid_token"


@both_faces
def test_a_token_that_expires_between_two_calls_is_replaced(face: Face, url: str, world: World) -> None:
    tokens = iter([world.token(), world.token(now=NOW + 7200)])
    world.clock.now = NOW + 7200

    assert face("execute", "echo", {"text": "hello"}, url=url, token=lambda: next(tokens)).text == "hello"


@both_faces
def test_too_many_calls_are_an_error_with_the_seconds_to_wait(face: Face) -> None:
    """The client waits by itself only as long as its deadline lets it."""
    world = World(rate_limit_requests=1)
    with served(world.app, lifespan="on") as url:
        token = world.token()
        face("list_tools", url=url, token=token)
        with pytest.raises(RateLimited) as refused:
            face("list_tools", url=url, token=token, options={"deadline": 1})

    assert (refused.value.policy, refused.value.quota, refused.value.window) == ("subject", 1, 60)
    assert refused.value.retry_after > 1


def test_two_hundred_calls_over_one_client_are_all_answered(url: str, world: World) -> None:
    texts: list[str] = []

    async def call(client: MCPAuthClient, number: int) -> None:
        texts.append((await client.execute("echo", {"text": str(number)})).text)

    async def call_all() -> None:
        async with MCPAuthClient(url, world.token()) as client, anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(call, client, number)

    anyio.run(call_all)

    assert sorted(texts, key=int) == [str(number) for number in range(200)]


def test_a_call_that_is_given_up_does_not_keep_the_next_from_being_answered(url: str, world: World) -> None:
    async def give_up() -> str:
        async with MCPAuthClient(url, world.token()) as client:
            with anyio.move_on_after(0.2):
                await client.execute("sleep", {"seconds": 10})
            return (await client.execute("echo", {"text": "hello"})).text

    assert anyio.run(give_up) == "hello"


def test_the_threads_of_a_script_share_a_client(url: str, world: World) -> None:
    texts: list[str] = []
    with SyncMCPAuthClient(url, world.token()) as client:
        threads = [
            threading.Thread(target=lambda: texts.append(client.execute("echo", {"text": "hello"}).text))
            for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

    assert texts == ["hello"] * 10
