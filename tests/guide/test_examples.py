"""Python that stands in a page or a docstring runs, and prints what its `#>` lines say."""

import re
import time
from pathlib import Path

import pytest
from pytest_examples import CodeExample, EvalExample, find_examples

from tests.guide import evidence
from tests.guide.conftest import ROOT
from tests.guide.fences import as_shown, pages

TYPED = {(block.page, block.line) for page in pages(ROOT) for block in page.blocks if block.snippet is None}
SOURCES = sorted((ROOT / "src").rglob("*.py"))
FOUND = [example for folder in ("docs", "src") if (ROOT / folder).is_dir() for example in find_examples(ROOT / folder)]


def place(example: CodeExample) -> tuple[str, int]:
    """Give page and line."""
    return example.path.relative_to(ROOT).as_posix(), example.start_line


EXAMPLES = [example for example in FOUND if example.in_py_file() or place(example) in TYPED]


@pytest.mark.parametrize("example", [pytest.param(e, id="{}:{}".format(*place(e))) for e in EXAMPLES])
def test_an_example_prints_what_it_says(
    example: CodeExample, eval_example: EvalExample, request: pytest.FixtureRequest
) -> None:
    eval_example.set_config(line_length=88)
    text, started = as_shown(example.source), time.monotonic()

    if eval_example.update_examples:
        eval_example.run_print_update(example)
    else:
        eval_example.run_print_check(example)

    evidence.record_example(text, ROOT, request.node.nodeid, time.monotonic() - started)


def test_all_python_typed_in_a_page_is_an_example() -> None:
    """Only ```` ```python ```` blocks are found by pytest-examples; ~~~ and other spellings would not run."""
    assert sorted(TYPED) == sorted(place(example) for example in EXAMPLES if not example.in_py_file())


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in SOURCES])
def test_docstrings_show_code_in_the_form_that_runs(path: Path) -> None:
    """The reference shows docstrings, so a block in one is Python that pytest-examples runs."""
    lines = path.read_text().splitlines()

    fences = [line.strip() for line in lines if re.match(r"\s*(```|~~~)", line)]
    prompts = [line.strip() for line in lines if line.strip().startswith(">>>")]

    assert [fence for fence in fences[::2] if fence != "```python"] == []
    assert prompts == []
