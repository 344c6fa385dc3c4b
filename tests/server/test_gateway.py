import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretBytes
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_auth_ref import ROLES, Settings, create_app
from mcp_auth_ref.server.bodies import MAX_BODY_BYTES
from tests.served import served
from tests.server.world import METADATA_URL, NOW, SECRET, Clock, bearer, server, token
from tests.toolhub import servers
from tests.toolhub.modern import create_server as create_modern

API = "/api/v1/mcp"
EXECUTE = f"{API}/tools/echo/execute"
HELLO = {"arguments": {"text": "hello"}}
PATIENCE = 30


def scoped(*scopes: str) -> dict[str, str]:
    return dict(bearer(token(" ".join(scopes))))


USER = scoped(*ROLES["user"])
ADMIN = scoped(*ROLES["admin"])
DEMO = {"name": "demo", "status": "connected", "transport": "in-process", "tools": 7}

PROMISES: list[tuple[str, str, str, dict[str, str], object, int, object]] = [
    ("list the servers", "GET", f"{API}/servers", USER, None, 200, {"servers": [DEMO]}),
    ("list the tools", "GET", f"{API}/tools", USER, None, 200, ["list_files", "read_file", "write_file"]),
    ("list the tools of a server", "GET", f"{API}/tools?server_name=demo", USER, None, 200, ["list_files"]),
    ("details of a tool", "GET", f"{API}/tools/echo", USER, None, 200, ("echo", "demo", "Give the text back.")),
    ("execute a tool", "POST", EXECUTE, USER, HELLO, 200, "hello"),
    ("disconnect a server", "POST", f"{API}/servers/demo/disconnect", ADMIN, None, 200, "disconnected"),
    ("connect a server", "POST", f"{API}/servers/demo/connect", ADMIN, None, 200, "connected"),
    ("health", "GET", f"{API}/health", {}, None, 200, {"status": "ok", "servers": {"connected": 1, "total": 1}}),
    ("401 without a token", "GET", f"{API}/tools", {}, None, 401, "missing_token"),
    ("401 with a bad one", "GET", f"{API}/tools", dict(bearer("x.y.z")), None, 401, "invalid_token"),
    ("403 for a role", "POST", f"{API}/servers/demo/connect", USER, None, 403, "insufficient_scope"),
]


def essence(document: dict[str, Any]) -> list[object]:
    """Give what can be recognized of an answer: all of it, or what the rows name."""
    tools = [tool["name"] for tool in document.get("tools", ())] if isinstance(document.get("tools"), list) else []
    return [
        document,
        tools[:3],
        tools[:1],
        (document.get("name"), document.get("server"), document.get("description")),
        document.get("content", [{}])[0].get("text"),
        document.get("status"),
        document.get("code"),
    ]


@pytest.mark.parametrize("row", PROMISES, ids=[row[0] for row in PROMISES])
def test_what_the_older_guide_promised_holds(row: tuple[str, str, str, dict[str, str], object, int, object]) -> None:
    """The older guide, each promise a row."""
    _, method, path, headers, body, status, what = row
    with server() as client:
        answer = client.request(method, path, headers=headers, json=body)

    assert answer.status_code == status
    assert what in essence(answer.json())


def test_a_result_says_all_that_the_tool_has_answered() -> None:
    """MCP 2026-07-28, tools: content and structured content."""
    with server() as client:
        answer = client.post(EXECUTE, headers=USER, json=HELLO)

    document = answer.json()
    assert document.pop("duration_ms") > 0
    assert document == {
        "tool": "echo",
        "server": "demo",
        "is_error": False,
        "content": [{"type": "text", "text": "hello"}],
        "structured_content": {"result": "hello"},
    }
    assert answer.headers["cache-control"] == "no-store"


def test_a_tool_that_fails_is_no_failure_of_the_gateway() -> None:
    """MCP 2026-07-28, tools, error handling."""
    with server() as client:
        answer = client.post(f"{API}/tools/fail/execute", headers=USER, json={})

    assert (answer.status_code, answer.json()["is_error"]) == (200, True)
    assert "this tool always fails" in answer.json()["content"][0]["text"]


