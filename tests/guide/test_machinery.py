"""The guide's own tests turn red: each defect is planted in a small tree, and the message must name the place."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.guide import evidence
from tests.guide.checkers import shellcheck, typescript
from tests.guide.conftest import ROOT
from tests.guide.fences import LANGUAGES, GuideError, orphans, read, strays
from tests.guide.loaders import Absent, loader_for
from tests.guide.names import Inventory, unknown
from tests.guide.outputs import MASKS, masked, read_masks
from tests.guide.ports import PORT, port_to_ourselves, take_a_network, undisturbed
from tests.guide.runners import Outcome, Reader, Step, walk

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
    """Walk a page, `docs/demo.md`, that includes each of these snippets, in their order."""
    blocks = []
    for name in files:
        include, language = f'--8<-- "demo/{name}"', LANGUAGES.get(Path(name).suffix, ("",))[0]
        title = ' title=".env"' if name.endswith(".env") else ""
        blocks.append(f"```{language}{title}\n{include}\n```" if language else include)
    page = "\n\n".join(blocks)
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


def test_the_readme_holds_the_text_of_its_snippets(tmp_path: Path) -> None:
    """A forge expands no include."""
    readme = "<!-- snippet: readme/run.sh -->\n```sh\necho {}\n```\n\n```sh\necho typed\n```\n"
    root = plant(tmp_path, {"snippets/readme/run.sh": "echo one\n", "README.md": readme.format("one")})

    right = read(root / "README.md", root)
    (root / "README.md").write_text(readme.format("two"))
    wrong = read(root / "README.md", root)

    assert [block.snippet for block in right.blocks] == ["readme/run.sh"]
    assert wrong.problems[0].startswith("README.md:2: differs from snippets/readme/run.sh")
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
        "docs/demo.md:5: snippets/demo/one.out is stale; `nox -s verify -- --update` writes it again\n"
        "--- one.out on the page\n+++ one.out as printed\n@@ -1,2 +1,2 @@\n-old\n+new\n same"
    )
    assert updated["demo/one.out"].problem is None
    assert (tmp_path / "b/tree/snippets/demo/one.out").read_text() == "new\nsame\n"


def test_an_output_that_was_never_written_is_red_until_it_is(tmp_path: Path) -> None:
    """A reference page shows the output of a program, and not the program."""
    page = '--8<-- "demo/table.out"\n'
    root = plant(tmp_path, {"docs/demo.md": page, "snippets/demo/table.py": 'print("| a |")\n'})

    def outcome(scratch: str, *, update: bool) -> str | None:
        (tmp_path / scratch).mkdir()
        found = walk(read(root / "docs/demo.md", root), root, tmp_path / scratch, update=update)
        return found["demo/table.out"].problem

    before = outcome("before", update=False)
    updated = outcome("update", update=True)
    after = outcome("after", update=False)

    assert "docs/demo.md:1: snippets/demo/table.out is stale" in (before or "")
    assert (updated, after) == (None, None)
    assert (root / "snippets/demo/table.out").read_text() == "| a |\n"


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


def test_what_a_page_leaves_running_ends_with_its_walk(tmp_path: Path) -> None:
    """By the number in a file of its folder, also where the page has come no further."""
    start = "setsid sleep 600 >sleep.out &\necho $! > sleep.pid\ncp sleep.pid ../kept\n"

    outcomes = walked(tmp_path, {"start.sh": start, "no.sh": "false\n"})

    [kept] = tmp_path.rglob("kept")

    assert not outcomes["demo/no.sh"].is_good
    assert not is_running(int(kept.read_text()))


def is_running(number: int) -> bool:
    """Wait for a process to be gone; what is a zombie runs no more."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if ") Z" in Path(f"/proc/{number}/stat").read_text():
                return False
        except FileNotFoundError:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("nginx.conf", "pid nginx.pid;\nevents {}\n", "pid nginx.pid;\nevents {}\nhttp { tokens off; }\n"),
        ("Caddyfile", ":8480 {\n\trespond 403\n}\n", ":8480 {\n\tanswer 403\n}\n"),
    ],
)
def test_a_proxy_reads_its_own_configuration(tmp_path: Path, name: str, right: str, wrong: str) -> None:
    loader = loader_for(name)
    assert loader is not None
    (tmp_path / name).write_text(right)
    try:
        loader(tmp_path / name)
    except Absent as absent:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(absent))

    (tmp_path / name).write_text(wrong)
    with pytest.raises(GuideError, match="says: "):
        loader(tmp_path / name)


