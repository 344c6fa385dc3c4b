"""The MCP server that `/mcp` serves: the tools of the hub, each under a name that leads to it alone.

A tool keeps its plain name while no other server has one of that name; else it is `server.tool`. Every tool is listed
to whoever may list: a missing scope is a refusal that names it, and not a tool that has disappeared.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from mcp_auth_ref.core.errors import AuthError, UnknownTool
from mcp_auth_ref.server.calls import ClientGone, call_tool
from mcp_auth_ref.toolhub import HubResult, HubTool, ToolHub


def create_server(hub: ToolHub, *, title: str, instructions: str) -> Server[Any]:
    """Return the server, which hands every call to the hub."""
    listing = _Listing()

    async def list_tools(context: ServerRequestContext[Any], _: PaginatedRequestParams | None) -> ListToolsResult:
        return listing.of(await hub.tools(), version=context.protocol_version)

    async def call(context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        return await _called(hub, context, params)

    def input_schema(name: str) -> Mapping[str, Any] | None:
        try:
            return hub.find(name).input_schema
        except AuthError:
            return None

    return Server(
        "mcp-auth-ref",
        title=title,
        version=version("mcp-auth-ref"),
        instructions=instructions,
        get_tool_input_schema=input_schema,
        on_list_tools=list_tools,
        on_call_tool=call,
    )


def own_scopes(hub: ToolHub, name: str) -> Collection[str]:
    """Return what the tool of a name needs beside what every call needs; nothing where there is no such tool."""
    try:
        return hub.find(name).scopes
    except AuthError:
        return ()


async def _called(hub: ToolHub, context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
    """Call a tool. What goes wrong behind the gateway is told to the model, which can do something else instead.

    A name that leads nowhere is an error of the protocol (MCP 2026-07-28, tools, error handling).
    """
    if context.request is None:
        raise RuntimeError("the tools of the hub are called over HTTP, by somebody whose claims are known")
    try:
        result = await call_tool(hub, context.request, params.name, params.arguments or {})
    except UnknownTool as error:
        raise MCPError(INVALID_PARAMS, str(error)) from None
    except AuthError as error:
        return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)
    except ClientGone:
        return CallToolResult(content=[], is_error=True)
    return _result(result, version=context.protocol_version)


def _result(result: HubResult, *, version: str) -> CallToolResult:
    structured = result.structured_content
    if version in HANDSHAKE_PROTOCOL_VERSIONS and not isinstance(structured, dict):
        structured = None  # older clients know objects only
    return CallToolResult.model_validate(
        {"content": result.content, "structuredContent": structured, "isError": result.is_error}
    )


class _Listing:
    """The answer to `tools/list`, kept as long as the tools are the same."""

    def __init__(self) -> None:
        self._tools: Sequence[HubTool] = ()
        self._answers: dict[bool, ListToolsResult] = {}

    def of(self, tools: Sequence[HubTool], *, version: str) -> ListToolsResult:
        """Return the answer in a version of the protocol."""
        older = version in HANDSHAKE_PROTOCOL_VERSIONS
        if len(tools) != len(self._tools) or any(a is not b for a, b in zip(tools, self._tools, strict=True)):
            self._tools, self._answers = tools, {}
        if older not in self._answers:
            shared = Counter(tool.name for tool in tools)
            self._answers[older] = ListToolsResult(
                tools=[_tool(tool, tool.name if shared[tool.name] == 1 else tool.full_name, older) for tool in tools]
            )
        return self._answers[older]


def _tool(tool: HubTool, name: str, older: bool) -> Tool:
    output = tool.output_schema
    if older and output is not None and output.get("type") != "object":
        output = None  # older clients know objects only
    return Tool.model_validate(
        {
            "name": name,
            "title": tool.title,
            "description": tool.description,
            "inputSchema": tool.input_schema,
            "outputSchema": output,
            "annotations": tool.annotations,
        }
    )
