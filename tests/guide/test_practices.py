"""What the seven practices promise: each cell of the table is held to what the page it leads to has printed."""

import re

import pytest

from mcp_auth_ref import ConfigurationError, Settings, keys_from
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/security/practices.md").read_text()
SEVEN = ("Secrets", "Expiry", "Storage", "Transport", "Rate limits", "Audit", "Revocation")


def printed(name: str) -> str:
    """Give what a program of another page has printed."""
    return (ROOT / "snippets" / f"{name}.out").read_text()


def cells(table: str) -> dict[str, list[str]]:
    """Give the rows of a printed table by their first cell."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "---" not in line]
    return {first: rest for first, *rest in rows}


def test_there_are_seven_each_in_the_table_and_with_a_section() -> None:
    rows = re.findall(r"^\| \[([\w ]+)\]\(#([\w-]+)\) \|", PAGE, re.MULTILINE)

    assert tuple(name for name, _ in rows) == SEVEN
    assert [anchor for _, anchor in rows] == [name.lower().replace(" ", "-") for name in SEVEN]
    assert re.findall(r"^## (.*)", PAGE, re.MULTILINE) == [*SEVEN, "In which order"]


def test_a_leaked_key_signs_until_it_is_dropped() -> None:
    assert printed("rotate/leak") == "200\n"
    assert '"status": 401' in printed("rotate/drop")


def test_a_stolen_token_works_on_where_nobody_asks_for_its_end() -> None:
    assert printed("expire/attack") == "Welcome, ada.\n" * 2
    assert re.findall(r'"code": "(\w+)"', printed("expire/refused")) == ["token_too_old", "missing_claim"]


def test_a_script_takes_a_token_from_a_page_that_has_one_within_reach() -> None:
    assert "the script took her token, and the server answers it 200" in printed("keep/storage")
    assert "the script took no token" in printed("keep/cookie")


def test_an_invented_address_changes_nothing() -> None:
    guesses, metadata = list(cells(printed("transport/attack")).values())[1:]

    assert guesses == ["100", "20"]
    assert [address.partition("//")[2].partition("/")[0] for address in metadata] == ["evil.example", "mcp.example.com"]


def test_a_limit_bounds_the_guesses_and_locks_nobody_out() -> None:
    _, looked_at, victim, *_ = cells(printed("limit/attack")).values()

    assert looked_at == ["100", "5", "20"]
    assert victim == ["200", "429", "200"]


def test_a_name_with_a_line_break_stays_a_name_and_a_changed_line_is_found() -> None:
    assert len(printed("audit/naive").splitlines()) == 2
    assert len(printed("audit/escaped").splitlines()) == 1
    assert "broken: audit.log, line 3: it has been changed" in printed("audit/change")


def test_a_copied_token_reads_on_after_a_log_out_that_revokes_nothing() -> None:
    assert printed("revoke/attack") == "You are logged out.\nThe notes of ada.\n"
    assert '"code": "token_revoked"' in printed("revoke/refused")


def test_there_is_no_default_secret() -> None:
    with pytest.raises(ConfigurationError):
        keys_from(Settings())


def test_limits_audit_and_revocation_are_on_from_the_start_and_a_token_lives_an_hour() -> None:
    settings = Settings()

    assert (settings.rate_limit_enabled, settings.audit_enabled) == (True, True)
    assert str(settings.store_url) == "sqlite:///.mcp/store.db"
    assert settings.jwt_expiry_hours == 1