NEEDS = {
    ("GET", "/servers"): ["mcp:servers:read"],
    ("POST", "/servers/demo/connect"): ["mcp:servers:manage"],
    ("POST", "/servers/demo/disconnect"): ["mcp:servers:manage"],
    ("GET", "/tools"): ["mcp:tools:read"],
    ("GET", "/tools/echo"): ["mcp:tools:read"],
    ("GET", "/tools/nothing"): ["mcp:tools:read"],
    ("HEAD", "/tools"): ["mcp:tools:read"],
    ("POST", "/tools/echo/execute"): ["mcp:tools:execute", "mcp:tools:read"],
    ("POST", "/tools/nothing/execute"): ["mcp:tools:execute", "mcp:tools:read"],
    ("POST", "/tools/write_file/execute"): ["files:write", "mcp:tools:execute", "mcp:tools:read"],
    ("POST", "/tools/demo.write_file/execute"): ["files:write", "mcp:tools:execute", "mcp:tools:read"],
}


@pytest.mark.parametrize(("operation", "needed"), NEEDS.items())
@pytest.mark.parametrize("body", [b"", b"{", b'{"timeout": -1}'])
def test_a_missing_scope_comes_before_everything_else_and_is_told_whole(
    operation: tuple[str, str], needed: list[str], body: bytes
) -> None:
    """MCP 2026-07-28, server scope management; our choice: nothing is learnt without the scopes to learn it."""
    method, path = operation
    with server() as client:
        answer = client.request(method, API + path, headers=scoped("files:read"), content=body)

    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", '
        f'error_description="the operation needs the scope {" ".join(needed)}", '
        f'scope="{" ".join(needed)}", resource_metadata="{METADATA_URL}"'
    )
    if method != "HEAD":
        assert answer.json()["required_scopes"] == needed


@pytest.mark.parametrize(("operation", "needed"), NEEDS.items())
def test_the_scopes_of_the_challenge_are_enough_and_one_less_is_not(
    operation: tuple[str, str], needed: list[str]
) -> None:
    """MCP 2026-07-28, step-up: after one there is no second."""
    method, path = operation
    with server() as client:
        assert client.request(method, API + path, headers=scoped(*needed)).status_code != 403
        for scope in needed:
            less = scoped(*(set(needed) - {scope}))
            assert client.request(method, API + path, headers=less).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/servers",
        "/servers/demo/connect",
        "/tools",
        "/tools/",
        "/tools/echo",
        "/tools/echo/execute",
        "/nothing",
        "/%0A",
    ],
)
def test_without_a_token_every_method_of_every_address_is_401(method: str, path: str) -> None:
    """Our choice: whether something is there is for those who may know."""
    with server() as client:
        answer = client.request(method, API + path)

    assert answer.status_code == 401
    assert 'scope="mcp:servers:read mcp:tools:read mcp:tools:execute"' in answer.headers["www-authenticate"]


BAD_CREDENTIALS: list[tuple[list[tuple[str, str]], int]] = [
    (bearer(token(exp=NOW - 100, iat=NOW - 3700)), 401),
    (bearer(token(secret=b"another-secret-of-more-than-32-bytes")), 401),
    (bearer(token(iss="https://other.example")), 401),
    (bearer(token(aud="https://other.example/mcp")), 401),
    (bearer(token(), token()), 400),
    ([("Authorization", f"Bearer {token()} x")], 400),
    ([("Authorization", "Basic YWRhOnNlY3JldA==")], 401),
    (bearer("x" * 65536), 401),
    ([("Cookie", f"access_token={token()}")], 401),
    ([("X-Access-Token", token())], 401),
]


