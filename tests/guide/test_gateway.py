"""What the page on the gateway says; what it does in odd cases is in tests/server/test_gateway.py."""

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mcp_auth_ref import Settings, create_app
from mcp_auth_ref.server.gateway import Call
from mcp_auth_ref.toolhub import HttpServer, StdioServer, read_servers
from mcp_auth_ref.toolhub.connection import FIRST_PAUSE, LONGEST_PAUSE
from tests.guide.conftest import ROOT
from tests.server.world import SECRET, bearer, server, token

PAGE = (ROOT / "docs/how-to/gateway.md").read_text()
CONFIG = ROOT / "snippets/gateway/config.json"


def shown(name: str) -> str:
    return (ROOT / "snippets/gateway" / name).read_text()


def test_the_table_has_every_key_of_a_server_and_no_other() -> None:
    rows = re.findall(r"^\| (`.+?) \|", PAGE[PAGE.index("| Key |") : PAGE.index("`${NAME}`")], re.MULTILINE)
    keys = {key for row in rows for key in re.findall(r"`(\w+)`", row)}

    assert keys == StdioServer.model_fields.keys() | HttpServer.model_fields.keys()


def test_a_value_of_env_is_taken_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"mcpServers": {"notes": {"command": "python", "env": {"KEY": "${THE_KEY}"}}}}))

    [notes] = read_servers(path, {"THE_KEY": "opened"}).values()

    assert isinstance(notes, StdioServer)
    assert notes.env["KEY"].get_secret_value() == "opened"


def test_without_the_file_there_is_the_demonstration_server(tmp_path: Path) -> None:
    settings = Settings.load(environ={"MCP_JWT_SECRET": SECRET.decode()}, cwd=tmp_path)

    with TestClient(create_app(settings), base_url="http://127.0.0.1:8765") as client:
        assert client.get("/ready").json()["servers"] == {"connected": 1, "total": 1}
    assert settings.servers_file is None


def test_the_file_of_the_page_is_found_where_the_page_says(tmp_path: Path) -> None:
    (tmp_path / ".mcp").mkdir()
    (tmp_path / ".mcp/config.json").write_text(CONFIG.read_text())

    assert Settings.load(environ={}, cwd=tmp_path).servers_file == tmp_path / ".mcp/config.json"


def test_the_body_has_the_members_of_the_page() -> None:
    [body] = re.findall(r"The body is `\{(.+)\}`; both may be left out", PAGE)

    assert re.findall(r'"(\w+)":', body) == list(Call.model_fields)
    assert [field.is_required() for field in Call.model_fields.values()] == [False, False]


@pytest.mark.parametrize("path", ["/mcp", "/api/v1/mcp/tools/write_file/execute"])
def test_both_forms_ask_for_the_same_scopes(path: str) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "write_file"}}
    with server() as client:
        refused = client.post(path, headers=dict(bearer(token())), json=message)

    assert refused.json()["required_scopes"] == ["files:write", "mcp:tools:execute", "mcp:tools:read"]


def test_the_pauses_are_those_of_the_page() -> None:
    [(first, longest)] = re.findall(r"after ([\d.]+) seconds, then after twice as long each time, (\d+) seconds", PAGE)

    assert (float(first), float(longest)) == (FIRST_PAUSE, LONGEST_PAUSE)


def test_each_refusal_of_the_page_is_what_its_sentence_says() -> None:
    statuses = {name: shown(f"{name}.out").split()[1] for name in ("refused", "scope")}
    codes = {name: json.loads(shown(f"{name}.out").splitlines()[-1])["code"] for name in ("wrong", "role", "away")}

    assert statuses == {"refused": "401", "scope": "403"}
    assert 'scope="mcp:tools:execute mcp:tools:read notes:write"' in shown("scope.out")
    assert codes == {"wrong": "invalid_arguments", "role": "insufficient_scope", "away": "server_disconnected"}


@pytest.mark.parametrize("method", ["resources/list", "prompts/list"])
def test_only_tools_are_served(method: str) -> None:
    headers = {**dict(bearer(token())), "Accept": "application/json, text/event-stream"}
    with server() as client:
        answer = client.post("/mcp", headers=headers, json={"jsonrpc": "2.0", "id": 1, "method": method})

    assert answer.json()["error"]["message"] == "Method not found"
