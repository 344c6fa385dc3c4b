import json
import logging
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import Context, MCPServer
from starlette.applications import Starlette
from starlette.routing import Route

from mcp_auth_ref import RequireToken
from mcp_auth_ref.server.bodies import MAX_BODY_BYTES
from mcp_auth_ref.server.mcp import RequireToolScopes, StatelessEndpoint
from tests.server.world import (
    METADATA_URL,
    MODERN,
    OLDER,
    VERIFIER,
    Clock,
    Recorder,
    ask,
    bearer,
    client_of,
    post,
    token,
)

JSON = ("Content-Type", "application/json")
TOOLS = {"write_file": ["files:write"]}


def guarded(app: Any) -> RequireToken:
    return RequireToken(
        RequireToolScopes(app, tools=TOOLS, metadata_url=METADATA_URL),
        verifier=VERIFIER,
        metadata_url=METADATA_URL,
        clock=Clock(),
    )


def sent(content: object, scope: str, *headers: tuple[str, str], method: str = "POST") -> httpx2.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ask(guarded(Recorder()), method=method, headers=[*bearer(token(scope)), JSON, *headers], content=body)


def message(method: str, name: object = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, **({"params": {"name": name}} if name is not None else {})}


NEEDS = [
    (message("tools/list"), ["mcp:tools:read"]),
    (message("server/discover"), ["mcp:tools:read"]),
    (message("initialize"), ["mcp:tools:read"]),
    (message("ping"), ["mcp:tools:read"]),
    (message("prompts/get", "write_file"), ["mcp:tools:read"]),
    (message("tools/call", "echo"), ["mcp:tools:execute", "mcp:tools:read"]),
    (message("tools/call", "no such tool"), ["mcp:tools:execute", "mcp:tools:read"]),
    (message("tools/call", ["write_file"]), ["mcp:tools:execute", "mcp:tools:read"]),
    (message("tools/call"), ["mcp:tools:execute", "mcp:tools:read"]),
    (message("tools/call", "write_file"), ["files:write", "mcp:tools:execute", "mcp:tools:read"]),
    (
        [message("tools/list"), message("tools/call", "write_file")],
        ["files:write", "mcp:tools:execute", "mcp:tools:read"],
    ),
    ({"jsonrpc": "2.0", "id": 1, "result": {}}, ["mcp:tools:read"]),
]


@pytest.mark.parametrize(("content", "needed"), NEEDS)
def test_a_token_without_scopes_is_told_all_that_the_operation_needs(content: object, needed: list[str]) -> None:
    """MCP 2026-07-28, server scope management: all scopes in one challenge."""
    response = sent(content, "")

    assert response.status_code == 403
    assert response.json()["required_scopes"] == needed
    assert f'scope="{" ".join(needed)}"' in response.headers["www-authenticate"]


@pytest.mark.parametrize(("content", "needed"), NEEDS)
def test_what_the_challenge_asks_for_is_enough_and_one_less_is_not(content: object, needed: list[str]) -> None:
    """MCP 2026-07-28, step-up: after one there is no second."""
    assert sent(content, " ".join(needed)).status_code == 200
    for scope in needed:
        assert sent(content, " ".join(set(needed) - {scope})).status_code == 403


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD"])
def test_other_methods_than_post_need_to_read(method: str) -> None:
    """Our choice: older clients GET a stream and DELETE a session, and neither is for everybody."""
    assert sent(b"", "files:write", method=method).status_code == 403
    assert sent(b"", "mcp:tools:read", method=method).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b"[1]",
        b'"tools/list"',
        b'{"method": "tools/list"} {"method": "tools/call"}',
        b'{"method": "tools/list", "method": "tools/call"}',
        b'{"method": "tools/call", "params": {"name": "echo", "name": "write_file"}}',
        b'{"method": "tools/list", "\\u006dethod": "tools/call"}',
        json.dumps(message("tools/list")).encode("utf-16"),
        json.dumps(message("tools/list")).encode("utf-8-sig"),
        b'{"method": "\xff"}',
        b"[" * 100_000,
        b'{"id": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_with_more_than_one_reading_is_refused(body: bytes) -> None:
    """Our choice: what is decided here and what is done later must be the same message."""
    response = sent(body, "mcp:tools files:write")

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_a_body_that_does_not_call_itself_json_is_refused(kind: str) -> None:
    """MCP 2026-07-28, transports; a form of a foreign page can send none of it."""
    body = json.dumps(message("tools/list")).encode()
    headers = [*bearer(token()), ("Content-Type", kind)]

    response = ask(guarded(Recorder()), headers=headers, content=body)

    assert response.status_code == 400
    assert response.json()["detail"] == "the Content-Type of the body is not application/json"


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_parameters_and_case_of_the_type_do_not_matter(kind: str) -> None:
    """RFC 9110, section 8.3.1."""
    headers = [*bearer(token()), ("Content-Type", kind)]

    assert ask(guarded(Recorder()), headers=headers, content=b'{"method": "tools/list"}').status_code == 200


