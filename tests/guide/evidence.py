"""Keep what has been proven, so that nothing is proven twice until something it depends on changes.

Each page that was walked, and each example that ran, has a record in `.cache/guide/`. Those still valid make
`verified.json`, where the site looks up each block by the SHA-256 of the text it shows.
"""

import datetime
import hashlib
import json
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tests.guide.fences import Page, pages, program_of, read
from tests.guide.outputs import MASKS
from tests.guide.runners import Outcome

TEST = "tests/guide/test_snippets.py::test_a_snippet_does_what_its_page_says[{}]"
DEPENDS_ON = (
    "src/**/*.py",
    "tests/guide/[!t]*.py",
    f"snippets/{MASKS}",
    "*.lock",
    "package-lock.json",
    "pyproject.toml",
)


def name_of(page: Page, snippet: str) -> str:
    """Name a snippet on a page. `pytest -n 2 --dist loadscope` keeps together what is alike up to the last `::`."""
    return f"{page.stem}::{snippet}"


def node_id(page: Page, snippet: str) -> str:
    """Give the test that proves a snippet on a page, as pytest names it."""
    return TEST.format(name_of(page, snippet))


def key_of(page: Page, root: Path) -> str:
    """Digest everything on which the walk of a page depends."""
    shown = {block.snippet for block in page.blocks if block.snippet}
    files = shown | {program_of(snippet, root) for snippet in shown}
    text = [(block.text, block.snippet, block.title) for block in page.blocks]
    snippets = [
        (path.name, path.exists() and path.read_bytes()) for path in sorted(root / "snippets" / f for f in files)
    ]
    return hashlib.sha256(repr((ground(root), text, snippets)).encode()).hexdigest()


@cache
def ground(root: Path) -> str:
    """Digest what every proof stands on: the package, the locked versions, Python and this machinery."""
    files = sorted(path for pattern in DEPENDS_ON for path in root.glob(pattern))
    content = [(path.relative_to(root).as_posix(), path.read_bytes()) for path in files]
    return hashlib.sha256(repr((platform.python_version(), content)).encode()).hexdigest()


def is_proven(page: Page, root: Path) -> bool:
    """Tell whether the page was walked to its end, and nothing it depends on has changed since."""
    record = _folder(root) / f"{page.stem}.json"
    return record.exists() and json.loads(record.read_text())["key"] == key_of(page, root)


def record_walk(page: Page, root: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Keep the walk of a page if every step was taken and went well, and else not even an earlier one."""
    page = read(root / page.path, root)
    if page.problems or not all(outcome.is_good for outcome in outcomes.values()):
        (_folder(root) / f"{page.stem}.json").unlink(missing_ok=True)
        return
    seconds = {snippet: outcome.seconds for snippet, outcome in outcomes.items()}
    blocks = {b.text: (node_id(page, b.snippet), seconds[b.snippet]) for b in page.blocks if b.snippet}
    _record(root, page.stem, key_of(page, root), blocks)


def record_example(text: str, root: Path, test: str, seconds: float) -> None:
    """Keep the run of one Python example that is typed in a page or a docstring."""
    _record(root, f"example-{_sha256(text)[:16]}", ground(root), {text: (test, seconds)})


def proven(root: Path) -> dict[str, dict[str, object]]:
    """Gather what the records that are still valid have proven, by the SHA-256 of each text."""
    valid = {ground(root), *(key_of(page, root) for page in pages(root))}
    records = [json.loads(path.read_text()) for path in sorted(_folder(root).glob("*.json"))]
    return {sha: block for record in records if record.get("key") in valid for sha, block in record["blocks"].items()}


def publish(root: Path) -> None:
    """Write `verified.json`, for the site."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in ("mcp-auth-ref", "mcp")}}
    _write(_folder(root) / "verified.json", {"versions": versions, "blocks": proven(root)})


def coverage(root: Path) -> str:
    """Say how many of the guide's blocks have a proof."""
    known = proven(root)
    blocks = [_sha256(block.text) for page in pages(root) for block in page.blocks]
    return f"{sum(sha in known for sha in blocks)} of {len(blocks)} blocks are verified"


def _record(root: Path, name: str, key: str, blocks: Mapping[str, tuple[str, float]]) -> None:
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    evidence = {
        _sha256(text): {"test": test, "date": date, "seconds": round(seconds, 2)}
        for text, (test, seconds) in blocks.items()
    }
    _write(_folder(root) / f"{name}.json", {"key": key, "blocks": evidence})


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _folder(root: Path) -> Path:
    return root / ".cache" / "guide"


def _write(path: Path, content: Mapping[str, object]) -> None:
    """Write a file whole or not at all, since several workers write here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(json.dumps(content, indent=1))
    new.replace(path)