def test_a_server_that_does_not_start_is_red(tmp_path: Path) -> None:
    outcomes = walked(tmp_path, {"serve.sh": "uvicorn nothing:here\n"})

    assert "docs/demo.md:1: snippets/demo/serve.sh is not ready" in (outcomes["demo/serve.sh"].problem or "")


def test_a_server_of_somebody_else_on_the_port_is_named(tmp_path: Path) -> None:
    with port_to_ourselves(), ThreadingHTTPServer(("127.0.0.1", PORT), SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        reader = Reader(ROOT, tmp_path)
        try:
            with pytest.raises(GuideError, match="another program on this machine holds port 8765"):
                reader.take(Step("demo/serve.sh", "docs/demo.md:1", "mcp-auth-ref serve\n", "serve.sh", None))
        finally:
            other.shutdown()


def test_a_walk_is_not_disturbed_by_who_holds_its_port() -> None:
    """As root it has a network of its own; else it waits for its turn, which `port_to_ourselves` gives."""

    def serve() -> tuple[int, str]:
        with ThreadingHTTPServer(("127.0.0.1", PORT), SimpleHTTPRequestHandler) as own:
            connect = f"import socket; socket.create_connection(('127.0.0.1', {PORT}), 30); print('reached')"
            child = subprocess.run([sys.executable, "-c", connect], capture_output=True, text=True, check=False)
            return own.server_port, child.stdout

    first = undisturbed(serve)
    second = undisturbed(serve)

    assert (first, second) == ((PORT, "reached\n"), (PORT, "reached\n"))


def test_walks_go_side_by_side_where_each_has_a_network() -> None:
    with ThreadPoolExecutor(max_workers=1) as thread:
        if not thread.submit(take_a_network).result():
            pytest.skip("this user gets no network of its own, so walks take turns")

    def listen() -> int:
        with socket.create_server(("127.0.0.1", PORT)) as listener:
            return int(listener.getsockname()[1])

    with port_to_ourselves(), ThreadingHTTPServer(("127.0.0.1", PORT), SimpleHTTPRequestHandler):
        assert undisturbed(listen) == PORT


def test_a_shell_block_that_shellcheck_refuses_is_red() -> None:
    blocks = [Step("demo/a.sh", "docs/demo.md:1", "NAME=one\n", "a.sh", None)]
    blocks += [Step("demo/b.sh", "docs/demo.md:5", 'echo "$NAME"\nls $OTHER\n', "b.sh", None)]

    assert [found.partition(" ")[0] for found in shellcheck(blocks)] == ["docs/demo.md:5:"]
    assert "snippets/demo/b.sh:2: SC2086" in shellcheck(blocks)[0]


def test_typescript_that_does_not_compile_is_red(tmp_path: Path) -> None:
    files = [tmp_path / "right.ts", tmp_path / "wrong.ts"]
    files[0].write_text("const answer: number = 1\nconsole.log(answer)\n")
    files[1].write_text('const answer: number = "one"\n')

    (complaint,) = typescript(files, ROOT)

    assert "wrong.ts(1,7): error TS2322" in complaint


def test_typescript_that_node_cannot_run_as_it_is_is_red(tmp_path: Path) -> None:
    """Node erases types and does no more: nothing that needs code made for it, and every import names its file."""
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "right.ts").write_text("export type Answer = number\n")
    (tmp_path / "user.ts").write_text('import type { Answer } from "./right.ts"\nexport const one: Answer = 1\n')
    (tmp_path / "wrong.ts").write_text('import { Answer } from "./right.ts"\nexport enum Colour { Red }\n')

    complaints = typescript(sorted(tmp_path.glob("*.ts")), ROOT)

    assert [re.sub(r".*/|: error|: .*", "", complaint) for complaint in complaints] == [
        "wrong.ts(1,10) TS1484",
        "wrong.ts(2,13) TS1294",
    ]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("package.json", '{"dependencies": {"axios": "1.0.0"}}', "node_package: npm finds that invalid: axios@"),
        ("package.json", '{"dependencies": {"gone": "1.0.0"}}', "node_package: npm finds that missing: gone@1.0.0"),
        ("package.json", '{"dependencies": {}}', "node_package: npm finds that it asks for nothing"),
        (
            "mcp.json",
            '{"mcpServers": {"x": {"url": "http://127.0.0.1:8765/mcp", "header": {}}}}',
            "mcp_client: FastMCP's",
        ),
        ("mcp.json", '{"mcpServers": {"x": {}}}', "mcp_client: "),
        ("x.env", "MCP_LEEWY=1\n", "settings: it sets MCP_LEEWY, which is no setting"),
        ("x.env", "MCP_LEEWAY=never\n", "settings: "),
        ("mcp-auth-ref.toml", "leewy = 1\n", "settings: "),
        ("x.svg", '<svg><script href="https://example.com/x.js"/></svg>', "picture: an SVG in a page"),
    ],
)
def test_a_configuration_its_program_refuses_is_red(tmp_path: Path, name: str, text: str, problem: str) -> None:
    outcomes = walked(tmp_path, {name: text})

    assert f"docs/demo.md:1: snippets/demo/{name} is refused by {problem}" in (outcomes[f"demo/{name}"].problem or "")