@pytest.mark.parametrize(("headers", "status"), BAD_CREDENTIALS)
def test_what_is_no_good_token_gets_nowhere(headers: list[tuple[str, str]], status: int) -> None:
    """RFC 6750; the same guard as at /mcp."""
    with server() as client:
        answer = client.post(EXECUTE, headers=headers, json=HELLO)
        beside = client.post(f"{EXECUTE}?access_token={token()}", json=HELLO)

    assert (answer.status_code, beside.status_code) == (status, 401)
    assert answer.headers["content-type"] == "application/problem+json"


BODIES: list[tuple[str, bytes, int, str]] = [
    ("application/json", b"{", 400, "invalid_request"),
    ("application/json", b"\xff", 400, "invalid_request"),
    ("application/json", '{"arguments": {"text": "é"}}'.encode("latin-1"), 400, "invalid_request"),
    ("application/json", b'\xef\xbb\xbf{"arguments": {}}', 400, "invalid_request"),
    ("application/json", b'{"arguments": {"text": NaN}}', 400, "invalid_request"),
    ("application/json", b'{"arguments": {"text": -Infinity}}', 400, "invalid_request"),
    ("application/json", b'{"arguments": {"text": 1e999}}', 400, "invalid_request"),
    ("application/json", b'{"arguments": {"text": ' + b"9" * 5000 + b"}}", 400, "invalid_request"),
    ("application/json", b'{"arguments": {"text": "\\ud800"}}', 400, "invalid_request"),
    ("application/json", b'{"arguments": {"text": "x"}, "arguments": {}}', 400, "invalid_request"),
    ("application/json", b'{"arguments": {"text": ' + b"[" * 65 + b"]" * 65 + b"}}", 400, "invalid_request"),
    ("application/json", b"[" * 1_000_000, 400, "invalid_request"),
    ("application/json", b" " * (MAX_BODY_BYTES + 1), 413, "body_too_large"),
    ("text/plain", b"{}", 415, "unsupported_media_type"),
    ("application/x-www-form-urlencoded", b"arguments=x", 415, "unsupported_media_type"),
    ("multipart/form-data; boundary=x", b"--x--", 415, "unsupported_media_type"),
    ("application/jsonp", b"{}", 415, "unsupported_media_type"),
    ("", b"{}", 415, "unsupported_media_type"),
    ("application/json", b"", 422, "invalid_parameters"),
    ("application/json", b"null", 422, "invalid_parameters"),
    ("application/json", b"[]", 422, "invalid_parameters"),
    ("application/json", b'"x"', 422, "invalid_parameters"),
    ("application/json", b'{"arguments": null}', 422, "invalid_parameters"),
    ("application/json", b'{"arguments": []}', 422, "invalid_parameters"),
    ("application/json", b'{"text": "hello"}', 422, "invalid_parameters"),
    ("application/json", b'{"timeout": "1"}', 422, "invalid_parameters"),
    ("application/json", b'{"timeout": true}', 422, "invalid_parameters"),
    ("application/json", b'{"timeout": 0}', 422, "invalid_parameters"),
    ("application/json", b'{"timeout": -1}', 422, "invalid_parameters"),
    ("application/json", b'{"timeout": 30.5}', 422, "invalid_parameters"),
    ("application/json", b'{"arguments": {}}', 422, "invalid_arguments"),
    ("application/json", b'{"arguments": {"text": 1}}', 422, "invalid_arguments"),
]


