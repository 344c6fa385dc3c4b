"""Each snippet does what its page says, walked as the reader walks the page."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.guide.conftest import ROOT, Walks
from tests.guide.evidence import name_of, node_id
from tests.guide.fences import Page, pages
from tests.guide.runners import NODE, SCRIPTS, steps

PAGES = pages(ROOT)
STEPS = [(page, step.snippet) for page in PAGES for step in steps(page, ROOT)]
SHOWN = [(page, name) for page in PAGES for name in dict.fromkeys(block.snippet for block in page.blocks)]
OUTPUTS = [(page, name) for page, name in SHOWN if name and name.endswith(".out")]

TSC = (NODE / "node", ROOT / "node_modules/typescript/bin/tsc", "--strict", "--noEmit", "--skipLibCheck")
TSC_OPTIONS = ("--module", "nodenext", "--moduleDetection", "force", "--target", "es2024", "--types", "node")


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
    """A reader's shell goes on from block to block, so shellcheck sees them as one script."""
    script = ["set -eu -o pipefail"]
    places = [""]
    for step in steps(page, ROOT):
        if step.is_shell:
            lines = step.text.rstrip("\n").split("\n")
            script += lines
            places += [f"{step.place}: snippets/{step.snippet}:{number}" for number in range(1, len(lines) + 1)]

    checked = subprocess.run(
        [Path(SCRIPTS) / "shellcheck", "--shell=bash", "--format=json", "-"],
        input="\n".join(script) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )

    found = [f"{places[item['line'] - 1]}: SC{item['code']} {item['message']}" for item in json.loads(checked.stdout)]
    assert not found, "\n".join(found)


def test_the_typescript_of_all_pages_compiles() -> None:
    files = sorted((ROOT / "snippets").rglob("*.ts"))
    if not files:
        pytest.skip("no page shows TypeScript")

    compiled = subprocess.run((*TSC, *TSC_OPTIONS, *files), cwd=ROOT, capture_output=True, text=True, check=False)

    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
