"""One scenario through every client: list, call, refused without a token, without a scope, and in the middle.

To add a client, write its driver (`driver.py` says how) and put it into the table.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretBytes
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_auth_ref import Settings, create_app, issuer_from
from mcp_auth_ref.settings import StoreUrl
from tests.guide.checkers import typescript
from tests.scenario import command_lines
from tests.scenario.command_lines import curl_gateway, curl_mcp, inspector
from tests.scenario.driver import NODE, Answered, Client, Refused, Step, program
from tests.scenario.gateway_clients import asynchronous, synchronous
from tests.scenario.mcp_clients import fastmcp_client, sdk, sdk_with_mcp_auth, steps_of
from tests.served import served
from tests.server.world import NOW, SECRET, Clock

_PROGRAMS = Path(__file__).parent / "programs"
_EXPIRED = r"^TokenRefused: .*\(token_expired\): the token expired \d+ seconds ago$"
_SAYS_NOTHING = "^MCPError: Server returned an error response$"
CLIENTS = [
    Client(
        "MCPAuthClient",
        asynchronous,
        without_token="^MissingToken: ",
        without_scope="^InsufficientScope: .* mcp:tools:execute mcp:tools:read$",
        expired=_EXPIRED,
    ),
    Client(
        "SyncMCPAuthClient",
        synchronous,
        without_token="^MissingToken: ",
        without_scope="^InsufficientScope: .* mcp:tools:execute mcp:tools:read$",
        expired=_EXPIRED,
    ),
    Client(
        "McpAuth in the Python SDK",
        steps_of(sdk_with_mcp_auth),
        without_token=_SAYS_NOTHING,
        without_scope=r"InsufficientScope: .* mcp:tools:execute mcp:tools:read",
        expired=_EXPIRED,
    ),
    Client(
        "Python SDK",
        steps_of(sdk),
        without_token=_SAYS_NOTHING,
        without_scope=_SAYS_NOTHING,
        expired=_SAYS_NOTHING,
    ),
    Client(
        "FastMCP",
        steps_of(fastmcp_client),
        without_token=_SAYS_NOTHING,
        without_scope=_SAYS_NOTHING,
        expired=_SAYS_NOTHING,
    ),
    Client(
        "TypeScript SDK 1.x",
        program([NODE / "node", _PROGRAMS / "sdk1.ts"]),
        without_token=r"^StreamableHTTPError: .*\"status\": 401, .*missing_token",
        without_scope=r"^StreamableHTTPError: .*\"required_scopes\": \[\"mcp:tools:execute\", \"mcp:tools:read\"\]",
        expired=r"^StreamableHTTPError: .*\"status\": 401, .*token_expired",
    ),
    Client(
        "TypeScript client 2.x",
        program([NODE / "node", _PROGRAMS / "sdk2.ts"]),
        without_token=r"^SdkHttpError: .*the server requires authorization \(HTTP 401\)$",
        without_scope=r'^InsufficientScopeError: .* required "mcp:tools:execute mcp:tools:read"$',
        expired=r"^SdkHttpError: .*\"status\": 401, .*token_expired",
    ),
    Client(
        "mcp-remote",
        program([NODE / "node", _PROGRAMS / "bridge.ts"]),
        without_token=r"^McpError: MCP error -32000: Connection closed$",
        without_scope=r"^McpError: MCP error -32001: mcp-remote: (?!.*insufficient_scope)",
        expired=r"^McpError: MCP error -32001: mcp-remote: (?!.*token_expired)",
    ),
    Client(
        "Inspector CLI",
        command_lines.steps_of(inspector),
        without_token=r"^exit 3, auth_required: .*missing_token",
        without_scope=r'^exit 1, error: Insufficient scope: required "mcp:tools:execute mcp:tools:read"$',
        expired=r"^exit 3, auth_required: .*token_expired",
    ),
    Client(
        "curl, MCP",
        command_lines.steps_of(curl_mcp),
        without_token=r"^401 missing_token: ",
        without_scope=r"^403 insufficient_scope: .* mcp:tools:execute mcp:tools:read$",
        expired=r"^401 token_expired: the token expired \d+ seconds ago",
    ),
    Client(
        "curl, gateway",
        command_lines.steps_of(curl_gateway),
        without_token=r"^401 missing_token: ",
        without_scope=r"^403 insufficient_scope: .* mcp:tools:execute mcp:tools:read$",
        expired=r"^401 token_expired: the token expired \d+ seconds ago",
    ),
    Client(
        "TypeScript, gateway",
        program([NODE / "node", _PROGRAMS / "gateway.ts"]),
        without_token=r"^MissingToken: ",
        without_scope=r"^InsufficientScope: .* mcp:tools:execute mcp:tools:read$",
        expired=r"^TokenRefused: the token expired \d+ seconds ago",
    ),
]
_GUARDED = ("/mcp", "/api/")  # a refused client may go on to look for metadata, which is for everybody
LISTED = Answered("7 tools")
CALLED = Answered("hello")
each_client = pytest.mark.parametrize("client", [pytest.param(client, id=client.name) for client in CLIENTS])


@dataclass
class World:
    """The whole server on a port, with a clock that jumps two hours after so many calls of `echo` were answered."""

    jumps_after: int | None = None
    clock: Clock = field(default_factory=Clock)
    settings: Settings = field(default_factory=Settings)
    statuses: list[int] = field(default_factory=list)
    _calls: int = 0

    def app(self, origin: str) -> ASGIApp:
        """Make the server for an origin."""
        self.settings = Settings(
            jwt_secret=SecretBytes(SECRET),
            issuer=origin,
            resource_url=f"{origin}/mcp",
            store_url=StoreUrl("memory:"),
            audit_enabled=False,
        )
        app = create_app(self.settings, clock=self.clock)

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            sent = bytearray()

            async def receive_watched() -> Message:
                message = await receive()
                sent.extend(message.get("body", b""))
                return message

            async def send_watched(message: Message) -> None:
                if message["type"] == "http.response.start" and scope["path"].startswith(_GUARDED):
                    self.statuses.append(message["status"])
                    self._count(scope, bytes(sent))
                await send(message)

            await app(scope, receive_watched, send_watched)

        return watched

    def token(self, scope: str = "mcp:tools:read mcp:tools:execute") -> str:
        """Issue a token that is good for an hour."""
        return issuer_from(self.settings).issue(
            subject="ada", client_id="tests", scopes=scope.split(), now=NOW, token_id="scenario"
        )

    def _count(self, scope: Scope, body: bytes) -> None:
        """Move the clock once the answer to the last call before the jump is on its way."""
        self._calls += scope["path"].endswith("/execute") or b'"tools/call"' in body
        if self._calls == self.jumps_after:
            self.clock.now = NOW + 7200


def drive(client: Client, world: World, scope: str | None = "mcp:tools:read mcp:tools:execute") -> list[Step]:
    with served(world.app, lifespan="on") as origin:
        return list(client.drive(origin, None if scope is None else world.token(scope)))


def assert_refused(step: Step, words: str) -> None:
    assert isinstance(step, Refused), step
    assert re.search(words, step.words), step.words


@each_client
def test_a_client_lists_the_tools_and_calls_one(client: Client) -> None:
    world = World()

    assert drive(client, world) == [LISTED, CALLED, CALLED]
    assert {status for status in world.statuses if status not in (200, 202)} <= {405}


@each_client
def test_without_a_token_it_is_refused(client: Client) -> None:
    world = World()

    [step] = drive(client, world, scope=None)

    assert_refused(step, client.without_token)
    assert set(world.statuses) == {401}


@each_client
def test_without_the_scope_it_may_list_and_not_call(client: Client) -> None:
    world = World()

    listed, step = drive(client, world, scope="mcp:tools:read")

    assert listed == LISTED
    assert_refused(step, client.without_scope)
    assert 403 in world.statuses
    assert 401 not in world.statuses


@each_client
def test_a_token_that_expires_in_the_middle_ends_with_a_refusal(client: Client) -> None:
    world = World(jumps_after=1)

    listed, called, step = drive(client, world)

    assert [listed, called] == [LISTED, CALLED]
    assert_refused(step, client.expired)
    assert 401 in world.statuses


def test_the_programs_in_typescript_compile() -> None:
    assert typescript(sorted(_PROGRAMS.glob("*.ts")), Path(__file__).parents[2]) == []


def test_a_client_is_in_the_table_once() -> None:
    names = [client.name for client in CLIENTS]

    assert sorted(set(names)) == sorted(names)
