"""The guide's own tests turn red: each defect is planted in a small tree, and the message must name the place."""

from pathlib import Path

import pytest

from tests.guide.conftest import ROOT
from tests.guide.fences import orphans, read, strays
from tests.guide.outputs import MASKS
from tests.guide.runners import Outcome, walk

MASK_TABLE = (ROOT / "snippets" / MASKS).read_text()


def plant(tmp_path: Path, files: dict[str, str]) -> Path:
    """Make a tree of a guide, with the masks of the real one."""
    for name, text in {f"snippets/{MASKS}": MASK_TABLE, **files}.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


def problems(tmp_path: Path, page: str, **snippets: str) -> list[str]:
    """Read one page, `docs/demo.md`, whose snippets are named like `call_py`."""
    files = {f"snippets/demo/{name.replace('_', '.')}": text for name, text in snippets.items()}
    return list(read(plant(tmp_path, {"docs/demo.md": page, **files}) / "docs/demo.md", tmp_path / "tree").problems)


def walked(tmp_path: Path, files: dict[str, str], *, update: bool = False) -> dict[str, Outcome]:
    """Walk the page `docs/demo.md` of a planted tree, where every snippet is included in the order given."""
    languages = {"sh": "sh", "py": "python", "ts": "ts", "out": "text", "env": "ini", "json": "json", "toml": "toml"}
    page = ""
    for name in files:
        title = f' title="{name}"' if not name.endswith((".sh", ".out")) else ""
        page += f'```{languages[name.rpartition(".")[2]]}{title}\n--8<-- "demo/{name}"\n```\n\n'
    root = plant(tmp_path, {"docs/demo.md": page, **{f"snippets/demo/{name}": text for name, text in files.items()}})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return walk(read(root / "docs/demo.md", root), root, scratch, update=update)


def test_a_good_page_has_no_problems(tmp_path: Path) -> None:
    page = '=== "Shell"\n\n    ```sh title="x"\n    --8<-- "demo/call.sh:one"\n    ```\n\n```python\nprint(1)\n```\n'
    script = "# --8<-- [start:one]\necho one\n# --8<-- [end:one]\necho two\n"

    assert problems(tmp_path, page, call_sh=script) == []


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```sh\necho typed\n```", "docs/demo.md:3: a block typed by hand; put it under snippets/demo/"),
        ("```\ntyped\n```", "docs/demo.md:3: a fence begins with a language"),
        ('``` { .sh .annotate }\n--8<-- "demo/call.sh"\n```', "docs/demo.md:3: a fence begins with a language"),
        ('~~~json\n{"typed": true}\n~~~', "docs/demo.md:3: a block typed by hand"),
        ("> ```sh\n> echo typed\n> ```", "docs/demo.md:3: a block typed by hand"),
        ("```mermaid\ngraph LR\n```", "docs/demo.md:3: a mermaid fence"),
        ('```sh\n--8<-- "demo/gone.sh"\n```', "docs/demo.md:3: includes snippets/demo/gone.sh, which does not exist"),
        ('```sh\n--8<-- "demo/call.sh:gone"\n```', "docs/demo.md:3: includes nothing: snippets/demo/call.sh:gone"),
        ('```sh\n--8<-- "demo/call.sh:2:3"\n```', "docs/demo.md:3: a block typed by hand"),
        ('```python\n--8<-- "demo/call.sh"\n```', "docs/demo.md:3: a fence for snippets/demo/call.sh says sh, not"),
        ('```sh hl_lines="1"\n--8<-- "demo/call.sh"\n```', "docs/demo.md:3: hl_lines='1' of 2 lines, but"),
        ('```sh hl_lines="7-9"\n--8<-- "demo/call.sh"\n```', 'ask for hl_lines="2"'),
        ('--8<-- "demo/call.sh"', "docs/demo.md:3: outside a fence only a whole .out or .svg stands"),
        ("<table><tr><td>401</td></tr></table>", "docs/demo.md:3: outside a fence only"),
    ],
)
def test_a_page_that_could_lie_is_refused(tmp_path: Path, page: str, message: str) -> None:
    script = "# a comment\n# --8<-- [start:highlight]\necho hello\n# --8<-- [end:highlight]\n"

    found = problems(tmp_path, f"# Demo\n\n{page}\n", call_sh=script)

    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("# --8<-- [start:one]\necho\n", "snippets/demo/call.sh: no `--8<-- [end:…]` for ['one']"),
        ("echo\n# --8<-- [end:one]\n", "snippets/demo/call.sh:2: section 'one' has a second start, or an end without"),
        ("# --8<-- [start:one]\n# --8<-- [end:one]\n", "includes nothing: snippets/demo/call.sh:one has no text"),
        ("# --8<-- [start: one]\necho\n", "snippets/demo/call.sh:1: a marker is written"),
    ],
)
def test_a_broken_section_is_refused(tmp_path: Path, script: str, message: str) -> None:
    found = problems(tmp_path, '```sh\n--8<-- "demo/call.sh:one"\n```\n', call_sh=script)

    assert len(found) == 1
    assert message in found[0]