def test_npm_and_npx_are_there_and_ask_no_registry(tmp_path: Path) -> None:
    """The walk stands for a machine on which the page's packages are installed."""
    outcomes = walked(tmp_path, {"look.sh": "npm --version\nnpx --version\nnpm config get offline | grep true\n"})

    assert outcomes["demo/look.sh"].problem is None


def test_a_file_that_no_program_loads_is_red(tmp_path: Path) -> None:
    outcomes = walked(tmp_path, {"x.json": "{}"})

    assert "snippets/demo/x.json has no loader in tests/guide/loaders.py, and" in (
        outcomes["demo/x.json"].problem or ""
    )


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("token make --user-id", "--user-id"),
        ("ours token make --name", "--name"),
        ("ours token take", "ours token take"),
        ("MCP_SECRET", "MCP_SECRET"),
        ("SOME_THING", "SOME_THING"),
        ("POST /gone", "POST /gone"),
        ("DELETE /mcp", "DELETE /mcp"),
        ("/mcp/", "/mcp/"),
        ("mcp:tools:write", "mcp:tools:write"),
        ("token_gone", "token_gone"),
        ("TokenTaker", "TokenTaker"),
        ("mcp_auth_ref.TokenTaker", "mcp_auth_ref.TokenTaker"),
        ("jwt.decode_all()", "jwt.decode_all"),
        ("pip install mcp==1.0", "mcp==1.0"),
        ("python -m nox -s gone", "gone"),
    ],
)
def test_prose_that_names_what_does_not_exist_is_red(tmp_path: Path, code: str, word: str) -> None:
    known = Inventory(
        commands={"ours": frozenset({"--help"}), "ours token": frozenset(), "ours token make": frozenset({"--user"})},
        flags=frozenset({"--user", "--name"}),
        variables=frozenset({"MCP_NAME"}),
        has_route=lambda method, path: (method, path) in {("", "/mcp"), ("GET", "/mcp"), ("POST", "/mcp")},
        scopes=frozenset({"mcp:tools:read"}),
        words=frozenset({"token_expired"}),
        pinned={"mcp": "2.3.0"},
        sessions=frozenset({"verify"}),
    )
    right = (
        "`ours token make --user` `--name` `MCP_NAME` `POST /mcp` `/mcp` `mcp:tools:read` `token_expired` "
        "`mcp_auth_ref.TokenVerifier.verify` `jwt.decode()` `mcp==2.3.0` `nox -s verify` `server.py` `in_a_snippet`"
    )
    page = f'# {right}\n\nBut `{code}`.\n\n```sh\n--8<-- "demo/call.sh"\n```\n'
    root = plant(tmp_path, {"docs/demo.md": page, "snippets/demo/call.sh": "echo in_a_snippet\n"})

    found = unknown(read(root / "docs/demo.md", root), root, known)

    assert found == [f"docs/demo.md:3: `{code}` names {word}, which does not exist"]


