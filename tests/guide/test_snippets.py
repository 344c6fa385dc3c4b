"""Each snippet does what its page says, walked as the reader walks the page."""

import pytest

from tests.guide.checkers import shellcheck, typescript
from tests.guide.conftest import ROOT, Walks, expect_none
from tests.guide.evidence import name_of, node_id
from tests.guide.fences import Page, pages
from tests.guide.runners import steps

PAGES = pages(ROOT)
STEPS = [(page, step.snippet) for page in PAGES for step in steps(page, ROOT)]
SHOWN = [(page, block.snippet) for page in PAGES for block in page.blocks if block.snippet]
SNIPPETS = [pytest.param(*case, id=name_of(*case)) for case in dict.fromkeys([*STEPS, *SHOWN])]


@pytest.mark.parametrize(("page", "snippet"), SNIPPETS)
def test_a_snippet_does_what_its_page_says(
    page: Page, snippet: str, walks: Walks, request: pytest.FixtureRequest
) -> None:
    """A program runs, a file is loaded, an output is what its program prints."""
    assert request.node.nodeid == node_id(page, snippet)
    walks.check(page, snippet)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.path) for page in PAGES])
def test_shellcheck_has_nothing_to_say_about_the_blocks_of_a_page(page: Page) -> None:
    expect_none(shellcheck(steps(page, ROOT)))


def test_the_typescript_of_all_pages_compiles() -> None:
    files = sorted((ROOT / "snippets").rglob("*.ts"))
    if not files:
        pytest.skip("no page shows TypeScript")

    expect_none(typescript(files, ROOT))