def test_the_readme_holds_its_snippets_byte_for_byte(tmp_path: Path) -> None:
    """A forge expands no include."""
    readme = "<!-- snippet: readme/run.sh -->\n```sh\necho {}\n```\n\n```sh\necho typed\n```\n"
    root = plant(tmp_path, {"snippets/readme/run.sh": "echo one\n", "README.md": readme.format("one")})

    right = read(root / "README.md", root)
    (root / "README.md").write_text(readme.format("two"))
    wrong = read(root / "README.md", root)

    assert [block.snippet for block in right.blocks] == ["readme/run.sh"]
    assert wrong.problems[0].startswith("README.md:2: is not, byte for byte, snippets/readme/run.sh")
    assert right.problems == wrong.problems[1:]
    assert "README.md:6: a block typed by hand; put it under snippets/readme/" in right.problems[0]


def test_orphans_and_strays_are_named(tmp_path: Path) -> None:
    page = '```text\n--8<-- "demo/table.out"\n```\n'
    files = {"demo/table.out": "1\n", "demo/table.py": "print(1)\n", "demo/lost.sh": "echo\n", "other/x.sh": "echo\n"}
    root = plant(tmp_path, {"docs/demo.md": page, **{f"snippets/{name}": text for name, text in files.items()}})

    assert orphans(root) == ["demo/lost.sh", "other/x.sh", MASKS.as_posix()]
    assert "snippets/other/ has no page docs/**/other.md" in strays(root)
    assert "tests/guide/test_demo.py is missing" in strays(root)
    assert not any("snippets/demo/ has no page" in stray for stray in strays(root))


def test_a_page_is_walked_in_one_shell(tmp_path: Path) -> None:
    outcomes = walked(
        tmp_path,
        {
            "one.sh": 'PLAIN=\'a "b\'\nexport SHOWN=yes\ngreet() { echo "hello $1"; }\nmkdir -p sub\ncd sub\n',
            "two.sh": 'greet "$PLAIN"\npwd\nenv | grep -c PLAIN || true\n',
            "two.out": 'hello a "b\n/home/you/sub\n0\n',
            "ask.py": "import os\n\nprint(os.environ['SHOWN'], 'MCP_JWT_SECRET' in os.environ)\n",
            "ask.out": "yes False\n",
            "late.py": "import sys\n\nprint('no', file=sys.stderr)\nsys.exit(3)\n",
            "call.ts": "const who: string = process.env.SHOWN ?? 'nobody'\nconsole.log(who)\nexport {}\n",
            "call.out": "yes\n",
            "three.sh": "python ../late.py\n",
            "three.out": "no\n[exit 3]\n",
        },
    )

    assert {name: outcome.problem for name, outcome in outcomes.items() if not outcome.is_good} == {}


