"""What the page on revoking says; the rest of it is in tests/server/test_revoke.py and tests/stores."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from mcp_auth_ref import Settings
from mcp_auth_ref.cli import main
from mcp_auth_ref.refresh import longest
from mcp_auth_ref.stores.sqlite import POLL_SECONDS
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/how-to/revoke.md").read_text()
SHOWN = ROOT / "snippets/revoke"


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    """Seconds of silence, and looks a second."""
    assert re.findall(r"`MCP_STORE_STALE_SECS` \((\d+) seconds\)", PAGE) == [f"{Settings().store_stale_secs}"]
    assert re.findall(r"SQLite's (\d+) times a second", PAGE) == [f"{1 / POLL_SECONDS:.0f}"]
    assert "a twentieth of a second" in PAGE


def test_the_default_of_the_store_is_the_file_of_the_page() -> None:
    """Where the command and the server meet."""
    assert Settings().store_url.get_secret_value() == "sqlite:///.mcp/store.db"
    assert "`.mcp/store.db`" in PAGE


def test_a_revocation_is_kept_as_long_as_a_token_can_live() -> None:
    """`MCP_MAX_TOKEN_AGE`, and what clocks may differ by."""
    settings = Settings()

    assert 0 < longest(settings) - settings.max_token_age <= 2 * 60


def test_the_attack_succeeds_and_the_same_token_is_then_refused() -> None:
    """The page holds the practice to its promise."""
    assert "The notes of ada." in (SHOWN / "attack.out").read_text()
    assert (SHOWN / "before.out").read_text() == "200\n"
    assert '"code": "token_revoked"' in (SHOWN / "refused.out").read_text()


@pytest.mark.parametrize(
    ("words", "code"), [(["--id", "x"], 0), (["--token", "x"], 1), ([], 2), (["--id", "x", "--subject", "y"], 2)]
)
def test_the_exit_codes_are_those_of_the_page(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_JWT_SECRET", "demonstration-secret-never-use-it-in-production")

    assert CliRunner().invoke(main, ["token", "revoke", *words]).exit_code == code