@pytest.mark.parametrize(("kind", "body", "status", "code"), BODIES)
def test_a_body_that_is_not_right_is_refused_by_name(kind: str, body: bytes, status: int, code: str) -> None:
    """RFC 9457; RFC 8259; our choice: one reading, or none."""
    with server() as client:
        answer = client.post(EXECUTE, headers={**USER, "Content-Type": kind}, content=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"https://mcp-auth-ref.github.io/reference/errors/#{code}"


def test_the_limits_of_a_time_out_are_told() -> None:
    """Our choice: what would be right."""
    with server(tool_timeout_secs=7) as client:
        answer = client.post(EXECUTE, headers=USER, json={"timeout": 8})
        document = client.get("/api/v1/openapi.json").json()

    assert answer.json()["detail"] == "body, timeout: it is not a number of seconds above 0, 7 at most"
    assert document["components"]["schemas"]["Call"]["properties"]["timeout"]["anyOf"][0]["maximum"] == 7


NAMES = ["a%2Fb", "%00", "%0A", "%FF", "%F0%9F%98%80", "demo.", ".echo", "demo.demo.echo", "ECHO"]


@pytest.mark.parametrize("name", [*NAMES, "x" * 201, "x" * 10_000, "echo%20", "{name}", "*"])
def test_an_odd_name_leads_nowhere(name: str) -> None:
    """Our choice: a name is looked up and never followed."""
    with server() as client:
        answers = [
            client.get(f"{API}/tools/{name}", headers=ADMIN),
            client.post(f"{API}/tools/{name}/execute", headers=ADMIN, json=HELLO),
            client.post(f"{API}/servers/{name}/connect", headers=ADMIN),
            client.get(f"{API}/tools?server_name={name}", headers=ADMIN),
        ]

    assert {answer.status_code for answer in answers} <= {404, 405, 422}
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}


def test_a_wrong_method_is_405_and_says_which_is_right() -> None:
    """RFC 9110, section 15.5.6."""
    with server() as client:
        answers = {path: client.delete(API + path, headers=ADMIN) for path in ("/tools", "/tools/echo/execute")}

    assert [(answer.status_code, answer.headers["allow"]) for answer in answers.values()] == [
        (405, "GET, HEAD"),
        (405, "POST"),
    ]
    assert {answer.json()["code"] for answer in answers.values()} == {"method_not_allowed"}


def test_head_is_answered_as_get_without_the_content() -> None:
    """RFC 9110, section 9.3.2."""
    with server() as client:
        head, get = (client.request(method, f"{API}/tools", headers=USER) for method in ("HEAD", "GET"))

    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "application/json")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_pages_of_allowed_sites_may_call_and_others_may_not() -> None:
    """Fetch standard; MCP 2026-07-28, transports, security warning."""
    site = "https://app.example.com"
    with server(allowed_origins=(site,)) as client:
        preflight = client.options(
            EXECUTE,
            headers={
                "Origin": site,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization, content-type",
            },
        )
        allowed = client.get(f"{API}/tools", headers={**USER, "Origin": site})
        foreign = client.get(f"{API}/health", headers={"Origin": "https://site.example"})
        rebound = client.get(f"{API}/health", headers={"Host": "rebound.example"})

    assert (preflight.status_code, allowed.headers["access-control-allow-origin"]) == (200, site)
    assert (foreign.status_code, rebound.status_code) == (403, 421)


def test_a_disconnected_server_answers_503_until_it_is_connected() -> None:
    """Our choice: whoever may manage servers may take one out for a while."""
    with server() as client:
        client.post(f"{API}/servers/demo/disconnect", headers=ADMIN)
        refused = client.post(EXECUTE, headers=USER, json=HELLO)
        counted = client.get("/ready").json()["servers"]
        client.post(f"{API}/servers/demo/connect", headers=ADMIN)
        allowed = client.post(EXECUTE, headers=USER, json=HELLO)

    assert (refused.status_code, refused.json()["code"]) == (503, "server_disconnected")
    assert counted == {"connected": 0, "total": 1}
    assert allowed.status_code == 200


def test_strangers_learn_how_many_servers_there_are_and_no_name() -> None:
    """Our choice: names are for those who may list them."""
    with server() as client:
        texts = [client.get(path).text for path in ("/ready", "/health", f"{API}/health", "/api/v1/openapi.json")]

    assert [json.loads(texts[index])["servers"] for index in (0, 2)] == [{"connected": 1, "total": 1}] * 2
    assert ["write_file" in text for text in texts] == [False] * 4