def test_a_failing_step_stops_the_page(tmp_path: Path) -> None:
    outcomes = walked(tmp_path, {"one.sh": "echo so far\nfalse\n", "two.sh": "echo two\n", "two.out": "two\n"})

    assert outcomes["demo/one.sh"].problem == (
        "docs/demo.md:1: snippets/demo/one.sh exits with 1, not with 0 as the page says; it printed\nso far\n[exit 1]\n"
    )
    assert outcomes["demo/two.sh"].problem == "docs/demo.md:1: not tried, for this step failed: demo/one.sh"
    assert outcomes["demo/two.out"] == outcomes["demo/two.sh"]


def test_a_success_where_the_page_shows_a_refusal_is_red(tmp_path: Path) -> None:
    outcomes = walked(tmp_path, {"one.sh": "echo fine\n", "one.out": "fine\n[exit 1]\n"}, update=True)

    assert "exits with 0, not with 1 as the page says" in (outcomes["demo/one.sh"].problem or "")


def test_a_stale_output_is_shown_as_a_difference_and_update_cures_it(tmp_path: Path) -> None:
    files = {"one.sh": "echo new; echo same\n", "one.out": "old\nsame\n"}

    stale = walked(tmp_path / "a", files)
    updated = walked(tmp_path / "b", files, update=True)

    assert stale["demo/one.sh"].problem is None
    assert stale["demo/one.out"].problem == (
        "docs/demo.md:1: snippets/demo/one.out is stale; `nox -s verify -- --update` writes it again\n"
        "--- one.out on the page\n+++ one.out as printed\n@@ -1,2 +1,2 @@\n-old\n+new\n same"
    )
    assert updated["demo/one.out"].problem is None
    assert (tmp_path / "b/tree/snippets/demo/one.out").read_text() == "new\nsame\n"


def test_a_server_serves_the_rest_of_the_page_from_a_terminal_of_its_own(tmp_path: Path) -> None:
    server = """\
import http.server
import os


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/ready" else 200)
        self.end_headers()
        self.wfile.write(os.environ.get("NAME", "nobody").encode())

    def log_message(self, *_: object) -> None:
        pass


print("serving")
http.server.HTTPServer(("127.0.0.1", 8765), Answer).serve_forever()
"""
    outcomes = walked(
        tmp_path,
        {
            "server.py": server,
            "secret.sh": "export NAME=first\n",
            "serve.sh": "python server.py\n",
            "serve.out": "serving\n",
            "ask.sh": "curl -s http://127.0.0.1:8765/who\n",
            "ask.out": "nobody\n",
            "again.sh": "NAME=second python server.py\n",
            "name.sh": "curl -s http://127.0.0.1:8765/who\n",
            "name.out": "second\n",
        },
    )

    assert {name: outcome.problem for name, outcome in outcomes.items() if not outcome.is_good} == {}


def test_a_server_that_does_not_start_is_red(tmp_path: Path) -> None:
    outcomes = walked(tmp_path, {"serve.sh": "uvicorn nothing:here\n"})

    assert "docs/demo.md:1: snippets/demo/serve.sh is not ready" in (outcomes["demo/serve.sh"].problem or "")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mcp.json", '{"mcpServers": {"x": {"url": "http://127.0.0.1:8765/mcp", "header": {}}}}', "knows no header"),
        ("mcp.json", '{"mcpServers": {"x": {}}}', "snippets/demo/mcp.json is refused by mcp_client"),
        ("other.json", "{}", "has no loader in tests/guide/loaders.py, and no later shell block"),
        (".env", "MCP_JWT_SECRT=x\n", "snippets/demo/.env is refused by the program it is for"),
    ],
)
def test_a_configuration_its_program_refuses_is_red(tmp_path: Path, name: str, text: str, message: str) -> None:
    outcomes = walked(tmp_path, {name: text})

    assert message in (outcomes[f"demo/{name}"].problem or "")
