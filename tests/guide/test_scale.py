"""What the page on replicas says beyond what its walk shows. That they do what one process does: `tests/replicas/`."""

import re

from mcp_auth_ref import Settings
from mcp_auth_ref.settings import variable
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/how-to/scale.md").read_text()
SHOWN = ROOT / "snippets/scale"


def printed(name: str) -> list[str]:
    return (SHOWN / f"{name}.out").read_text().splitlines()


def test_alone_two_of_three_let_the_thief_in_and_together_none_does() -> None:
    assert (printed("ask"), printed("naive")) == (["200 200 200"], ["200 401 200"])
    assert printed("again") == ["200 200 200", "401 401 401"]


def test_what_was_revoked_before_redis_was_lost_is_revoked_after() -> None:
    assert '"store":"unavailable"' in printed("lost")[0]
    assert printed("back") == ["401 401 401"]


def test_the_seconds_are_those_of_the_setting_and_of_its_default() -> None:
    shown = re.findall(r"MCP_STORE_STALE_SECS=(\d+)", (SHOWN / "together.sh").read_text())

    assert (shown, Settings().store_stale_secs) == (["2"], 10)
    assert "2 seconds here and 10 by default" in PAGE


def test_each_setting_of_the_table_exists() -> None:
    table = PAGE[PAGE.index("| shared by Redis |") :]
    named = set(re.findall(r"`(MCP_\w+|\[\[?\w+\]?\])`", table))

    assert named <= set(map(variable, Settings.model_fields))
    assert {"[[clients]]", "[tool_limits]", "MCP_KEYS_FILE"} <= named


def test_the_ports_the_page_asks_for_are_those_its_blocks_use() -> None:
    text = "\n".join(path.read_text() for path in sorted(SHOWN.glob("*.sh")))
    used = set(re.findall(r"\b(8765|8771|8772|6390)\b", text))

    assert used == {"8765", "8771", "8772", "6390"}
    assert "ports 8765, 8771, 8772 and 6390, free" in PAGE
