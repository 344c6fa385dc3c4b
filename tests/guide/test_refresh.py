"""What the page on refreshing says; the rest of it is in tests/core/test_grants.py and tests/server/test_token.py."""

import json
import re

from mcp_auth_ref import Settings
from mcp_auth_ref.settings import variable
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/how-to/refresh.md").read_text()
SHOWN = ROOT / "snippets/refresh"


def document(name: str) -> dict[str, str]:
    loaded: dict[str, str] = json.loads((SHOWN / f"{name}.out").read_text())
    return loaded


def test_the_defaults_of_the_page_are_those_of_the_settings() -> None:
    """The table of how long, and the grace."""
    shown = dict(re.findall(r"^\| `(MCP_\w+)` \| (\d+) \|", PAGE, re.MULTILINE))
    defaults = {variable(name): f"{getattr(Settings(), name):g}" for name in Settings.model_fields if "expiry" in name}

    assert shown == defaults
    assert re.findall(r"`MCP_REFRESH_GRACE_SECS` \((\d+) seconds\)", PAGE) == [f"{Settings().refresh_grace_secs}"]


def test_the_attack_succeeds_for_ever_and_ends_the_family_here() -> None:
    """The page holds the practice to its promise."""
    attack = (SHOWN / "attack.out").read_text().splitlines()

    assert [line.partition(":")[0] for line in attack] == ["owner", "thief", "owner", "thief"]
    assert len({line.partition(":")[2] for line in attack}) == 1
    assert [document(name)["error"] for name in ("thief", "owner")] == ["invalid_grant", "invalid_grant"]
    assert document("token")["code"] == "token_revoked"


def test_of_five_callers_one_gets_the_next_refresh_token() -> None:
    """The race of the page."""
    assert (SHOWN / "race.out").read_text() == "5 access tokens\n1 refresh token\n"


def test_a_client_with_a_secret_gets_no_refresh_token_unless_its_table_says_so() -> None:
    """RFC 6749, section 4.4.3."""
    assert "refresh_token" not in document("robot")
    assert "`refresh = true`" in PAGE
