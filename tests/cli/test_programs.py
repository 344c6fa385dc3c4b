"""The programs as they are installed: what they load, and how they behave in a shell, on a terminal, in a pipe."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.line import SECRET, token

BIN = Path(sys.executable).parent
HEAVY = {"cryptography", "jwt", "pydantic", "pydantic_settings", "starlette", "fastapi", "mcp", "uvicorn", "httpx2"}
SERVERS = {"starlette", "fastapi", "mcp", "uvicorn", "httpx2"}
ENVIRON = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "MCP_JWT_SECRET": SECRET}
GARBAGE = [b"\xff\xfe", b"-\xff", b"--\xff", b"--token=\xff", b"", b"\x1b[2J", b"a" * 100_000]


def good_token() -> str:
    line = ["generate-mcp-token", "--user-id", "ada"]
    return subprocess.run(line, env=ENVIRON, capture_output=True, text=True, check=True).stdout.strip()


def loaded_by(program: str, words: list[str]) -> set[str]:
    """Run a program to its end in a process of its own; return the top names of all modules it has loaded."""
    script = f"""if True:
        import contextlib, io, sys
        from mcp_auth_ref.cli.commands import PROGRAMS
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            PROGRAMS[{program!r}].main({words!r}, prog_name={program!r})
        print(*{{name.partition(".")[0] for name in sys.modules}})
    """
    done = subprocess.run([sys.executable, "-c", script], env=ENVIRON, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("mcp-auth-ref", ["--help"]),
        ("mcp-auth-ref", ["token", "issue", "--help"]),
        ("mcp-auth-ref", ["keys", "new", "--help"]),
        ("mcp-auth-ref", ["serve", "--help"]),
        ("mcp-auth-ref", ["token", "inspect", "--token", token()]),
        ("mcp-auth-ref", ["explain", "token_expired"]),
        ("mcp-auth-ref", ["secret", "new"]),
        ("mcp-auth-ref", ["completion", "zsh"]),
        ("mcp-auth-ref", ["no-such-command"]),
        ("generate-mcp-token", ["--help"]),
        ("validate-mcp-token", ["--help"]),
        ("validate-mcp-token", ["--no-verify", "--token", token()]),
    ],
)
def test_what_needs_no_key_loads_no_cryptography_and_no_server(program: str, words: list[str]) -> None:
    assert loaded_by(program, words) & HEAVY == set()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("generate-mcp-token", ["--user-id", "ada"]),
        ("validate-mcp-token", ["--token", token()]),
        ("mcp-auth-ref", ["settings"]),
        ("mcp-auth-ref", ["keys", "list"]),
    ],
)
def test_what_needs_a_key_loads_no_server(program: str, words: list[str]) -> None:
    loaded = loaded_by(program, words)

    assert (loaded & SERVERS, loaded >= {"jwt", "cryptography"}) == (set(), True)


def test_the_server_asks_for_what_it_needs() -> None:
    """The core installs without the packages of a server."""
    script = "import sys; sys.modules['mcp'] = None; from mcp_auth_ref.cli import main; main(['serve'])"
    done = subprocess.run([sys.executable, "-c", script], env=ENVIRON, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: mcp-auth-ref serve: the package mcp is not there. "
        'Install it: python -m pip install "mcp-auth-ref[server]"\n'
        "See https://mcp-auth-ref.github.io/reference/errors/#configuration_error\n"
    )


def test_generated_tokens_are_valid_from_one_program_to_the_other() -> None:
    script = 'MCP_TOKEN=$(generate-mcp-token --user-id ada --role admin) validate-mcp-token | cut -d" " -f1,2'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=ENVIRON, capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("valid: ada,\n", "")


@pytest.mark.parametrize(
    "line",
    [
        "mcp-auth-ref",
        "mcp-auth-ref token inspect",
        "mcp-auth-ref explain",
        "generate-mcp-token --user-id",
        "validate-mcp-token",
    ],
)
def test_no_garbage_yields_a_traceback(line: str) -> None:
    """PyJWT lets a UnicodeEncodeError through for bytes of the command line that are not UTF-8."""
    for word in GARBAGE:
        done = subprocess.run([*map(os.fsencode, line.split()), word], env=ENVIRON, capture_output=True, check=False)
        assert done.returncode in (0, 1, 2)
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("closed", "code"), [("- <&-", 2), ("- 2>&-", 0), ("- >&-", 0), ("--verbose 2>&-", 0), ("--verbose >&-", 0)]
)
def test_closed_streams_change_no_exit_code(closed: str, code: int) -> None:
    script = f"validate-mcp-token {closed}"
    environ = {**ENVIRON, "MCP_TOKEN": good_token()}
    done = subprocess.run(
        ["sh", "-c", script], env=environ, input=environ["MCP_TOKEN"].encode(), capture_output=True, check=False
    )

    assert (done.returncode, b"Traceback" in done.stderr) == (code, False)


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    """And with 1, for nobody knows whether the rest was good."""
    program = subprocess.Popen(
        [BIN / "validate-mcp-token", "-"],
        env=ENVIRON,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdin
    assert program.stdout
    program.stdout.close()
    _, said = program.communicate(f"{token()}\n".encode() * 3)

    assert (program.returncode, said) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("line", ["generate-mcp-token --user-id ada", "validate-mcp-token", "mcp-auth-ref settings"])
def test_a_full_disk_is_told_and_is_no_success(line: str) -> None:
    script = f"{line} > /dev/full"
    environ = {**ENVIRON, "MCP_TOKEN": good_token()}
    done = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (2, "Error: The output cannot be written: No space left on device.\n")


def test_an_interrupted_run_has_accepted_nothing() -> None:
    """0, 1 and 2 are all there is: Ctrl+C is 1."""
    program = subprocess.Popen(
        [BIN / "validate-mcp-token", "-"],
        env=ENVIRON,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdin
    assert program.stdout
    program.stdin.write(f"{good_token()}\n".encode())
    program.stdin.flush()
    first = program.stdout.readline()
    program.send_signal(signal.SIGINT)
    _, said = program.communicate()

    assert first.startswith(b"1: valid: ada")
    assert (program.returncode, said) == (1, b"\nAborted!\n")


def on_a_terminal(line: str, stdin: bytes, environ: dict[str, str]) -> tuple[int, str]:
    """Run a line with its standard output and error on a terminal; return its exit code and what the screen got."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        ["bash", "-c", line], env={**ENVIRON, **environ}, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    assert program.stdin
    program.stdin.write(stdin)
    program.stdin.close()
    screen = b""
    try:
        while part := os.read(ours, 4096):
            screen += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    return program.wait(), screen.decode()


