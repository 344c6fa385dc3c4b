"""What Home says: what the examples are made of, where each way leads, and what the defaults let in."""

import re
from pathlib import Path

import jwt
import pytest
import yaml
from mcp.types import LATEST_PROTOCOL_VERSION

from mcp_auth_ref.core.errors import MalformedToken, help_url
from tests.guide.conftest import ROOT
from tests.guide.fences import pages

PAGE = (ROOT / "docs/index.md").read_text()
SECRET = "demonstration-secret-never-use-it-in-production"
NOW = 1_795_000_000


def row_of(table: str, cell: str) -> list[str]:
    """Give the cells of the one row of a shown table that has this cell."""
    rows = [line.strip("| ").split(" | ") for line in (ROOT / table).read_text().splitlines()]
    [row] = [row for row in rows if cell in row]
    return row


def test_the_specification_is_the_newest_that_the_sdk_speaks() -> None:
    assert f"the MCP specification of {LATEST_PROTOCOL_VERSION} " in PAGE


def test_every_example_comes_from_a_file_and_every_kind_that_home_names_is_there() -> None:
    blocks = [block for page in pages(ROOT) for block in page.blocks]

    assert [block.place for block in blocks if block.snippet is None] == []
    assert {Path(str(block.snippet)).suffix for block in blocks} >= {".py", ".sh", ".ts", ".toml", ".env", ".out"}


def test_home_leads_to_every_page() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    sections = [pages for section in nav for pages in section.values() if isinstance(pages, list)]
    listed = {path for section in sections for entry in section for path in entry.values()}

    assert set(re.findall(r"\]\(([\w/-]+\.md)", PAGE)) == listed


def test_a_refused_token_gets_its_reason_its_cure_and_the_section_on_it() -> None:
    """Where `you have one and it is refused` leads. That each error has a cure: `tests/core/test_errors.py`."""
    reason, cure, link, _ = (ROOT / "snippets/validate/refused.out").read_text().splitlines()

    assert reason.startswith("refused (malformed_token): the token is malformed: ")
    assert cure == MalformedToken.cure
    assert link == f"See {help_url('malformed_token')}"


def test_the_sdk_and_fastmcp_let_in_a_token_for_another_server() -> None:
    _, sdk, fastmcp, _, guard = row_of("snippets/protect/defaults.out", "issued for another server")

    assert (sdk, fastmcp, guard) == ("**200**", "**200**", "401")


def test_pyjwt_checks_an_expiry_that_is_there_and_misses_none() -> None:
    """RFC 7519, section 4.1.4: `exp` is optional."""
    ended = jwt.encode({"sub": "ada", "exp": NOW - 10_000_000}, SECRET, "HS256")
    endless = jwt.encode({"sub": "ada"}, SECRET, "HS256")

    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(ended, SECRET, algorithms=["HS256"])
    assert jwt.decode(endless, SECRET, algorithms=["HS256"]) == {"sub": "ada"}
    with pytest.raises(jwt.MissingRequiredClaimError):
        jwt.decode(endless, SECRET, algorithms=["HS256"], options={"require": ["exp"]})


def test_an_id_token_has_a_good_signature_and_its_type_tells_it_apart() -> None:
    _, sdk, fastmcp, _, guard = row_of("snippets/protect/defaults.out", "that is an ID token")
    *_, plain, ours = row_of("snippets/validate/forge.out", "an ID token: `typ` is `JWT`")

    assert (sdk, fastmcp, guard) == ("**200**", "**200**", "401")
    assert (plain, ours) == ("**accepted**", "`wrong_type`")
