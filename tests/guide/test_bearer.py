"""What the page on tokens in clients says, against its runs and beside them."""

import json
import logging
import re
from pathlib import Path

import httpx2
import pytest

from mcp_auth_ref import ConfigurationError, McpAuth, TokenFile
from tests.guide.conftest import ROOT
from tests.server.world import server, token

PAGE = (ROOT / "docs/clients/bearer.md").read_text()
SHOWN = ROOT / "snippets/bearer"
URL = "http://127.0.0.1:8765/mcp"


def lines(name: str) -> dict[str, str]:
    """Read an output that has a line for each way to write a header."""
    return {line[:17].strip(): line[17:] for line in (SHOWN / f"{name}.out").read_text().splitlines()}


def test_there_are_five_mistakes_and_four_of_them_say_nearly_nothing() -> None:
    naive = lines("naive")

    assert len(naive) == 6
    assert sorted(said for said in naive.values() if re.match(r"40[01] ", said)) == [
        *["400  invalid_request"] * 3,
        "401  invalid_token",
    ]


def test_the_line_break_puts_the_whole_token_into_the_error() -> None:
    assert lines("naive")["a line break"] == r"Illegal header value b'Bearer THE WHOLE TOKEN\n'"


def test_nothing_is_sent_where_the_header_has_a_line_break() -> None:
    def never(request: httpx2.Request) -> httpx2.Response:
        raise AssertionError(f"it was sent to {request.url}")

    with (
        httpx2.Client(transport=httpx2.MockTransport(never)) as http,
        pytest.raises(ConfigurationError, match="a line break follows it"),
    ):
        http.get(URL, auth=McpAuth(URL, "eyJh.eyJz.c2ln\n"))


def test_the_table_of_causes_has_every_mistake_in_the_order_of_the_run() -> None:
    causes = re.findall(r"^\| (?!what|---|client)([^|\[]+) \| [^|]+ \|$", PAGE, re.MULTILINE)

    assert len(causes) == len(lines("naive")) - 1
    assert [name.split()[-1] for name in lines("naive")][2:5] == ["twice", "marks", "break"]


def test_what_is_checked_is_refused_before_it_is_sent_but_for_what_nobody_can_see() -> None:
    checked = lines("checked")

    assert [name for name, said in checked.items() if said.startswith("token: ")] == [
        "a variable",
        "Bearer twice",
        "quotation marks",
        "a line break",
    ]
    assert checked["its end cut off"] == "the server refuses the token (invalid_token): the token is not accepted"


def test_the_sources_read_the_token_anew_for_each_request(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text("one\n")
    auth = McpAuth(URL, TokenFile(path))
    sent = []

    def keep(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.headers["authorization"])
        return httpx2.Response(200)

    with httpx2.Client(transport=httpx2.MockTransport(keep), auth=auth) as http:
        http.get(URL)
        path.write_text("two\n")
        http.get(URL)

    assert sent == ["Bearer one", "Bearer two"]


def test_the_space_makes_the_header_empty_and_the_variable_does_not() -> None:
    space, nospace = (SHOWN / "space.out").read_text(), (SHOWN / "nospace.out").read_text()

    assert space == "Using custom headers: Authorization\nFatal error\n[exit 1]\n"
    assert nospace == "Using custom headers: Authorization\nConnected successfully!\n"


def test_an_empty_authorization_header_is_no_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with server() as client:
        refused = client.post("/mcp", headers={"Authorization": ""})

    assert (refused.status_code, refused.json()["code"]) == (401, "missing_token")


def test_a_good_token_is_accepted_as_it_is() -> None:
    with server() as client:
        assert client.post("/mcp", headers={"Authorization": f"Bearer {token()}"}).status_code != 401


def test_the_two_configurations_differ_in_one_argument() -> None:
    space, nospace = (
        json.loads((SHOWN / f"{name}.mcp.json").read_text())["mcpServers"]["guide"] for name in ("space", "nospace")
    )

    assert space["args"][:-1] == nospace["args"][:-1]
    assert space["args"][-1].count(" ") == 2
    assert " " not in nospace["args"][-1]