def test_without_authentication_the_gateway_is_open_and_every_answer_says_so() -> None:
    """Our choice: the setting means the same everywhere."""
    with server(auth_enabled=False, jwt_secret=None) as client:
        answers = [
            client.get(f"{API}/tools"),
            client.post(EXECUTE, json=HELLO),
            client.post(f"{API}/servers/demo/disconnect"),
            client.get(f"{API}/tools/nothing"),
            client.post(EXECUTE, content=b"{", headers={"Content-Type": "application/json"}),
        ]
        document = client.get("/api/v1/openapi.json").json()

    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 400]
    assert {answer.headers["mcp-auth"] for answer in answers} == {"disabled"}
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert [operation["security"] for operation in operations] == [[]] * len(operations)
    assert "securitySchemes" not in document["components"]


def test_no_page_and_no_foreign_address_comes_with_the_document() -> None:
    """Our choice: a page of documentation would load its scripts from elsewhere."""
    with server() as client:
        pages = [client.get(path).status_code for path in ("/docs", "/redoc", "/api/v1/docs", "/openapi.json")]
        text = client.get("/api/v1/openapi.json").text

    assert pages == [404, 404, 404, 404]
    assert {part.split('"')[0].split("/")[0] for part in text.split("://")[1:]} <= {
        "127.0.0.1:8765",
        "mcp-auth-ref.github.io",
    }


def configured(tmp_path: Path, **entries: Mapping[str, object]) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"mcpServers": entries}))
    return path


OURS: Mapping[str, object] = {"command": sys.executable, "args": [servers.__file__]}


def until_connected(client: TestClient, *names: str) -> None:
    for name in names:
        assert client.post(f"{API}/servers/{name}/connect", headers=ADMIN).status_code == 200


def said(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["content"][0]["text"])


def test_scopes_of_servers_and_tools_come_from_the_configuration(tmp_path: Path) -> None:
    """Our choice: what a server or a tool needs, whoever configures it says."""
    guarded = {**OURS, "scopes": ["ours:use"], "tools": {"pid": {"scopes": ["ours:admin"]}}}
    with server(servers_file=configured(tmp_path, ours=guarded)) as client:
        until_connected(client, "ours")
        refused = [
            client.post(f"{API}/tools/{name}/execute", headers=USER, json={}).json()["required_scopes"]
            for name in ("echo", "ours.pid")
        ]
        listed = client.get(f"{API}/tools/pid", headers=USER).json()["scopes"]
        called = client.post(f"{API}/tools/pid/execute", headers=scoped("mcp:tools", "ours"), json={})

    assert refused == [
        ["mcp:tools:execute", "mcp:tools:read", "ours:use"],
        ["mcp:tools:execute", "mcp:tools:read", "ours:admin", "ours:use"],
    ]
    assert listed == ["ours:use", "ours:admin"]
    assert called.status_code == 200


def test_a_name_that_two_servers_share_is_refused_and_the_full_names_lead_on(tmp_path: Path) -> None:
    """Our choice: a guess could call the wrong server."""
    with server(servers_file=configured(tmp_path, one=OURS, two=OURS)) as client:
        until_connected(client, "one", "two")
        refused = client.post(f"{API}/tools/pid/execute", headers=USER, json={})
        pids = {said(client.post(f"{API}/tools/{name}.pid/execute", headers=USER, json={})) for name in ("one", "two")}

    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "several servers have a tool of that name: call it as one.pid or two.pid",
    )
    assert len(pids) == 2


def test_the_token_of_the_caller_reaches_no_server(tmp_path: Path) -> None:
    """MCP 2026-07-28, token passthrough: the server behind tells all that it has got."""
    recorder = tmp_path / "recorder.py"
    recorder.write_text(
        "import os, sys\n"
        "from mcp.server.mcpserver import Context, MCPServer\n"
        "server = MCPServer('recorder')\n"
        "@server.tool()\n"
        "def everything(context: Context) -> str:\n"
        "    '''Tell everything.'''\n"
        "    request = context.request_context\n"
        "    return repr([request.meta, request.params, context.headers, dict(os.environ), sys.argv])\n"
        "server.run()\n"
    )
    credential = token(" ".join(ROLES["user"]))
    entry = {"command": sys.executable, "args": [str(recorder)]}
    with server(servers_file=configured(tmp_path, recorder=entry)) as client:
        until_connected(client, "recorder")
        rest = client.post(f"{API}/tools/everything/execute", headers=dict(bearer(credential)), json={})
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "everything"}}
        headers = {**dict(bearer(credential)), "Accept": "application/json, text/event-stream"}
        mcp = client.post("/mcp", headers=headers, json=message)

    texts = [said(rest), mcp.json()["result"]["content"][0]["text"]]
    assert ["PATH" in text for text in texts] == [True, True]
    assert [credential in text or "ada" in text or SECRET.decode() in text for text in texts] == [False, False]