def test_a_body_may_be_so_large_and_not_larger() -> None:
    """Our choice: 4 MiB, as the SDK has it."""
    frame = len(b'{"method": ""}')

    assert sent(b'{"method": "' + b"x" * (MAX_BODY_BYTES - frame) + b'"}', "mcp:tools").status_code == 200
    assert sent(b'{"method": "' + b"x" * (MAX_BODY_BYTES - frame + 1) + b'"}', "mcp:tools").status_code == 413


def test_the_application_reads_the_body_as_if_nobody_had() -> None:
    """ASGI: a body can be received once."""
    received = bytearray()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.extend((await receive())["body"])
        await Recorder()(scope, receive, send)

    ask(guarded(app), headers=[*bearer(token()), JSON], content=b'{"method": "tools/list"}')

    assert received == b'{"method": "tools/list"}'


@pytest.mark.parametrize(("version", "status"), [(MODERN, 403), (OLDER, 400)])
def test_the_headers_cannot_talk_the_body_down(version: str, status: int) -> None:
    """MCP 2026-07-28, transports: what counts is the body."""
    harmless = (("MCP-Protocol-Version", version), ("Mcp-Method", "tools/list"), ("Mcp-Name", "echo"))

    assert sent(message("tools/call", "write_file"), "mcp:tools", *harmless).status_code == status


@pytest.mark.parametrize("versions", [(), (("MCP-Protocol-Version", OLDER),)])
@pytest.mark.parametrize(
    "headers",
    [
        [("Mcp-Method", "tools/list")],
        [("Mcp-Method", "tools/call"), ("Mcp-Method", "tools/list")],
        [("Mcp-Name", "echo")],
        [("Mcp-Name", "write_file"), ("Mcp-Name", "echo")],
        [("Mcp-Name", "=?base64?ZWNobw==?=")],
        [("Mcp-Name", "=?base64?!?=")],
    ],
)
def test_headers_that_contradict_the_body_are_refused(
    versions: tuple[tuple[str, str], ...], headers: list[tuple[str, str]]
) -> None:
    """MCP 2026-07-28, transports: a proxy may have gone by them. With older clients the SDK does not look."""
    response = sent(message("tools/call", "write_file"), "mcp:tools files:write", *versions, *headers)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"


@pytest.mark.parametrize("name", ["write_file", "=?base64?d3JpdGVfZmlsZQ==?="])
def test_headers_that_agree_with_the_body_do_no_harm(name: str) -> None:
    """MCP 2026-07-28, transports: names beyond ASCII come in base64."""
    headers = (("Mcp-Method", "tools/call"), ("Mcp-Name", name))

    assert sent(message("tools/call", "write_file"), "mcp:tools files:write", *headers).status_code == 200


def test_without_the_guard_of_tokens_nothing_gets_through() -> None:
    """Our choice: to forget `RequireToken` is a failure, not an open door."""
    app = Recorder()

    with pytest.raises(KeyError):
        ask(
            RequireToolScopes(app, tools=TOOLS, metadata_url=METADATA_URL),
            headers=[JSON],
            content=b'{"method": "ping"}',
        )

    assert app.scope is None


def peek(context: Context) -> list[str]:
    """Tell which headers a tool can see."""
    return sorted(context.headers or ())


@pytest.mark.parametrize("version", [MODERN, OLDER])
def test_a_tool_cannot_see_the_token(version: str) -> None:
    """MCP 2026-07-28, token passthrough; jwt-checklist 33: what it does not have it cannot send on."""
    mcp = MCPServer("peek")
    mcp.add_tool(peek)
    mcp.streamable_http_app(stateless_http=True, json_response=True)
    app = Starlette(
        routes=[Route("/mcp", guarded(StatelessEndpoint(mcp.session_manager)))],
        lifespan=lambda _: mcp.session_manager.run(),
    )

    with client_of(app) as client:
        response = post(client, "tools/call", {"name": "peek"}, credential=token(), version=version)

    seen = response.json()["result"]["structuredContent"]["result"]
    assert "user-agent" in seen
    assert "authorization" not in seen


def test_the_log_has_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    """Our choice: who runs the server need not guess."""
    with caplog.at_level(logging.INFO, "mcp_auth_ref"):
        sent(message("tools/call", "write_file"), "")
        sent(b"{", "")

    needed = "files:write mcp:tools:execute mcp:tools:read"
    assert caplog.messages == [
        f"refused a request, insufficient_scope: the operation needs the scope {needed}",
        "refused a request, invalid_request: the body is not JSON (RFC 8259) in UTF-8, or has a member twice",
    ]
