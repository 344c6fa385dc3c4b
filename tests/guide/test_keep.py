"""What the page on keeping tokens says beyond what its walk shows, with a real browser."""

import os
import shutil
import socket
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright
from starlette.testclient import TestClient

from tests.guide.conftest import ROOT
from tests.guide.ports import undisturbed
from tests.guide.runners import BROWSERS

SHOWN = ROOT / "snippets/keep"
SCRIPTS = Path(sysconfig.get_path("scripts"))
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
needs_browser = pytest.mark.skipif(
    BROWSER is None and os.environ.get("CI") != "true", reason="no Chromium on this machine"
)


def backend(token: str = "ada's token") -> ModuleType:
    """Load `backend.py` as the page shows it, with a table of its own."""
    module = ModuleType("backend")
    exec(compile((SHOWN / "backend.py").read_text(), "backend.py", "exec"), module.__dict__)
    os.environ["MCP_TOKEN"] = token
    return module


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_TOKEN", "")


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve an application on a free port of all of this machine's loopback names."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(30)


def test_the_cookie_is_as_the_page_says() -> None:
    """RFC 6265bis, sections 4.1.2 and 4.1.3."""
    with TestClient(backend().app) as client:
        cookie = client.post("/session").headers["set-cookie"]

    name, _, rest = cookie.partition("=")
    assert name == "__Host-session"
    assert rest.split("; ")[1:] == ["HttpOnly", "Path=/", "SameSite=strict", "Secure"]


def test_the_table_of_the_backend_opens_nothing() -> None:
    module = backend()
    with TestClient(module.app, base_url="https://testserver") as client:
        name = client.post("/session").cookies["__Host-session"]
        stolen = next(iter(module.tokens)).hex()
        client.cookies.clear()
        refused = client.post("/tools", headers={"cookie": f"__Host-session={stolen}"})

    assert list(module.tokens.items()) == [(sha256(name.encode()).digest(), "ada's token")]
    assert (refused.status_code, refused.text) == (401, "sign in first")


@needs_browser
def test_a_page_of_another_site_cannot_have_the_cookie_sent() -> None:
    """`localhost` and `127.0.0.1` are two sites to a browser, and one server."""
    module = backend()
    form = "<form method=post action='http://127.0.0.1:{}/tools'><button>win</button></form>"
    with served(module.app) as port, browsing() as browser:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/page/cookie")
        page.evaluate("() => fetch('/session', {method: 'POST'})")
        kept = {cookie.get("name") for cookie in page.context.cookies()}
        page.goto(f"http://localhost:{port}/page/none?comment={form.format(port)}")
        page.click("button:text('win')")
        page.wait_for_url("**/tools")
        answer = page.inner_text("body")

    assert kept == {"__Host-session"}
    assert answer == "sign in first"


@needs_browser
def test_no_script_reads_the_cookie() -> None:
    with served(backend().app) as port, browsing() as browser:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/page/cookie")
        page.evaluate("() => fetch('/session', {method: 'POST'})")

        assert page.evaluate("document.cookie") == ""


@needs_browser
def test_a_variable_is_no_better_than_local_storage(tmp_path: Path) -> None:
    """The page says so of a variable in the page's own script, and runs only the other."""
    for path in SHOWN.glob("*.*"):
        shutil.copy(path, tmp_path)
    script = (SHOWN / "storage.js").read_text().replace("localStorage.token = ", "const token = ")
    (tmp_path / "variable.js").write_text(script.replace("localStorage.token", "token"))
    environment = {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    steps = "\n".join(
        [
            (SHOWN / "secret.sh").read_text(),
            "MCP_ALLOWED_ORIGINS=http://127.0.0.1:8000 mcp-auth-ref serve > serve.log 2>&1 &",
            "SERVER=$!; trap 'kill $SERVER' EXIT",
            "until curl -sfo /dev/null http://127.0.0.1:8765/ready; do sleep 0.1; done",
            (SHOWN / "token.sh").read_text(),
            (SHOWN / "visit.sh").read_text(),
            "visit variable",
        ]
    )
    done = undisturbed(
        lambda: subprocess.run(
            ["bash", "-euo", "pipefail", "-c", steps],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    )

    assert done.stdout.splitlines()[1:] == [
        "the script took her token, and the server answers it 200",
        "the script acted as ada while the page was open",
    ], done.stderr


def test_the_extras_bring_what_the_programs_import() -> None:
    imported = {"httpx2", "keyring", "starlette", "playwright", "mcp_auth_ref"}
    text = "\n".join(path.read_text() for path in SHOWN.glob("*.py"))

    assert {name for name in imported if f"import {name}" in text or f"from {name}" in text} == imported
    assert not {"fastmcp", "requests", "flask"} & {line.split()[1] for line in text.splitlines() if "import " in line}


def test_each_way_is_attacked_and_only_the_naive_one_loses_the_token() -> None:
    took = {
        name: (SHOWN / f"{name}.out").read_text().splitlines()[1] for name in ("storage", "memory", "cookie", "policy")
    }

    assert took == {
        "storage": "the script took her token, and the server answers it 200",
        "memory": "the script took no token",
        "cookie": "the script took no token",
        "policy": "the script did not run",
    }