def test_nothing_of_the_caller_reaches_a_server_at_an_address(tmp_path: Path) -> None:
    """MCP 2026-07-28, token passthrough: every header and every body that it gets is looked at."""
    got = bytearray()

    def recording(_: str) -> ASGIApp:
        app = create_modern().streamable_http_app(stateless_http=True, json_response=True)

        async def record(scope: Scope, receive: Receive, send: Send) -> None:
            async def receive_recorded() -> Message:
                message = await receive()
                got.extend(message.get("body", b""))
                return message

            got.extend(repr(scope.get("headers")).encode() + scope.get("query_string", b""))
            await app(scope, receive_recorded, send)

        return record

    credential = token(" ".join(ROLES["user"]), sub="countess-of-lovelace")
    with served(recording, lifespan="on") as origin:
        entry = {"url": f"{origin}/mcp", "headers": {"Authorization": "Bearer for-the-server"}}
        with server(servers_file=configured(tmp_path, far=entry)) as client:
            until_connected(client, "far")
            [first, *_] = client.get(f"{API}/tools", headers=USER).json()["tools"]
            client.post(f"{API}/tools/far.{first['name']}/execute", headers=dict(bearer(credential)), json={})

    assert b"for-the-server" in got
    assert credential.encode() not in got
    assert b"countess-of-lovelace" not in got


def test_a_call_is_told_with_who_has_made_it_from_where(tmp_path: Path) -> None:
    """Our choice: the audit log answers who did what, over REST as over MCP."""
    log = tmp_path / "audit.log"
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "fail", "arguments": {}}}
    with server(audit_enabled=True, audit_log_path=log) as client:
        rest = client.post(f"{API}/tools/fail/execute", headers=USER, json={})
        mcp = client.post("/mcp", headers={**USER, "Accept": "application/json"}, json=message)

    told = [line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "execute"]
    assert [line["request_id"] for line in told] == [rest.headers["x-request-id"], mcp.headers["x-request-id"]]
    assert {(line["subject"], line["server"], line["tool"], line["address"]) for line in told} == {
        ("ada", "demo", "fail", "127.0.0.1")
    }


@contextmanager
def live(tmp_path: Path, **settings: Any) -> Iterator[str]:
    """Serve on a real port, for what only a connection can show."""

    def app(origin: str) -> Any:
        host = origin.removeprefix("http://")
        complete = Settings(
            jwt_secret=SecretBytes(SECRET),
            servers_file=configured(tmp_path, ours=OURS),
            allowed_hosts=(host,),
            **settings,
        )
        return create_app(complete, clock=Clock())

    with served(app, lifespan="on") as origin:
        httpx2.post(f"{origin}{API}/servers/ours/connect", headers=ADMIN, timeout=PATIENCE).raise_for_status()
        yield origin


def call(origin: str, name: str, **arguments: object) -> httpx2.Response:
    return httpx2.post(
        f"{origin}{API}/tools/{name}/execute", headers=USER, json={"arguments": arguments}, timeout=PATIENCE
    )


