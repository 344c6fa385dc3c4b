"""A command line in the test's own process and folder, with nothing of the tester's environment in it."""

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from mcp_auth_ref.cli.commands import PROGRAMS
from tests.cli.line import SETTINGS, Printed, Run
from tests.tokens import NOW


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("MCP_") or name in ("JWT_SECRET_KEY", "NO_COLOR"):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def run(
        line: str, environ: Mapping[str, str | None] = SETTINGS, *, stdin: bytes = b"", color: bool = False
    ) -> Printed:
        program, *words = shlex.split(line)
        result = CliRunner().invoke(
            PROGRAMS[program], words, stdin, environ, catch_exceptions=False, color=color, prog_name=program
        )
        return Printed(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the time that the commands go by, in seconds since 1970."""

    def set_to(now: float) -> None:
        for module in ("apikey", "issue", "verify", "inspect", "keys", "revoke", "rotation"):
            monkeypatch.setattr(f"mcp_auth_ref.cli.{module}.time", SimpleNamespace(time=lambda: now))

    set_to(NOW)
    return set_to
