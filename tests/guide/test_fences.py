"""Every block of the guide is included from a file that a test runs, and every such file is on a page."""

import pytest

from tests.guide.conftest import ROOT, expect_none
from tests.guide.fences import Page, orphans, pages, strays

PAGES = pages(ROOT)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.path) for page in PAGES])
def test_every_fence_is_an_include_or_runs_where_it_stands(page: Page) -> None:
    expect_none(page.problems)


def test_every_snippet_is_on_a_page() -> None:
    """A program counts as shown where its output is, which is how reference tables are made."""
    expect_none(f"snippets/{snippet} is on no page" for snippet in orphans(ROOT))


def test_page_snippets_and_test_share_one_stem() -> None:
    expect_none(strays(ROOT))