@pytest.mark.parametrize(
    ("changed", "stays_proven"),
    [
        ("snippets/demo/one.sh", False),
        ("snippets/demo/one.out", False),
        ("src/package.py", False),
        ("requirements.lock", False),
        ("tests/guide/runners.py", False),
        (f"snippets/{MASKS}", False),
        ("tests/guide/test_other.py", True),
        ("docs/other.md", True),
    ],
)
def test_a_page_stays_proven_until_what_it_depends_on_changes(tmp_path: Path, changed: str, stays_proven: bool) -> None:
    page = '```sh\n--8<-- "demo/one.sh"\n```\n\n```text\n--8<-- "demo/one.out"\n```\n'
    files = {"docs/demo.md": page, "snippets/demo/one.sh": "echo one\n", "snippets/demo/one.out": "one\n"}
    root = plant(tmp_path, files)
    evidence.record_walk(
        read(root / "docs/demo.md", root), root, {name: Outcome(1.5) for name in ("demo/one.sh", "demo/one.out")}
    )
    before = evidence.is_proven(read(root / "docs/demo.md", root), root)
    evidence.publish(root)
    (root / changed).parent.mkdir(parents=True, exist_ok=True)
    with (root / changed).open("a") as file:
        file.write("# changed\n")
    evidence.ground.cache_clear()

    after = evidence.is_proven(read(root / "docs/demo.md", root), root)

    assert (before, after) == (True, stays_proven)
    published = json.loads((root / ".cache/guide/verified.json").read_text())["blocks"]
    assert set(published) == {hashlib.sha256(text).hexdigest() for text in (b"echo one\n", b"one\n")}


def test_a_page_that_fails_loses_its_proof(tmp_path: Path) -> None:
    root = plant(tmp_path, {"docs/demo.md": '```sh\n--8<-- "demo/one.sh"\n```\n', "snippets/demo/one.sh": "echo\n"})
    page = read(root / "docs/demo.md", root)
    evidence.record_walk(page, root, {"demo/one.sh": Outcome(1)})

    evidence.record_walk(page, root, {"demo/one.sh": Outcome(problem="failed")})

    assert not evidence.is_proven(page, root)


