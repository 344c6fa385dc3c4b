"""What the gateway answers with, as its OpenAPI document describes it."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mcp_auth_ref.toolhub import HubResult, HubTool, ServerStatus


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Server(_Answer):
    """An MCP server behind the gateway."""

    name: str = Field(examples=["demo"])
    status: Literal["connected", "connecting", "disconnected", "failed"]
    transport: Literal["stdio", "http", "in-process"]
    tools: int = Field(description="How many tools it is known to have.", examples=[7])

    @classmethod
    def of(cls, status: ServerStatus) -> "Server":
        """Say how a server is. Why it has failed is for the log."""
        return cls(name=status.name, status=status.status, transport=status.transport, tools=status.tools)


class Servers(_Answer):
    """Every server that the configuration names, in its order."""

    servers: Sequence[Server]


class Tool(_Answer):
    """A tool of a server. It is called as `server.name`, and as `name` while one server alone has it."""

    name: str = Field(examples=["echo"])
    server: str = Field(examples=["demo"])
    title: str | None
    description: str | None
    input_schema: Mapping[str, object] = Field(description="What its arguments must be, as JSON Schema.")
    output_schema: Mapping[str, object] | None = Field(description="What its structured content is, as JSON Schema.")
    scopes: Sequence[str] = Field(
        description="What a call needs beside `mcp:tools:read` and `mcp:tools:execute`.", examples=[["files:write"]]
    )

    @classmethod
    def of(cls, tool: HubTool) -> "Tool":
        """Describe a tool."""
        return cls(
            name=tool.name,
            server=tool.server,
            title=tool.title,
            description=tool.description,
            input_schema=tool.input_schema,
            output_schema=tool.output_schema,
            scopes=tool.scopes,
        )


class Tools(_Answer):
    """The tools of all servers that are not disconnected, or of one."""

    tools: Sequence[Tool]


class Result(_Answer):
    """What a tool has answered. A tool that failed says so here: for the gateway the call went well."""

    tool: str = Field(examples=["echo"])
    server: str = Field(examples=["demo"])
    is_error: bool = Field(description="Whether the tool failed; `content` then says why.")
    content: Sequence[Mapping[str, object]] = Field(
        description="MCP content blocks.", examples=[[{"type": "text", "text": "hello"}]]
    )
    structured_content: object = Field(
        description="What `output_schema` describes, or null.", examples=[{"result": "hello"}]
    )
    duration_ms: float = Field(description="How long the tool took, in milliseconds.", examples=[1.2])

    @classmethod
    def of(cls, result: HubResult) -> "Result":
        """Say what a tool has answered."""
        return cls(
            tool=result.tool,
            server=result.server,
            is_error=result.is_error,
            content=result.content,
            structured_content=result.structured_content,
            duration_ms=round(result.duration * 1000, 3),
        )


class Connected(_Answer):
    """How many servers are connected, of how many."""

    connected: int = Field(examples=[1])
    total: int = Field(examples=[1])


class Health(_Answer):
    """That the gateway answers, and how many servers it has behind it; which ones is not for strangers."""

    status: Literal["ok"] = "ok"
    servers: Connected


class ProblemDocument(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = Field(description="The address of the section on this error, or `about:blank`.")
    title: str = Field(description="The error in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What was wrong this time.")
    code: str | None = Field(default=None, description="The code of the error; not with `about:blank`.")
    required_scopes: Sequence[str] | None = Field(
        default=None, description="With `insufficient_scope`: every scope that the operation needs."
    )
