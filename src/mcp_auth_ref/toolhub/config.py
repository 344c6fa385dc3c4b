"""The MCP servers behind the gateway, as the file `.mcp/config.json` describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pydantic import BaseModel, ConfigDict, SecretStr

from mcp_auth_ref.settings import Url

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer


class ToolRule(BaseModel):
    """What one tool needs beside what every call needs."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    scopes: tuple[str, ...] = ()


class _Server(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    scopes: tuple[str, ...] = ()
    tools: Mapping[str, ToolRule] = {}

    def scopes_of(self, tool: str) -> tuple[str, ...]:
        """Return what the server's tools need, and what this one needs."""
        rule = self.tools.get(tool)
        return (*self.scopes, *(rule.scopes if rule else ()))


class StdioServer(_Server):
    """A server that is a process of its own, spoken to over its standard input and output."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, SecretStr] = {}


class HttpServer(_Server):
    """A server at an address, spoken to over streamable HTTP."""

    url: Url
    headers: Mapping[str, SecretStr] = {}


@dataclass(frozen=True, slots=True)
class InProcessServer:
    """A server of the SDK in this very process."""

    server: "MCPServer"
    scopes: tuple[str, ...] = ()
    tool_scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def scopes_of(self, tool: str) -> tuple[str, ...]:
        """Return what the server's tools need, and what this one needs."""
        return (*self.scopes, *self.tool_scopes.get(tool, ()))


ServerConfig: TypeAlias = StdioServer | HttpServer | InProcessServer