@pytest.mark.parametrize(
    "text",
    [
        *(f'HTTP/1.1 {status} Text {{"status": {status}}}' for status in (200, 202, 400, 401, 403, 404, 421, 429, 503)),
        '{"expires_in": 3600, "code": "token_expired", "lifetime": "900 s"}',
        '{"time_remaining": -60} {"time_remaining": 900} 86399 seconds left',
        "http://127.0.0.1:8765/mcp",
        "demonstration-secret-never-use-it-in-production",
        "iat 1795000000, exp 1795003600, 2026-11-18T11:06:40Z, 2026-11-18T12:06:40+00:00",
    ],
)
def test_no_mask_hides_what_a_page_is_about(text: str) -> None:
    assert masked(text, read_masks(ROOT / "snippets" / MASKS)) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl", "Bearer eyJ…"),
        ("at 2026-12-24T18:00:00.123Z", "at 2026-01-01T00:00:00Z"),
        ("Date: Thu, 24 Dec 2026 18:00:00 GMT", "Date: Thu, 01 Jan 2026 00:00:00 GMT"),
        ('"exp": 1798135200', '"exp": 1767225600'),
        ("took 12.34 ms", "took 0.0 s"),
        ("3d4f1d0e-8f1c-4f3a-9a67-0c4b6a1b2c3d", "00000000-0000-0000-0000-000000000000"),
        ("http://127.0.0.1:41231/mcp", "http://127.0.0.1:50000/mcp"),
        ('"jti": "WFmId73r6idftXxnQmsiig"', '"jti": "…"'),
        ("valid: ada, 3598 seconds left", "valid: ada, 3599 seconds left"),
        ("valid: ada, 895 seconds left", "valid: ada, 899 seconds left"),
        ('"time_remaining": 3597', '"time_remaining": 3599'),
        ("Started server process [4711]", "Started server process [1]"),
        ("pB5hVJXQ3mJ0m0z1l7a8n9Qw2eR4tY6uI8oP0aS_dF-g", "…"),
        ("-B5hVJXQ3mJ0m0z1l7a8n9Qw2eR4tY6uI8oP0aS_dF-", "…"),
        ("  kid        -UpJMWvDnsBC", "  kid        …"),
        ('{"jti": "xIIu-N2JLnEHRov258gfHw"}', '{"jti": "…"}'),
        ("valid: ada, 3587 seconds left", "valid: ada, 3599 seconds left"),
        ('"token_id": "WFmId73r6idftXxnQmsiig"', '"token_id": "…"'),
        ('"duration_ms": 12.345}', '"duration_ms": 0.0}'),
        ("x-request-id: 0f1e2d3c4b5a69788796a5b4c3d2e1f0", "x-request-id: …"),
        ('ratelimit: "subject";r=594;t=7', 'ratelimit: "subject";r=599;t=60'),
        ('"structured_content":null,"duration_ms":0.739}', '"structured_content":null,"duration_ms":0.0}'),
    ],
)
def test_a_mask_replaces_what_varies(text: str, shown: str) -> None:
    assert masked(text, read_masks(ROOT / "snippets" / MASKS)) == shown


def test_the_whole_run_is_red_then_updated_then_remembered(tmp_path: Path) -> None:
    """Run pytest itself, in two workers, on a tree with four defects."""
    good = '```sh\n--8<-- "demo/one.sh"\n```\n\n```text\n--8<-- "demo/one.out"\n```\n'
    good += "\n```python\nprint(1 + 1)\n#> 3\n```\n"
    files = {"snippets/demo/one.sh": "echo one\n", "snippets/demo/one.out": "two\n", "snippets/demo/lost.sh": "false\n"}
    root = plant(tmp_path, {"docs/demo.md": f"{good}\n```sh\necho typed\n```\n", **files})
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(ROOT / "tests/guide", root / "tests/guide", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests/conftest.py", root / "tests")

    def run(*options: str) -> tuple[int, str]:
        tests = [f"tests/guide/test_{name}.py" for name in ("fences", "snippets", "examples")]
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests, *options]
        done = subprocess.run(
            command, cwd=root, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    code, red = run("-n2", "--dist=loadscope", "-v")
    (root / "snippets/demo/lost.sh").unlink()
    (root / "tests/guide/test_demo.py").touch()
    (root / "tests/guide/test_proof.py").touch()
    (root / "docs/proof.md").write_text(f'```toml\n--8<-- "{MASKS}"\n```\n')
    (root / "docs/demo.md").write_text(good)
    updated, _ = run("--update")
    remembered, skipped = run()

    assert code == 1
    assert len(set(re.findall(r"\[(gw\d)\].*\[demo::", red))) == 1
    assert "docs/demo.md:5: snippets/demo/one.out is stale" in red
    assert "docs/demo.md:14: a block typed by hand" in red
    assert re.search(r"\+ *#> 2", red)
    assert "demo/lost.sh" in red
    assert (updated, remembered) == (0, 0)
    assert (root / "snippets/demo/one.out").read_text() == "one\n"
    assert "#> 2" in (root / "docs/demo.md").read_text()
    assert "The guide: 4 of 4 blocks are verified." in skipped
    assert "proven before, and nothing it depends on has changed" in skipped
