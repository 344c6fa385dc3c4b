"""What a sentence names in code exists: each flag, variable, route, scope, code, symbol, version and session."""

import pytest

from tests.guide.conftest import ROOT, expect_none
from tests.guide.fences import Page, pages
from tests.guide.names import Inventory, take_stock, unknown


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return take_stock(ROOT)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.path) for page in pages(ROOT)])
def test_what_prose_names_exists(page: Page, inventory: Inventory) -> None:
    expect_none(unknown(page, ROOT, inventory))
