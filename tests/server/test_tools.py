from pathlib import Path
from typing import Any

import pytest

from mcp_auth_ref.server.tools import _Listing, _result
from mcp_auth_ref.toolhub import HubResult, HubTool
from tests.server.test_gateway import OURS, configured, until_connected
from tests.server.world import MODERN, OLDER, VERSIONS, call, post, server, token

CALLER = token("mcp:tools mcp:servers")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_shared_name_becomes_the_full_one(tmp_path: Path, version: str) -> None:
    """Our choice: each name that is listed leads to one tool."""
    with server(servers_file=configured(tmp_path, one=OURS, two={**OURS, "scopes": ["two:use"]})) as client:
        until_connected(client, "one", "two")
        listed = post(client, "tools/list", credential=CALLER, version=version).json()["result"]["tools"]
        called = call(client, "one.echo", {"text": "hello"}, credential=CALLER, version=version).json()["result"]
        refused = call(client, "two.echo", {"text": "hello"}, credential=CALLER, version=version)
        shared = call(client, "echo", {"text": "hello"}, credential=CALLER, version=version).json()["error"]

    names = [tool["name"] for tool in listed]
    assert names[:2] == ["one.echo", "one.sleep"]
    assert [name.replace("one.", "two.") for name in names[: len(names) // 2]] == names[len(names) // 2 :]
    assert called["content"] == [{"type": "text", "text": "hello"}]
    assert (refused.status_code, refused.json()["required_scopes"]) == (
        403,
        ["mcp:tools:execute", "mcp:tools:read", "two:use"],
    )
    assert (shared["code"], shared["message"]) == (
        -32602,
        "several servers have a tool of that name: call it as one.echo or two.echo",
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("echo", {}, "the arguments break the schema of the tool: $: 'text' is a required property"),
        ("exit", {}, "the server ours is not available: its connection has ended during the call"),
    ],
)
def test_what_goes_wrong_behind_the_gateway_is_told_to_the_model(
    tmp_path: Path, version: str, name: str, arguments: dict[str, object], words: str
) -> None:
    """MCP 2026-07-28, tools, error handling: an execution error can be acted on."""
    with server(servers_file=configured(tmp_path, ours=OURS)) as client:
        until_connected(client, "ours")
        result = call(client, name, arguments, credential=CALLER, version=version).json()["result"]

    assert (result["isError"], result["content"][0]["text"]) == (True, words)


def test_an_unknown_tool_is_an_error_of_the_protocol() -> None:
    """MCP 2026-07-28, tools, error handling."""
    with server() as client:
        answer = call(client, "nothing", credential=CALLER)

    assert answer.json()["error"] == {"code": -32602, "message": "there is no tool of that name"}


@pytest.mark.parametrize(("version", "expected"), [(MODERN, [1, 2]), (OLDER, None)])
def test_older_clients_get_no_structured_content_that_is_no_object(version: str, expected: object) -> None:
    """MCP 2025-11-25, tools: structured content is an object; from 2026-07-28 on it may be any JSON."""
    result = HubResult(tool="t", server="s", is_error=False, content=[], structured_content=[1, 2])

    assert _result(result, version=version).structured_content == expected


@pytest.mark.parametrize(("version", "expected"), [(MODERN, {"type": "array"}), (OLDER, None)])
def test_older_clients_get_no_output_schema_of_anything_but_an_object(version: str, expected: object) -> None:
    """MCP 2025-11-25, tools."""
    tool = HubTool(name="t", server="s", input_schema={"type": "object"}, output_schema={"type": "array"})

    [listed] = _Listing().of([tool], version=version).tools

    assert listed.output_schema == expected


def test_a_listing_is_made_anew_once_the_tools_are_others() -> None:
    """Our choice: what is kept is never an old list."""
    listing = _Listing()
    schema: dict[str, Any] = {"type": "object"}
    first, second = (HubTool(name=name, server="s", input_schema=schema) for name in ("a", "b"))

    answers = [listing.of(tools, version=MODERN) for tools in ([first], [first], [second], [first, second])]

    assert answers[0] is answers[1]
    assert [[tool.name for tool in answer.tools] for answer in answers[1:]] == [["a"], ["b"], ["a", "b"]]
