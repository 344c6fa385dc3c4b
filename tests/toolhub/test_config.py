"""The file of servers is read whole or refused by name, and its secrets are shown nowhere."""

import json
from pathlib import Path

import pytest

from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.toolhub import HttpServer, StdioServer, read_servers
from mcp_auth_ref.toolhub.config import ServerConfig

RIGHT = 'A right file is {"mcpServers": {"files": {"command": "mcp-server-filesystem", "args": ["/srv/files"]}}}'
NAMED = "the name of a server has letters, digits, - and _, 64 at most: the dot parts it from its tools"


def read(folder: Path, document: object, **environ: str) -> dict[str, ServerConfig]:
    path = folder / "config.json"
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return read_servers(path, environ)


def refused(folder: Path, document: object, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        read(folder, document, **environ)
    return str(error.value).replace(str(folder / "config.json"), "FILE")


def test_a_server_is_a_command_or_an_address_with_the_scopes_of_its_tools(tmp_path: Path) -> None:
    """Our choice: what most clients read, and two keys for scopes."""
    document = {
        "mcpServers": {
            "files": {
                "command": "mcp-server-filesystem",
                "args": ["/srv"],
                "env": {"LEVEL": "1", "API_KEY": "<${KEY}>"},
                "scopes": ["files:read"],
                "tools": {"write_file": {"scopes": ["files:write", "files:read"]}},
            },
            "remote": {"url": "https://mcp.example.com/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}},
        }
    }

    servers = read(tmp_path, document, KEY="k-1", TOKEN="t-1")

    files, remote = servers["files"], servers["remote"]
    assert isinstance(files, StdioServer)
    assert isinstance(remote, HttpServer)
    assert list(servers) == ["files", "remote"]
    assert (files.command, files.args) == ("mcp-server-filesystem", ("/srv",))
    assert {name: value.get_secret_value() for name, value in files.env.items()} == {"LEVEL": "1", "API_KEY": "<k-1>"}
    assert files.scopes_of("write_file") == ("files:read", "files:write")
    assert files.scopes_of("read_file") == ("files:read",)
    assert remote.url == "https://mcp.example.com/mcp"
    assert remote.headers["Authorization"].get_secret_value() == "Bearer t-1"
    assert remote.scopes_of("anything") == ()


def test_no_secret_of_a_server_is_shown(tmp_path: Path) -> None:
    """Our choice: values of headers and variables are secrets, wherever they come from."""
    servers = {
        "a": {"command": "x", "env": {"KEY": "hush-1"}},
        "b": {"url": "https://b.example", "headers": {"X-Key": "hush-2 ${KEY}"}},
    }

    shown = repr(read(tmp_path, {"mcpServers": servers}, KEY="hush-3"))

    assert "hush" not in shown


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ({}, ": it has neither a command nor a url. Give the one or the other"),
        ({"command": "x", "url": "https://a"}, ": it has both a command and a url. Give the one or the other"),
        (1, f": it is not an object. {RIGHT}"),
        ({"command": ""}, '.command: command takes a program. A right value is "mcp-server-filesystem"'),
        ({"command": ["x"]}, '.command: command takes a program. A right value is "mcp-server-filesystem"'),
        ({"command": "x\0"}, ".command: it has a NUL in it, which no command line has. Leave it out"),
        ({"command": "x", "arg": []}, ".arg: there is no such key. The nearest is args"),
        ({"command": "x", "zz": []}, ".zz: there is no such key. Known are args, command, env, scopes, tools"),
        (
            {"command": "x", "headers": {}},
            ".headers: there is no such key. Known are args, command, env, scopes, tools",
        ),
        ({"url": "https://a", "env": {}}, ".env: there is no such key. Known are headers, scopes, tools, url"),
        ({"command": "x", "args": "a"}, '.args: args takes a list of strings. A right value is ["/srv/files"]'),
        ({"command": "x", "args": [1]}, '.args[0]: args takes a list of strings. A right value is ["/srv/files"]'),
        (
            {"command": "x", "args": ["a", "${KEY}"]},
            ".args[1]: variables have their place in env and headers only. Hand it over in env",
        ),
        (
            {"command": "x", "env": {"A": 1}},
            '.env.A: env takes an object of strings. A right value is {"API_KEY": "${FILES_API_KEY}"}',
        ),
        (
            {"command": "x", "env": {"A=": "1"}},
            ".env.A=: its name is not one that a variable can have. Write it like API_KEY",
        ),
        ({"command": "x", "env": {"A": "\0"}}, ".env.A: its value has a NUL in it. Leave it out"),
        (
            {"command": "x", "env": {"A": "${UNSET}"}},
            ".env.A: the variable UNSET is not set. Set UNSET, or write the value out",
        ),
        (
            {"command": "x", "env": {"A": "${EMPTY}"}},
            ".env.A: the variable EMPTY is not set. Set EMPTY, or write the value out",
        ),
        (
            {"command": "x", "env": {"A": "${KEY:-x}"}},
            ".env.A: it has ${ without a name and }. Write a variable like ${FILES_API_KEY}",
        ),
        (
            {"command": "x", "env": {"A": "${MCP_JWT_SECRET}"}},
            (
                ".env.A: it hands on MCP_JWT_SECRET, which is for this server only. "
                "Give the other server a secret of its own"
            ),
        ),
        (
            {"url": "https://a", "headers": {"X": "${jwt_secret_key}"}},
            (
                ".headers.X: it hands on jwt_secret_key, which is for this server only. "
                "Give the other server a secret of its own"
            ),
        ),
        ({"command": "x", "scopes": ["a b"]}, ".scopes[0]: it is not one scope word. Write it like files:write"),
        ({"command": "x", "scopes": ["a", ""]}, ".scopes[1]: it is not one scope word. Write it like files:write"),
        (
            {"command": "x", "scopes": "a"},
            '.scopes: scopes takes a list of scope words. A right value is ["files:write"]',
        ),
        (
            {"command": "x", "tools": {"w": {"scopes": ['"']}}},
            ".tools.w.scopes[0]: it is not one scope word. Write it like files:write",
        ),
        (
            {"command": "x", "tools": {"w": {"scopes": "a"}}},
            '.tools.w.scopes: scopes takes a list of scope words. A right value is ["files:write"]',
        ),
        (
            {"command": "x", "tools": {"w": {"scope": []}}},
            ".tools.w.scope: there is no such key. The nearest is scopes",
        ),
        (
            {"command": "x", "tools": {"w": []}},
            (
                ".tools.w: tools takes an object of rules by tool. "
                'A right value is {"write_file": {"scopes": ["files:write"]}}'
            ),
        ),
        (
            {"url": "http://a.example"},
            (
                ".url: it is http outside loopback, where tokens would travel in the clear. "
                "Write it like https://mcp.example.com/mcp"
            ),
        ),
        (
            {"url": "https://a.example?key=1"},
            ".url: it has a query, a fragment or a user name. Write it like https://mcp.example.com/mcp",
        ),
        (
            {"url": 1},
            '.url: url takes an https URL, or http on loopback. A right value is "https://mcp.example.com/mcp"',
        ),
        (
            {"url": "https://a", "headers": {"a b": "c"}},
            ".headers.a b: its name is not one that a header can have. Write it like X-Api-Key",
        ),
        (
            {"url": "https://a", "headers": {"Mcp-Name": "c"}},
            ".headers.Mcp-Name: this header belongs to the protocol. Leave it out",
        ),
        (
            {"url": "https://a", "headers": {"X": "c\n"}},
            (
                ".headers.X: its value is empty, or has characters or spaces around it that no header may have. "
                "Look for a line break at its end"
            ),
        ),
    ],
)
def test_what_is_wrong_with_a_server_is_refused_by_name(tmp_path: Path, server: object, message: str) -> None:
    """Our choice: nothing starts, and the message has a right value."""
    said = refused(
        tmp_path, {"mcpServers": {"files": server}}, KEY="x", EMPTY="", MCP_JWT_SECRET="s", jwt_secret_key="s"
    )

    where, _, what = message.partition(": ")
    assert said == f"mcpServers.files{where} in FILE: {what}"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"{", f"MCP_SERVERS_FILE: FILE is not JSON in UTF-8. {RIGHT}"),
        (b"\xff", f"MCP_SERVERS_FILE: FILE is not JSON in UTF-8. {RIGHT}"),
        (b"[" * 100_000, f"MCP_SERVERS_FILE: FILE is not JSON in UTF-8. {RIGHT}"),
        ([], f"MCP_SERVERS_FILE: FILE is no object with the member mcpServers, an object. {RIGHT}"),
        ({"mcpServers": []}, f"MCP_SERVERS_FILE: FILE is no object with the member mcpServers, an object. {RIGHT}"),
        (
            {"mcpServers": {}, "servers": {}},
            "servers in FILE: there is no such key. Leave it out; known is mcpServers",
        ),
        (
            b'{"mcpServers": {"a": {"command": "x", "command": "y"}}}',
            "MCP_SERVERS_FILE: FILE has the member command twice in one object. Keep one",
        ),
        (
            b'{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}}',
            "MCP_SERVERS_FILE: FILE has the member a twice in one object. Keep one",
        ),
        ({"mcpServers": {"a.b": {"command": "x"}}}, f"mcpServers.a.b in FILE: {NAMED}. Write it like files"),
        ({"mcpServers": {"": {"command": "x"}}}, f"mcpServers. in FILE: {NAMED}. Write it like files"),
    ],
)
def test_what_is_wrong_with_the_file_is_refused(tmp_path: Path, document: object, message: str) -> None:
    """RFC 8259, section 4: of two members of one name, each parser takes another."""
    assert refused(tmp_path, document) == message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Our choice: a setting that names a file names one that can be read."""
    with pytest.raises(ConfigurationError, match=r"^MCP_SERVERS_FILE: .* cannot be read: No such file or directory"):
        read_servers(tmp_path / "none.json", {})
