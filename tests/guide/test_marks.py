"""The mark on a block: what a browser reads back from the page is what was run, and the mark says by which test."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pytest_examples import find_examples

from tests.guide import evidence
from tests.guide.conftest import ROOT
from tests.guide.fences import as_shown, pages, read
from tests.guide.runners import Outcome

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
BLOCK = re.compile(r'<div class="([^"]*highlight[^"]*)">.*?<pre>.*?<code>(.*?)</code>.*?</pre>', re.DOTALL)
SITE = """\
site_name: Demo
theme: {name: material, font: false, features: [content.code.copy]}
extra_javascript: [{path: assets/verified.js, defer: true}]
markdown_extensions:
  - admonition
  - pymdownx.highlight: {anchor_linenums: false}
  - pymdownx.snippets: {base_path: [snippets], check_paths: true, dedent_subsections: true}
  - pymdownx.superfences
  - pymdownx.tabbed: {alternate_style: true}
"""
PAGE = """\
# Demo

```python title="a.py"
--8<-- "index/a.py"
```

=== "A tab"

    ```python hl_lines="3"
    --8<-- "index/a.py:one"
    ```

    !!! note
        ```text
        --8<-- "index/a.out"
        ```

1. A list

    ```python
    print("<&>")

    #> <&>
    ```
"""
CODE = """

# --8<-- [start:one]
class A:
\tdef one(self) -> str:
        # --8<-- [start:highlight]
        return "<&>"
        # --8<-- [end:highlight]
    \n# --8<-- [end:one]


print(A().one())

"""


def build(root: Path, site: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(site)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]


def texts_of(site: Path) -> list[str]:
    """Read every block as a browser does, except the signatures that mkdocstrings writes."""
    blocks = [match for page in sorted(site.rglob("*.html")) for match in BLOCK.findall(page.read_text())]
    return [html.unescape(re.sub(r"<[^>]+>", "", code)) for kind, code in blocks if "doc-signature" not in kind]


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """Plant a guide of one page, with a block in each surrounding that changes its indentation."""
    files = {"mkdocs.yml": SITE, "docs/index.md": PAGE, "snippets/index/a.py": CODE, "snippets/index/a.out": "<&>\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "docs/assets").mkdir()
    shutil.copy(ROOT / "docs/assets/verified.js", tmp_path / "docs/assets")
    return tmp_path


def test_a_browser_reads_back_the_text_that_was_hashed(demo: Path) -> None:
    build(demo, demo / "site")

    assert texts_of(demo / "site") == [block.text for block in read(demo / "docs/index.md", demo).blocks]


def test_an_indented_block_is_noticed(demo: Path) -> None:
    (demo / "docs/index.md").write_text("# Demo\n\n    typed = 1\n")
    build(demo, demo / "site")

    assert texts_of(demo / "site") == ["typed = 1\n"]
    assert read(demo / "docs/index.md", demo).blocks == ()


def test_every_block_of_the_site_is_one_that_runs(tmp_path: Path) -> None:
    """No indented code, no list item and no docstring smuggles in a block that the fences do not know."""
    build(ROOT, tmp_path)
    typed = [as_shown(example.source) for example in find_examples(ROOT / "src")]

    assert set(texts_of(tmp_path)) <= {*typed, *(block.text for page in pages(ROOT) for block in page.blocks)}


def test_a_browser_marks_what_was_run_and_nothing_else(demo: Path) -> None:
    if BROWSER is None:
        assert os.environ.get("CI") != "true", "no Chromium on this machine"
        pytest.skip("no Chromium on this machine")
    page = read(demo / "docs/index.md", demo)
    evidence.record_walk(page, demo, {name: Outcome(seconds=0.25) for name in ("index/a.py", "index/a.out")})
    evidence.publish(demo)
    build(demo, demo / "site")
    shutil.copy(demo / ".cache/guide/verified.json", demo / "site")

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=demo / "site")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [BROWSER, "--headless", "--no-sandbox", f"--user-data-dir={demo / 'profile'}", "--dump-dom"]
        address = f"http://127.0.0.1:{server.server_port}/"
        shown = subprocess.run(
            [*command, "--virtual-time-budget=5000", address], capture_output=True, text=True, check=True, timeout=60
        )
        server.shutdown()

    marks = re.findall(r'class="verified[^>]*title="([^"]*)"', shown.stdout)
    found = json.loads((demo / "site/verified.json").read_text())
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    date = next(iter(found["blocks"].values()))["date"]
    by = [evidence.node_id(page, name) for name in ("index/a.py", "index/a.py", "index/a.out")]
    assert len(texts_of(demo / "site")) == 4
    assert marks == [f"Verified on {date} in 0.25 s by {test}, with {versions}" for test in by]
