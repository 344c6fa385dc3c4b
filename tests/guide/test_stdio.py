"""What the page on stdio servers says beyond what its walk shows."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.guide.conftest import ROOT

SHOWN = ROOT / "snippets/stdio"
NOBODY = 65534
SAYS_READY = "print('ready', flush=True); input()"


@contextmanager
def running(*command: str, cwd: Path) -> Iterator[int]:
    """Run a program that says when it is ready; give its process id."""
    with subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process.pid
        process.kill()


def as_nobody(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a program as a user who owns nothing."""
    return subprocess.run(
        command, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True, check=False
    )


def with_token(tmp_path: Path, mode: int = 0o600) -> list[str]:
    """Lay a token into a file, and return the command that starts Python with it."""
    path = tmp_path / "token"
    path.write_text("a-token\n")
    path.chmod(mode)
    return [sys.executable, str(SHOWN / "with_token.py"), str(path), sys.executable]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as another user")
def test_another_user_reads_arguments_and_no_environment(tmp_path: Path) -> None:
    """proc(5): `cmdline` is for all, `environ` for the owner."""
    with running(*with_token(tmp_path), "-c", SAYS_READY, "--token", "given-as-argument", cwd=tmp_path) as pid:
        arguments = as_nobody("cat", f"/proc/{pid}/cmdline")
        environment = as_nobody("cat", f"/proc/{pid}/environ")
        own = Path(f"/proc/{pid}/environ").read_text()

    assert "given-as-argument" in arguments.stdout
    assert "a-token" not in arguments.stdout
    assert (environment.returncode, environment.stdout) == (1, "")
    assert "MCP_TOKEN=a-token\0" in own


@pytest.mark.parametrize(("mode", "code"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o644, 1)])
def test_the_wrapper_takes_only_a_file_that_is_its_owners_alone(tmp_path: Path, mode: int, code: int) -> None:
    command = [*with_token(tmp_path, mode), "-c", "import os; print(os.environ['MCP_TOKEN'])"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (code, "" if code else "a-token\n")
    assert "a-token" not in done.stderr


def test_what_the_bridge_starts_inherits_no_token() -> None:
    script = f"""if True:
        import os, runpy
        from mcp.server import MCPServer
        MCPServer.run = lambda *_: print("MCP_TOKEN" in os.environ)
        runpy.run_path({str(SHOWN / "bridge.py")!r}, run_name="__main__")
    """
    done = subprocess.run(
        [sys.executable, "-c", script], env={"MCP_TOKEN": "a-token"}, capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"


def test_the_configuration_of_the_client_holds_no_token() -> None:
    """It names a file; the loader of the guide has checked that a client takes it."""
    (server,) = json.loads((SHOWN / "mcp.json").read_text())["mcpServers"].values()

    assert server == {"command": "python", "args": ["with_token.py", "token", "python", "bridge.py"]}


def test_the_stolen_token_works_and_the_shown_outputs_hold_none() -> None:
    outputs = {path.name: path.read_text() for path in SHOWN.glob("*.out")}

    assert outputs["stolen.out"] == "200\n"
    assert [name for name, text in outputs.items() if re.search(r"eyJ", text)] == []
