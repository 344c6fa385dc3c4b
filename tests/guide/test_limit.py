"""What the page on limits says in numbers and in names; what it says of behaviour is in tests/server/test_limits.py."""

import re
import tomllib
from dataclasses import fields
from typing import get_args

import pytest
from starlette.testclient import TestClient

from mcp_auth_ref import Settings
from mcp_auth_ref.core.limits import Rate
from mcp_auth_ref.server.counters import PATIENCE, PAUSE, SIZE
from mcp_auth_ref.server.limits import LIMIT_FIELDS, Policy
from tests.guide.conftest import ROOT
from tests.server.world import Clock, call, post, server, token

PAGE = (ROOT / "docs/how-to/limit.md").read_text()


def column(head: str) -> list[str]:
    """Read the first column of a table, without the code marks."""
    lines = iter(PAGE[PAGE.index(f"| {head} |") :].splitlines()[2:])
    return [line.split("|")[1].strip(" `") for line in iter(lambda: next(lines), "")]


def test_the_numbers_of_the_first_sentence_are_the_defaults() -> None:
    settings = Settings()

    assert settings.rate_limit_enabled
    assert re.findall(r"each subject to (\d+) requests a minute, each address to (\d+) refused", PAGE) == [
        (str(settings.rate_limit_requests), str(settings.rate_limit_failures))
    ]
    assert settings.rate_limit_window_secs == 60


def test_the_attack_ends_as_the_page_says() -> None:
    rows = [line.strip("| ").split(" | ")[1:] for line in (ROOT / "snippets/limit/attack.out").read_text().splitlines()]
    settings = Settings()

    looked_at, own, same, loop = ([int(cell) for cell in row] for row in rows[2:])
    assert looked_at == [100, 5, settings.rate_limit_failures]
    assert own == same == [200, 429, 200]
    assert loop == [702, 0, settings.rate_limit_requests]


def test_the_tables_have_every_limit_and_every_header_and_no_other() -> None:
    assert column("Limit") == list(get_args(Policy))
    assert sorted(column("Header")) == sorted(LIMIT_FIELDS)


def test_the_bounds_are_those_of_the_code() -> None:
    assert re.findall(r"bounded: (\d+) keys", PAGE) == [str(SIZE)]
    assert ("within a tenth of a second" in PAGE, "again after a second" in PAGE) == (PATIENCE == 0.1, PAUSE == 1.0)


def test_the_file_of_the_page_sets_every_limit() -> None:
    document = tomllib.loads((ROOT / "snippets/limit/limits.toml").read_text())
    known = {name for name in Settings.model_fields if name.startswith("rate_limit_")} - {
        "rate_limit_enabled",
        "rate_limit_without_store",
    }

    assert set(document) == {*known, "tool_limits"}
    assert Rate.parse(document["tool_limits"]["echo"]) == Rate(3, 600)
    assert [field.name for field in fields(Rate)] == ["amount", "seconds"]


@pytest.mark.parametrize(("limit", "refused"), [("echo", 429), ("demo.echo", 429), ("other.echo", 200)])
def test_a_limit_holds_for_a_tool_of_every_server_or_of_one(limit: str, refused: int) -> None:
    with server(tool_limits={limit: Rate(1, 60)}) as client:
        answers = [
            client.post(
                f"/api/v1/mcp/tools/{name}/execute",
                json={"arguments": {"text": "x"}},
                headers={"Authorization": f"Bearer {token()}"},
            ).status_code
            for name in ("demo.echo", "demo.echo")
        ]

    assert answers == [200, refused]


def test_the_gateway_and_the_endpoint_count_together() -> None:
    with server(tool_limits={"echo": Rate(1, 60)}) as client:
        assert call(client, "echo", {"text": "x"}, credential=token()).status_code == 200
        assert through_the_gateway(client) == 429


def through_the_gateway(client: TestClient) -> int:
    headers = {"Authorization": f"Bearer {token()}"}
    return client.post("/api/v1/mcp/tools/echo/execute", json={"arguments": {"text": "x"}}, headers=headers).status_code


def test_a_request_without_credentials_is_never_refused_for_its_number() -> None:
    with server(rate_limit_failures=1, clock=Clock()) as client:
        guesses = [post(client, "tools/list", credential="guess").status_code for _ in range(3)]

        assert guesses == [401, 429, 429]
        assert [client.post("/mcp").status_code for _ in range(3)] == [401] * 3
