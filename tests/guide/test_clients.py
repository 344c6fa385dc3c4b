"""What the page on MCP clients says: its table against the runs it shows, and what no block of it shows."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.guide.conftest import ROOT
from tests.serving import Served, serving

PAGE = (ROOT / "docs/clients/clients.md").read_text()
SHOWN = ROOT / "snippets/clients"
TYPESCRIPT = ROOT / "snippets/typescript"
SCOPES = "mcp:tools:execute mcp:tools:read"


def shown(name: str, folder: Path = SHOWN) -> str:
    return (folder / f"{name}.out").read_text()


def lines(name: str, folder: Path = SHOWN) -> dict[str, str]:
    """Read an output that has a line for each of three tokens."""
    return dict(line.split(maxsplit=1) for line in shown(name, folder).splitlines())


def problem_in(text: str) -> dict[str, object]:
    """Find the problem document that a client quotes, in quotation marks of its own or without."""
    quoted = text.replace('\\"', '"')
    document: dict[str, object] = json.JSONDecoder().raw_decode(quoted, quoted.index('{"type"'))[0]
    return document


def table() -> dict[str, list[str]]:
    """Read the first table: the version and the cells of each client by its name."""
    rows = re.findall(r"^\| \[([^\]]+)\]\([^)]+\) ([\d.]+ \| .+) \|$", PAGE, re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in rows}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("clients")) as server:
        yield server


def test_the_versions_are_those_of_the_lock_files() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    python = dict(re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    node = {name.removeprefix("node_modules/"): package.get("version") for name, package in packages.items()}

    assert {name: cells[0] for name, cells in table().items()} == {
        "Inspector CLI": node["@modelcontextprotocol/inspector"],
        "mcp-remote": node["mcp-remote"],
        "FastMCP": python["fastmcp"],
        "MCP SDK, Python": python["mcp"],
        "MCP SDK, TypeScript": node["@modelcontextprotocol/sdk"],
        "MCP client, TypeScript": node["@modelcontextprotocol/client"],
    }
    for folder in ("clients", "typescript"):
        wanted = json.loads((ROOT / "snippets" / folder / "package.json").read_text())["dependencies"]
        assert wanted == {name: node[name] for name in wanted}


def test_every_client_calls_with_the_token() -> None:
    assert json.loads(shown("inspector"))["result"]["structuredContent"] == {"result": 42}
    assert shown("remote").endswith("{ result: 42 }\n")
    assert lines("fastmcp_client")["MCP_TOKEN"] == lines("sdk_client")["MCP_TOKEN"] == "7 tools, {'result': 42}"
    assert lines("sdk1", TYPESCRIPT)["MCP_TOKEN"] == lines("sdk2", TYPESCRIPT)["MCP_TOKEN"] == '7 tools, {"result":42}'


def test_inspector_says_why_it_is_refused_without_a_token() -> None:
    *_, without, _ = table()["Inspector CLI"]
    error, code = shown("inspector_none").splitlines()

    assert without == "exit 3, `auth_required`, the problem document"
    assert code == "[exit 3]"
    assert json.loads(error)["error"]["code"] == "auth_required"
    assert problem_in(error)["code"] == "missing_token"


def test_inspector_names_the_missing_scopes() -> None:
    error, code = shown("inspector_scope").splitlines()

    assert table()["Inspector CLI"][-1] == "exit 1, the scopes"
    assert (code, json.loads(error)["error"]["message"]) == ("[exit 1]", f'Insufficient scope: required "{SCOPES}"')


def test_inspector_without_the_flag_talks_of_a_login_also_when_it_has_a_token(served: Served) -> None:
    inspector = "node_modules/.bin/mcp-inspector"
    call = (inspector, "--cli", served.url, "--method", "tools/list", "--header", "Authorization: Bearer bad")

    said = [served.run(*call), served.run(*call, "--stored-auth-only")]

    assert [done.returncode for done in said] == [3, 3]
    assert "Interactive OAuth" in said[0].stderr
    assert "invalid_token" not in said[0].stderr
    assert problem_in(said[1].stderr)["code"] == "invalid_token"


def test_the_shell_writes_the_file_of_inspector_for_nobody_else(tmp_path: Path) -> None:
    blocks = [(SHOWN / name).read_text() for name in ("token.sh", "inspector.sh")]
    stubs = "mcp-auth-ref() { echo s; }; generate-mcp-token() { echo t; }; npx() { :; }\n"

    subprocess.run(["bash", "-eu", "-c", stubs + "".join(blocks)], cwd=tmp_path, check=True)

    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        ".env": 0o600,
        "inspector.json": 0o600,
    }
    assert json.loads((tmp_path / "inspector.json").read_text())["mcpServers"]["guide"]["headers"] == {
        "Authorization": "Bearer t"
    }


def test_mcp_remote_tries_to_log_in_and_its_host_is_told_nothing_of_the_401() -> None:
    host, log = shown("remote_none").split("\n", 1)

    assert host == "McpError: MCP error -32000: Connection closed"
    assert log.startswith("Fatal error: ")
    assert '"authorization_endpoint"' in log
    assert "missing_token" not in log


def test_what_mcp_remote_misses_in_the_metadata_may_be_missing() -> None:
    """RFC 8414, section 2: `authorization_endpoint` is for grants that use it, and there are none."""
    metadata = json.loads((ROOT / "snippets/curl/issuer.out").read_text())

    assert "authorization_endpoint" not in metadata
    assert metadata["grant_types_supported"] == ["client_credentials", "refresh_token"]


def test_mcp_remote_tries_to_log_in_for_more_and_nobody_hears_of_the_scope() -> None:
    tools, error = shown("remote_scope").split("\n", 1)

    assert tools.startswith("list_files ")
    assert error.startswith("McpError: MCP error -32001: mcp-remote: ")
    assert error.endswith("\n[exit 1]\n")
    assert "insufficient_scope" not in error
    assert "mcp:tools" not in error


def test_mcp_remote_opens_no_browser_with_the_flag(served: Served) -> None:
    remote = ("node_modules/.bin/mcp-remote", served.url, "--transport", "http-only", "--device-code")

    done = served.run(*remote)

    assert done.returncode == 1
    assert "no browser will be opened on this machine" in done.stderr


@pytest.mark.parametrize("how", ["--header", "--header-file"])
def test_mcp_remote_fills_in_its_own_variables(served: Served, how: str) -> None:
    header = "Authorization:${AUTH_HEADER}"
    (served.folder / "headers.txt").write_text(f"{header}\n")
    given = header if how == "--header" else "headers.txt"
    client = ("node_modules/.bin/mcp-remote-client", served.url, "--transport", "http-only", "--device-code")

    done = served.run(*client, how, given, AUTH_HEADER=f"Bearer {served.token()}")

    assert "Connected successfully!" in done.stderr + done.stdout


def test_fastmcp_tells_no_refusal_from_another() -> None:
    said = lines("fastmcp_client")

    assert said["NO_TOKEN"] == said["NARROW"] == "MCPError(-32603, 'Server returned an error response', None)"


def test_the_python_sdk_tells_none_either_but_in_a_group(served: Served) -> None:
    async def ask() -> None:
        async with Client(streamable_http_client(served.url)) as client:
            await client.list_tools()

    with pytest.raises(ExceptionGroup) as refused:
        asyncio.run(ask())

    assert "Server returned an error response" in repr(refused.value)
    assert "401" not in repr(refused.value)


def test_the_hook_of_the_python_sdk_hears_status_and_scopes() -> None:
    said = lines("sdk_client")

    assert said["NO_TOKEN"].startswith('401 Bearer scope="mcp:tools:read mcp:tools:execute", resource_metadata=')
    assert said["NARROW"].startswith('403 Bearer error="insufficient_scope"')
    assert f'scope="{SCOPES}"' in said["NARROW"]


def test_the_first_typescript_sdk_quotes_the_problem_document() -> None:
    said = lines("sdk1", TYPESCRIPT)

    assert said["NO_TOKEN"].startswith("StreamableHTTPError 401")
    assert said["NARROW"].startswith("StreamableHTTPError 403")
    assert problem_in(said["NO_TOKEN"])["code"] == "missing_token"
    assert problem_in(said["NARROW"])["required_scopes"] == SCOPES.split()


def test_the_second_typescript_client_has_the_scopes_as_data() -> None:
    said = lines("sdk2", TYPESCRIPT)

    assert said["NO_TOKEN"] == "SdkHttpError 401: CLIENT_HTTP_AUTHENTICATION"
    assert said["NARROW"] == f"InsufficientScopeError: {SCOPES}"


def test_a_variable_that_nobody_fills_in_is_refused_as_no_token() -> None:
    error, code = shown("inspector_variable").splitlines()

    assert code == "[exit 1]"
    assert problem_in(error)["status"] == 400
    assert shown("fastmcp_variable").startswith("MCPError")


def test_what_others_have_published_has_its_date() -> None:
    rows = PAGE.partition("| client | fills in | source |")[2].strip().splitlines()[1:]

    assert len(rows) == 4
    assert all(re.search(r"\]\(https://\S+\), (read )?\d+ \w+ 2026 \|$", row) for row in rows)


def test_this_page_needs_no_newer_node_than_the_wheel_has(served: Served) -> None:
    assert "Node 24" in PAGE
    assert served.run("node", "--version").stdout.startswith("v24.")
