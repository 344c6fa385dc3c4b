"""What the page on the proof says of the proof. That each guard turns red is shown in `test_machinery.py`."""

import ast
import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.guide import evidence
from tests.guide.conftest import ROOT
from tests.guide.fences import FILES, LANGUAGES, OUTSIDE_A_FENCE, PROGRAMS, read
from tests.guide.outputs import MASKS, expected_exit
from tests.guide.ports import PORT
from tests.guide.runners import PATIENCE, Outcome, walk

PAGE = (ROOT / "docs/about/proof.md").read_text()
GUARDS, HOLDS = PAGE.split("## What turns the run red")[1].split("These hold the reference")


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def name_of(words: str) -> str:
    return "test_" + words.replace(" ", "_")


def test_each_guard_on_the_page_is_shown_red_and_each_that_is_shown_red_is_on_the_page() -> None:
    """A guard that the machinery gains wants its line in the table; tests of how it works need none."""
    shown = functions_of(ROOT / "tests/guide/test_machinery.py")
    named = {name_of(words) for words in re.findall(r"\| \*([^*]+)\* \|", GUARDS)}

    assert named <= shown
    assert {name for name in shown if name.endswith("_is_red")} - named == {"test_a_file_that_no_program_loads_is_red"}
    assert "one that has none is refused" in PAGE


@pytest.mark.parametrize(("words", "file"), re.findall(r"\| \*([^*]+)\*, `(\w+\.py)` \|", HOLDS))
def test_each_other_test_that_the_page_names_exists(words: str, file: str) -> None:
    [path] = (ROOT / "tests").glob(f"[gs]*/{file}")

    assert name_of(words) in functions_of(path)


def test_the_table_of_blocks_has_every_extension_that_the_guide_knows() -> None:
    table = PAGE[PAGE.index("| Block |") : PAGE.index("Sentences are looked at")]

    assert set(re.findall(r"`(\.\w+)`", table)) == {*PROGRAMS, *FILES, *LANGUAGES, *OUTSIDE_A_FENCE}


def test_the_numbers_of_a_walk_are_those_of_the_machinery() -> None:
    assert f"answered on port {PORT}, and" in PAGE
    assert f"A step has {PATIENCE} seconds." in PAGE


def test_the_masks_on_the_page_are_those_of_the_run() -> None:
    shown = [block.snippet for block in read(ROOT / "docs/about/proof.md", ROOT).blocks]

    assert MASKS.as_posix() in shown


def test_the_hash_on_the_page_is_the_one_under_which_the_run_keeps_its_proof(tmp_path: Path) -> None:
    page = read(ROOT / "docs/about/proof.md", ROOT)
    [block] = [block for block in page.blocks if block.snippet == "proof/example.py"]
    shown, _, name = (ROOT / "snippets/proof/digest.out").read_text().split(" ")
    (tmp_path / "docs").mkdir()
    (tmp_path / "snippets/proof").mkdir(parents=True)
    (tmp_path / "snippets/proof/example.py").write_text(block.text)
    (tmp_path / "docs/proof.md").write_text('```python\n--8<-- "proof/example.py"\n```\n')
    planted = read(tmp_path / "docs/proof.md", tmp_path)

    evidence.record_walk(planted, tmp_path, {"proof/example.py": Outcome(1)})
    evidence.publish(tmp_path)

    blocks = json.loads((tmp_path / ".cache/guide/verified.json").read_text())["blocks"]
    assert (shown, name) == (hashlib.sha256(block.text.encode()).hexdigest(), "example.py\n")
    assert blocks[shown]["test"] == evidence.node_id(planted, "proof/example.py")


def test_one_step_that_fails_takes_the_mark_from_the_whole_page(tmp_path: Path) -> None:
    (tmp_path / "snippets/proof").mkdir(parents=True)
    (tmp_path / "snippets" / MASKS).write_bytes((ROOT / "snippets" / MASKS).read_bytes())
    (tmp_path / "snippets/proof/good.sh").write_text("echo good\n")
    (tmp_path / "snippets/proof/bad.sh").write_text("false\n")
    (tmp_path / "docs").mkdir()
    fences = "".join(f'```sh\n--8<-- "proof/{name}.sh"\n```\n\n' for name in ("good", "bad"))
    (tmp_path / "docs/proof.md").write_text(fences)
    page = read(tmp_path / "docs/proof.md", tmp_path)
    (tmp_path / "walk").mkdir()

    outcomes = walk(page, tmp_path, tmp_path / "walk")
    evidence.record_walk(page, tmp_path, outcomes)

    assert outcomes["proof/good.sh"].is_good
    assert evidence.proven(tmp_path) == {}


def test_a_refusal_is_promised_by_the_last_line_of_its_output(tmp_path: Path) -> None:
    (tmp_path / "a.out").write_text("refused\n[exit 1]\n")
    (tmp_path / "b.out").write_text("[exit 1]\nrefused\n")

    assert [expected_exit(tmp_path / name) for name in ("a.out", "b.out", "none.out")] == [1, 0, 0]


def test_every_page_has_a_test_file_of_its_own_name() -> None:
    stems = {path.stem for path in (ROOT / "docs").rglob("*.md")}

    assert [stem for stem in sorted(stems) if not (ROOT / f"tests/guide/test_{stem}.py").is_file()] == []


def test_the_walks_run_on_the_versions_of_python_that_the_page_names() -> None:
    """The workflow that publishes the site is what runs on each change."""
    workflow = (ROOT / ".github/workflows/proof.yml").read_text()
    versions = re.findall(r'"(3\.\d+)"', re.findall(r"python: \[(.+)\]", workflow)[0])

    assert f"on Python {versions[0]} to {versions[-1]}." in PAGE
    assert "runs-on: ubuntu" in workflow
