"""Options of the guide's tests; pytest reads them here, wherever it is started."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("guide")
    group.addoption("--update", action="store_true", help="write the outputs that the guide shows, as they are printed")
    group.addoption("--all", action="store_true", help="walk every page, also those proven before and unchanged since")


def pytest_configure(config: pytest.Config) -> None:
    config.option.update_examples = config.option.update
