"""Real MCP servers behind the gateway: connected over the official SDK's client, watched, called, closed.

values        who calls, tools, results, statuses
config        what the configuration says of each server
connection    one server: connected, watched, connected again
hub           all of them under one face
"""

from mcp_auth_ref.toolhub.config import HttpServer, InProcessServer, ServerConfig, StdioServer, read_servers
from mcp_auth_ref.toolhub.hub import ToolHub
from mcp_auth_ref.toolhub.values import Caller, HubResult, HubTool, ServerStatus

__all__ = [
    "Caller",
    "HttpServer",
    "HubResult",
    "HubTool",
    "InProcessServer",
    "ServerConfig",
    "ServerStatus",
    "StdioServer",
    "ToolHub",
    "read_servers",
]
