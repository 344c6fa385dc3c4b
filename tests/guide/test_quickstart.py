"""What the quickstart says beyond what its walk shows."""

import socket
import subprocess
import sys
import time
from pathlib import Path

from mcp_auth_ref import Settings, issuer_from, parse_challenges, verifier_from
from mcp_auth_ref.settings import DEMONSTRATION_SECRET
from tests.guide.conftest import ROOT

SHOWN = ROOT / "snippets/quickstart"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_without_a_secret_nothing_starts(tmp_path: Path) -> None:
    """Our choice: there is no default secret."""
    command = [str(Path(sys.executable).with_name("mcp-auth-ref")), "serve", "--port", str(free_port())]
    clean = {"PATH": "/usr/bin:/bin"}

    ended = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "MCP_JWT_SECRET" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_token_is_for_ada_for_this_one_server_for_an_hour() -> None:
    """The defaults that the page tells in words."""
    settings = Settings.load(environ={"MCP_JWT_SECRET": DEMONSTRATION_SECRET.decode()})
    now = int(time.time())
    token = issuer_from(settings).issue(subject="ada", client_id="cli", scopes=(), now=now, token_id="t" * 16)

    claims = verifier_from(settings).verify(token, now=now)

    assert claims.subject == "ada"
    assert claims.audience == ("http://127.0.0.1:8765/mcp",)
    assert claims.expires_at - claims.issued_at == 3600


def test_the_refusal_is_401_with_scopes_and_where_to_ask() -> None:
    head = (SHOWN / "refused.out").read_text().partition("\n\n")[0].splitlines()
    (challenge,) = parse_challenges(
        next(line.partition(": ")[2] for line in head if line.startswith("www-authenticate"))
    )

    assert head[0] == "HTTP/1.1 401 Unauthorized"
    assert challenge.scopes == ("mcp:tools:read", "mcp:tools:execute")
    assert challenge.parameters["resource_metadata"].startswith("http://127.0.0.1:8765/.well-known/")


def test_all_three_programs_get_the_answer() -> None:
    answers = [(SHOWN / name).read_text() for name in ("allowed.out", "call.out", "fetch.out")]

    assert ['"text":"42"' in answers[0], *answers[1:]] == [True, "{'result': 42}\n", "42\n"]
