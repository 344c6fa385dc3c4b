"""A diagram is one SVG that pages include: it can be read aloud, and it takes its colours from the page."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
DIAGRAMS = sorted((ROOT / "snippets").rglob("*.svg"))
STYLES = re.sub(r"/\*.*?\*/", "", (ROOT / "docs/assets/site.css").read_text(), flags=re.DOTALL)


@pytest.fixture(params=DIAGRAMS, ids=lambda path: path.name)
def diagram(request: pytest.FixtureRequest) -> Path:
    path = request.param
    assert isinstance(path, Path)
    return path


def test_there_are_diagrams() -> None:
    assert DIAGRAMS


def test_a_diagram_says_in_words_what_it_shows(diagram: Path) -> None:
    """WCAG 2.2, 1.1.1: text alternatives."""
    root = ElementTree.parse(diagram).getroot()
    words = {element.get("id"): element.text for element in root if element.tag in {f"{SVG}title", f"{SVG}desc"}}
    named = (root.get("aria-labelledby") or "").split()

    assert root.get("role") == "img"
    assert [bool(words.get(name)) for name in named] == [True, True]


def test_a_diagram_brings_no_colour_of_its_own(diagram: Path) -> None:
    """Our choice: one file serves the light and the dark scheme."""
    elements = list(ElementTree.parse(diagram).getroot().iter())
    paints = {element.get(name, "none") for element in elements for name in ("fill", "stroke")}
    classes = {name for element in elements for name in element.get("class", "").split()}

    assert paints <= {"none", "currentColor"}
    assert not any(element.get("style") or element.tag == f"{SVG}style" for element in elements)
    assert classes <= set(re.findall(r"\.(d-[a-z]+)", STYLES))


def test_the_ids_in_a_diagram_cannot_collide_with_those_of_another(diagram: Path) -> None:
    ids = [element.get("id", "") for element in ElementTree.parse(diagram).getroot().iter() if element.get("id")]

    assert len(ids) == len(set(ids))
    assert all(name.startswith(f"{diagram.stem}-") for name in ids)
