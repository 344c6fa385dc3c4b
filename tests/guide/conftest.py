"""Walk each page once per run, when the first of its tests asks."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.guide import evidence
from tests.guide.fences import Page
from tests.guide.runners import Outcome, walk

ROOT = Path(__file__).parents[2]


def expect_none(problems: Iterable[str]) -> None:
    """Fail with the problems, one a line, and nothing else."""
    if found := "\n".join(problems):
        pytest.fail(found, pytrace=False)


class Walks:
    """The walks of this run, and what they came to."""

    def __init__(self, config: pytest.Config, folders: pytest.TempPathFactory) -> None:
        self._in_ci = os.environ.get("CI") == "true"
        self._all = self._in_ci or bool(config.option.all)
        self._update = bool(config.option.update)
        self._folders = folders
        self._outcomes: dict[str, dict[str, Outcome]] = {}

    def check(self, page: Page, snippet: str) -> None:
        """Fail or skip the test of a snippet as its walk came out."""
        if not self._all and page.path not in self._outcomes and evidence.is_proven(page, ROOT):
            pytest.skip("proven before, and nothing it depends on has changed; --all proves it again")
        outcome = self._outcomes_of(page)[snippet]
        if outcome.skipped and not self._in_ci:
            pytest.skip(outcome.skipped)
        if not outcome.is_good:
            pytest.fail(outcome.problem or outcome.skipped or "", pytrace=False)

    def _outcomes_of(self, page: Page) -> dict[str, Outcome]:
        if page.path not in self._outcomes:
            outcomes = walk(page, ROOT, self._folders.mktemp(page.stem), update=self._update)
            evidence.record_walk(page, ROOT, outcomes)
            self._outcomes[page.path] = outcomes
        return self._outcomes[page.path]


@pytest.fixture(scope="session")
def walks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walks:
    """Give the walks of this run."""
    return Walks(request.config, tmp_path_factory)


@pytest.fixture(scope="session", autouse=True)
def verified_json(request: pytest.FixtureRequest) -> Iterator[None]:
    """Write `.cache/guide/verified.json` at the end of the run."""
    yield
    evidence.publish(ROOT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the guide has proven."""
    terminalreporter.write_line(f"The guide: {evidence.coverage(ROOT)}.")
