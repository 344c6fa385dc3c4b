"""What the page on Python says, against its runs, the signatures, and the decisions of the client."""

import inspect
import re
from dataclasses import fields

import pytest

from mcp_auth_ref import (
    AuthError,
    CallFailed,
    InvalidToken,
    MCPAuthClient,
    RefreshingToken,
    SyncMCPAuthClient,
    TokenRefused,
)
from mcp_auth_ref.client import calls, gateway, refresh
from mcp_auth_ref.client.answers import Answer
from mcp_auth_ref.client.calls import Health, Server, Tool, ToolResult
from mcp_auth_ref.client.exchange import FIRST_PAUSE
from mcp_auth_ref.client.sources import TokenSource
from mcp_auth_ref.core.clients import COMMAND_LINE
from mcp_auth_ref.core.errors import ConnectionLost, DeadlinePassed, RedirectRefused, RefreshUncertain, Unreachable
from tests.client.test_answers import answer
from tests.client.test_exchange import EXECUTE, EXPIRED, LOST, READ, RESULT, SERVERS, UNREACHABLE, sends, talk
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/clients/client.md").read_text()
SHOWN = ROOT / "snippets/client"


def rows(heading: str) -> list[list[str]]:
    """Read the table whose first column has this heading, without that row."""
    table = PAGE.partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_the_table_has_every_method_and_no_other() -> None:
    named = {name for cell, *_ in rows("method") for name in re.findall(r"`(\w+)\(", cell)}

    for client in (MCPAuthClient, SyncMCPAuthClient):
        public = {name for name in vars(client) if not name.startswith("_")}
        assert public - {"close", "aclose"} == named


def test_the_table_names_what_a_result_has() -> None:
    table = {cell[0]: cell[1] for cell in rows("method")}
    shown: dict[type[Server | Tool | Health | ToolResult], str] = {
        Server: table["`list_servers()`"],
        Tool: table["`list_tools(server=None)`"],
        Health: table["`health()`"],
        ToolResult: table["`execute(name, arguments, timeout=…)`"],
    }

    for kind, cell in shown.items():
        names = {field.name for field in fields(kind)} | {name for name in vars(kind) if name == "text"}
        assert set(re.findall(r"`([a-z_]+)`", cell)) <= names
    assert set(re.findall(r"`([a-z_]+)`", shown[Tool])) == {field.name for field in fields(Tool)}


def test_the_scopes_are_those_that_the_gateway_asks_for() -> None:
    shown = re.findall(r"mcp:\w+:\w+", (SHOWN / "refused.out").read_text())

    assert {"mcp:tools:read", "mcp:tools:execute"} == set(shown)
    assert [cells[2] for cells in rows("method")][1:5] == [
        "`mcp:servers:read`",
        "`mcp:servers:manage`",
        "`mcp:tools:read`",
        "`mcp:tools:read`",
    ]


def test_a_source_of_ones_own_has_two_methods() -> None:
    methods = {name for name in vars(TokenSource) if not name.startswith("_")}

    assert methods == {"token", "token_async"}


def test_a_function_was_asked_once_for_each_token_that_was_needed() -> None:
    assert (SHOWN / "renewed.out").read_text().splitlines() == [
        *["a token, please"] * 2,
        "nobody has noticed",
        "and it is kept",
        "a token, please",
        "token_expired",
    ]


def test_the_pair_of_the_command_line_is_refreshed_and_kept() -> None:
    assert (SHOWN / "refreshing.out").read_text() == "hello\nrefreshed: True\n"
    assert refresh.MARGIN == 60


def test_the_client_of_the_example_is_the_one_of_the_command() -> None:
    assert f'client_id="{COMMAND_LINE}"' in (SHOWN / "refreshing.py").read_text()


def test_what_is_read_in_the_log_after_a_lost_answer_is_a_code() -> None:
    assert RefreshUncertain.code == "refresh_uncertain"
    assert callable(RefreshingToken.try_again)


def test_one_exception_catches_everything() -> None:
    assert issubclass(TokenRefused, InvalidToken)
    assert all(issubclass(kind, AuthError) for kind in (TokenRefused, CallFailed))
    assert all(issubclass(kind, CallFailed) for kind in (Unreachable, ConnectionLost, DeadlinePassed, RedirectRefused))


REPEATED: dict[str, tuple[Answer | CallFailed, int, int]] = {
    "nobody listens": (UNREACHABLE, 2, 2),
    "429 or 503 with": (answer(503, retry_after="1"), 2, 2),
    "401, the token": (EXPIRED, 2, 2),
    "429, 502": (answer(502), 1, 2),
    "the connection broke": (LOST, 1, 2),
    "the deadline": (DeadlinePassed(60), 1, 1),
    "a redirect": (answer(307, location="https://evil.example/"), 1, 1),
}


@pytest.mark.parametrize("beginning", REPEATED)
def test_the_table_says_what_is_repeated(beginning: str) -> None:
    outcome, changing, reading = REPEATED[beginning]
    [row] = [row for row in rows("what happened") if row[0].startswith(beginning)]
    sent = []
    for call, success in ((EXECUTE, RESULT), (READ, SERVERS)):
        later: list[Answer | str] = ["new", success]
        try:
            steps, _ = talk(call, "one", outcome, *later)
        except AssertionError:
            steps, _ = talk(call, "one", outcome)
        sent.append(len(sends(steps)))

    assert sent == [changing, reading]
    assert [cell.startswith("again") for cell in row[1:]] == [changing == 2, reading == 2]


def test_the_table_of_what_is_repeated_has_no_other_row() -> None:
    assert len(rows("what happened")) == len(REPEATED)


def test_the_numbers_are_those_of_the_code() -> None:
    signature = inspect.signature(MCPAuthClient)

    assert (gateway.RETRIES, gateway.DEADLINE, FIRST_PAUSE) == (2, 60.0, 0.2)
    assert signature.parameters["retries"].default == 2
    assert "twice at most (`retries=2`)" in PAGE
    assert "a fifth of a second" in PAGE
    assert "60 seconds for the whole call" in PAGE


def test_health_is_asked_for_without_a_token() -> None:
    assert not calls.health().authenticated
    assert all(call.authenticated for call in (READ, EXECUTE, calls.list_tools(None), calls.connect("demo")))
