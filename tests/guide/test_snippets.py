"""Each snippet does what its page says, walked as the reader walks the page."""

import pytest

from tests.guide.checkers import shellcheck, typescript
from tests.guide.conftest import ROOT, Walks, expect_none
from tests.guide.evidence import name_of, node_id
from tests.guide.fences import Page, pages
from tests.guide.runners import steps

PAGES = pages(ROOT)
STEPS = [(page, step.snippet) for page in PAGES for step in steps(page, ROOT)]
SHOWN = [(page, name) for page in PAGES for name in dict.fromkeys(block.snippet for block in page.blocks)]
OUTPUTS = [(page, name) for page, name in SHOWN if name and name.endswith(".out")]


def each(cases: list[tuple[Page, str]]) -> pytest.MarkDecorator:
    """Make a test of each snippet; those of one page share a worker, as they share a walk."""
    named = [
        pytest.param(page, snippet, id=name_of(page, snippet), marks=pytest.mark.xdist_group(page.path))
        for page, snippet in cases
    ]
    return pytest.mark.parametrize(("page", "snippet"), named)


@each(STEPS)
def test_a_step_does_what_the_page_says(page: Page, snippet: str, walks: Walks, request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.startswith(node_id(page, snippet))
    walks.check(page, snippet)


@each(OUTPUTS)
def test_an_output_is_what_the_program_prints(
    page: Page, snippet: str, walks: Walks, request: pytest.FixtureRequest
) -> None:
    assert request.node.nodeid.startswith(node_id(page, snippet))
    walks.check(page, snippet)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.path) for page in PAGES])
def test_shellcheck_has_nothing_to_say_about_the_blocks_of_a_page(page: Page) -> None:
    expect_none(shellcheck(steps(page, ROOT)))


def test_the_typescript_of_all_pages_compiles() -> None:
    files = sorted((ROOT / "snippets").rglob("*.ts"))
    if not files:
        pytest.skip("no page shows TypeScript")

    expect_none(typescript(files, ROOT))
