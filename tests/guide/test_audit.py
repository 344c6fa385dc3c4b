"""What the page on auditing says: its tables, its numbers, and what its programs share with the package."""

import re
from dataclasses import fields
from typing import get_args

from mcp_auth_ref.audit.log import MAX_NAME, MAX_WAITING, RETRY_SECONDS, record
from mcp_auth_ref.events import UNAVAILABLE, Event, Kind
from mcp_auth_ref.settings import Settings
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/how-to/audit.md").read_text()


def table(head: str) -> set[str]:
    """Give what stands in code style in the first column of a table."""
    rows = PAGE[PAGE.index(head) :].partition("\n\n")[0].splitlines()[2:]
    return {word for row in rows for word in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_table_has_every_event_and_no_other() -> None:
    assert table("| Event |") == set(get_args(Kind))


def test_the_table_has_every_member_of_a_line_and_no_other() -> None:
    texts = {each.name: "x" for each in fields(Event) if each.name not in ("kind", "at", "duration")}

    assert table("| Member |") == set(record(Event(kind="refuse", at=0, duration=1, **texts), "now"))


def test_the_numbers_are_those_of_the_log() -> None:
    assert f"longer than {MAX_NAME} characters is cut" in PAGE
    assert f"The last {MAX_WAITING:,} lines wait and are tried again once a second" in PAGE
    assert RETRY_SECONDS == 1
    assert f"or `{UNAVAILABLE}`: nobody could decide" in PAGE


def test_it_is_on_and_where_the_page_says() -> None:
    settings = Settings()

    assert (settings.audit_enabled, str(settings.audit_log_path)) == (True, ".mcp/audit.log")


def test_the_two_programs_of_the_attack_are_given_the_same_name() -> None:
    """What is compared is the log, not the name."""
    naive, escaped = ((ROOT / f"snippets/audit/{name}.py").read_text() for name in ("naive", "escaped"))
    [name] = re.findall(r"^NAME = .*$", naive, re.MULTILINE)

    assert name in escaped
    assert (ROOT / "snippets/audit/naive.out").read_text().count("\n") == 2
    assert (ROOT / "snippets/audit/escaped.out").read_text().count("\n") == 1
