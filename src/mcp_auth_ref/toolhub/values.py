"""What the hub takes and gives: who calls, what tools there are, what a call gave, how the servers are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["connected", "connecting", "disconnected", "failed"]
Transport: TypeAlias = Literal["stdio", "http", "in-process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls a tool, for the events and nothing else: `sub`, `client_id` and `jti` of the token, and the request.

    `address` is where the request has come from.

    There is no place for the token itself: what a caller brings is never passed on to a server.
    """

    subject: str | None = None
    client_id: str | None = None
    token_id: str | None = None
    request_id: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTool:
    """A tool of a server. `scopes` is what it needs beside what every call needs, as the configuration says."""

    name: str
    server: str
    title: str | None = None
    description: str | None = None
    input_schema: Mapping[str, object] = field(default_factory=dict)
    output_schema: Mapping[str, object] | None = None
    annotations: Mapping[str, object] | None = None
    scopes: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The name by which it can always be called: `server.tool`."""
        return f"{self.server}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubResult:
    """What a tool has answered. `is_error` says that the tool failed, which is no failure of the gateway.

    `content` holds MCP content blocks as JSON has them; `duration` is seconds.
    """

    tool: str
    server: str
    is_error: bool
    content: Sequence[Mapping[str, object]]
    structured_content: object = None
    duration: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """How a server is. `tools` counts those it is known to have; `problem` says why it has failed."""

    name: str
    status: Status
    transport: Transport
    tools: int
    problem: str | None = None