def test_colour_is_for_terminals_that_want_it() -> None:
    """As https://no-color.org has it."""
    environ = {"MCP_TOKEN": token("another-secret-0123456789-0123456789")}
    line = "validate-mcp-token --no-verify"

    assert on_a_terminal(line, b"", environ)[1].startswith("\x1b[31m\x1b[1mNOT VERIFIED\x1b[0m: anybody")
    assert "\x1b" not in on_a_terminal(line, b"", {**environ, "NO_COLOR": "1"})[1]
    assert "\x1b" not in on_a_terminal(f"{line} | cat", b"", environ)[1]


def test_a_terminal_sees_how_far_a_long_list_is(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.txt"
    tokens.write_text(f"{token()}\n" * 10)
    line = f"validate-mcp-token - < {tokens}"

    code, screen = on_a_terminal(f"{line} > {tmp_path}/results", b"", {"TERM": "xterm"})
    assert code == 1
    assert [step for step in ("0%", "50%", "100%", "10 tokens, 10 refused") if step not in screen] == []
    assert (tmp_path / "results").read_text().count("refused") == 10
    _, screen = on_a_terminal(line, b"", {"TERM": "xterm"})
    assert screen.count("\r\x1b[K") == 10
    assert "%" not in on_a_terminal(f"{line} 2>&1 | cat", b"", {"TERM": "xterm"})[1]


def test_letters_that_the_output_cannot_write_are_escaped() -> None:
    done = subprocess.run(
        [BIN / "mcp-auth-ref", "token", "inspect", "--token", token(sub="Zoë €")],
        env={**ENVIRON, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
    )

    assert b"  sub        Zo\xeb \\u20ac" in done.stdout.splitlines()
