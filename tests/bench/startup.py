"""Start-up of each command, in CPU time of the process, against `python -c pass` and `import jwt`."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from mcp_auth_ref import SigningKey
from tests.bench.measure import Row
from tests.bench.tokens import SECRET, sample_token

ROUNDS = 9
BATCH = 100
BATCH_TARGET = 1.2


def rows() -> Iterator[Row]:
    """Measure the commands, then what ninety-nine more tokens add to the time of one."""
    token = sample_token(SigningKey.from_secret(SECRET))
    seconds = {name: _cpu(command) for name, command in _commands(token).items()}
    for name, value in seconds.items():
        yield Row("start-up", name, value * 1e3, "ms", "import jwt", seconds["import jwt"] / value)
    for name, value in seconds.items():
        yield Row(
            "start-up against python -c pass",
            name,
            value * 1e3,
            "ms",
            "python -c pass",
            seconds["python -c pass"] / value,
        )
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder, "one"), Path(folder, "many")
        one.write_text(f"{token}\n")
        many.write_text(f"{token}\n" * BATCH)
        validate = _script("validate-mcp-token")
        single, batch = _cpu([*validate, "-"], stdin=one), _cpu([*validate, "-"], stdin=many)
    yield Row("validate many", "1 token", single * 1e3, "ms", "1 token", 1.0)
    yield Row("validate many", f"{BATCH} tokens", batch * 1e3, "ms", "1 token", single / batch, 1 / BATCH_TARGET)


def _commands(token: str) -> dict[str, list[str]]:
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import jwt": [sys.executable, "-c", "import jwt"],
        "mcp-auth-ref --help": [*_script("mcp-auth-ref"), "--help"],
        "mcp-auth-ref explain": [*_script("mcp-auth-ref"), "explain", "token_expired"],
        "mcp-auth-ref token inspect": [*_script("mcp-auth-ref"), "token", "inspect", "--token", token],
        "mcp-auth-ref settings": [*_script("mcp-auth-ref"), "settings"],
        "generate-mcp-token": [*_script("generate-mcp-token"), "--user-id", "ada"],
        "validate-mcp-token": [*_script("validate-mcp-token"), "--token", token],
    }


def _script(name: str) -> list[str]:
    return [sys.executable, str(Path(sys.executable).with_name(name))]


def _cpu(command: Sequence[str], *, stdin: Path | None = None) -> float:
    """Return the user and system seconds of the best of several runs; a command that fails is no measurement."""
    environment = {"PATH": os.environ["PATH"], "MCP_JWT_SECRET": SECRET.decode()}
    best = float("inf")
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with Path(stdin or os.devnull).open("rb") as source:
            subprocess.run(command, stdin=source, capture_output=True, check=True, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best