def eventually(holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("path", [f"{API}/tools/sleep/execute", "/mcp"])
@pytest.mark.parametrize("version", ["2026-07-28", "2025-11-25"])
def test_a_client_that_goes_away_cancels_its_call(tmp_path: Path, path: str, version: str) -> None:
    """MCP 2026-07-28, cancellation: the server is told, and nobody waits for an answer that nobody reads."""
    arguments = {"seconds": 3600}
    meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "sleep", "arguments": arguments, "_meta": meta},
    }
    headers = {
        **USER,
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": version,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "sleep",
    }
    body = message if path == "/mcp" else {"arguments": arguments}
    with live(tmp_path) as origin:
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.post(origin + path, headers=headers, json=body, timeout=httpx2.Timeout(PATIENCE, read=1))
        eventually(lambda: said(call(origin, "cancelled")) != "[]")

        assert said(call(origin, "echo", text="it goes on")) == "it goes on"


RAW_PATHS = {
    f"{API}/tools/..": 404,
    f"{API}/tools/../servers": 404,
    f"{API}/tools/%2e%2e/servers": 404,
    f"{API}/tools/..%2f..%2fhealth": 404,
    f"{API}//tools": 404,
    f"{API}/tools/echo;x=1": 404,
    f"{API}/health/../tools": 404,
    f"/{API}/tools": 404,
    "/api/v1/mcp": 404,
    "/API/v1/mcp/tools": 404,
    f"{API}/tools/{'%61' * 4000}": 422,
}


def test_a_path_is_taken_as_it_is_written(tmp_path: Path) -> None:
    """Our choice: no dot is resolved, so that no way leads around a guard; clients would resolve them themselves."""
    statuses: dict[str, int] = {}
    with live(tmp_path) as origin:
        for path in RAW_PATHS:
            connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=PATIENCE)
            connection.putrequest("GET", path)
            for name, value in ADMIN.items():
                connection.putheader(name, value)
            connection.endheaders()
            statuses[path] = connection.getresponse().status
            connection.close()

    assert statuses == RAW_PATHS


def test_two_callers_of_one_stdio_server_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Our choice: a slow call is nobody else's."""
    with live(tmp_path) as origin:
        slow = threading.Thread(target=lambda: call(origin, "sleep", seconds=3600), daemon=True)
        slow.start()
        quick = [said(call(origin, "echo", text=str(number))) for number in range(5)]

        assert slow.is_alive()
        httpx2.post(f"{origin}{API}/servers/ours/disconnect", headers=ADMIN, timeout=PATIENCE).raise_for_status()
        slow.join(PATIENCE)

    assert quick == ["0", "1", "2", "3", "4"]


def test_a_disconnection_ends_the_calls_that_run(tmp_path: Path) -> None:
    """Our choice: 503, at once, and no call that waits for ever."""
    answers: list[httpx2.Response] = []
    with live(tmp_path) as origin:
        calls = [
            threading.Thread(target=lambda: answers.append(call(origin, "sleep", seconds=3600)), daemon=True)
            for _ in range(3)
        ]
        for each in calls:
            each.start()
        said(call(origin, "echo", text="the others have begun"))
        httpx2.post(f"{origin}{API}/servers/ours/disconnect", headers=ADMIN, timeout=PATIENCE).raise_for_status()
        for each in calls:
            each.join(PATIENCE)

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "server_disconnected")}
    assert len(answers) == 3


def test_a_server_that_dies_under_a_call_is_502_and_comes_back(tmp_path: Path) -> None:
    """Our choice: its own calls fail, and the next one works once it runs again."""
    with live(tmp_path) as origin:
        died = call(origin, "exit")
        eventually(lambda: call(origin, "echo", text="x").status_code == 200)

    assert (died.status_code, died.json()["code"]) == (502, "server_unavailable")


def test_a_slow_tool_is_504_after_the_time_that_was_asked_for(tmp_path: Path) -> None:
    """RFC 9110, section 15.6.5."""
    with live(tmp_path) as origin:
        answer = httpx2.post(
            f"{origin}{API}/tools/sleep/execute",
            headers=USER,
            json={"arguments": {"seconds": 3600}, "timeout": 0.2},
            timeout=PATIENCE,
        )

    assert (answer.status_code, answer.json()["code"]) == (504, "tool_timeout")
