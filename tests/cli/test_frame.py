"""What all commands have in common: help, words, completion, the reference made of them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mcp_auth_ref.cli.commands import PROGRAMS
from tests.cli.line import SECRET, Printed, Run

BIN = Path(sys.executable).parent


def contexts(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            yield from contexts(click.Context(command, parent=context, info_name=name))


COMMANDS = {
    context.command_path: context
    for name, program in PROGRAMS.items()
    for context in contexts(click.Context(program, info_name=name))
}


def test_these_are_the_commands() -> None:
    """The contract: a name is added or taken away on purpose."""
    assert list(COMMANDS) == [
        "mcp-auth-ref",
        "mcp-auth-ref token",
        "mcp-auth-ref token issue",
        "mcp-auth-ref token verify",
        "mcp-auth-ref token inspect",
        "mcp-auth-ref token revoke",
        "mcp-auth-ref keys",
        "mcp-auth-ref keys new",
        "mcp-auth-ref keys rotate",
        "mcp-auth-ref keys retire",
        "mcp-auth-ref keys list",
        "mcp-auth-ref keys jwks",
        "mcp-auth-ref secret",
        "mcp-auth-ref secret new",
        "mcp-auth-ref secret rotate",
        "mcp-auth-ref secret retire",
        "mcp-auth-ref audit",
        "mcp-auth-ref audit verify",
        "mcp-auth-ref apikey",
        "mcp-auth-ref apikey new",
        "mcp-auth-ref apikey list",
        "mcp-auth-ref apikey revoke",
        "mcp-auth-ref serve",
        "mcp-auth-ref explain",
        "mcp-auth-ref settings",
        "mcp-auth-ref completion",
        "generate-mcp-token",
        "validate-mcp-token",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_begins_with_an_example_that_is_true(run: Run, command: str) -> None:
    """The example is taken out of its shell and run, as far as its `--help`."""
    printed = run(f"{command} --help", {})

    examples = printed.out.partition("\n\n")[0].splitlines()
    assert (printed.code, printed.err, examples != []) == (0, "", True)
    for example in examples:
        line = re.sub(r'^.*\$\(|^[A-Z_]+=\S+ |\)"?$| [<>] .*$', "", example)
        assert line.startswith(command)
        assert run(f"{line} --help", {}).code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_narrow_terminal_and_says_all(run: Run, command: str) -> None:
    lines = run(f"{command} --help", {}).out.splitlines()

    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.endswith("...") and "ARGS" not in line] == []
    for parameter in COMMANDS[command].command.params:
        assert getattr(parameter, "help", None), f"{parameter.name} has no help"


@pytest.mark.parametrize("word", [SECRET, SECRET[:31] + "\udcff", "a\udcff"])
def test_a_wrong_word_is_refused_and_a_long_one_not_repeated(run: Run, word: str) -> None:
    """It may be a secret or a token: both have at least 32 characters."""
    for command, context in COMMANDS.items():
        printed = run(f"{command} {word} {word}")
        assert (printed.code, printed.out) == (2, ""), command
        assert SECRET[:31] not in printed.err
        assert printed.err.startswith(f"Usage: {command} ") or isinstance(context.command, click.Group)


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert re.fullmatch(r"mcp-auth-ref \d+\.\d+\.\d+\n", run("mcp-auth-ref --version", {}).out)


def test_without_words_there_is_help(run: Run) -> None:
    printed = run("mcp-auth-ref", {})

    assert printed == Printed(2, "", run("mcp-auth-ref --help", {}).out)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mcp-auth-ref to", ["token"]),
        ("mcp-auth-ref token i", ["inspect", "issue"]),
        ("generate-mcp-token --role a", ["admin"]),
        ("validate-mcp-token --no", ["--no-verify"]),
    ],
)
def test_bash_completes_the_words(line: str, words: list[str]) -> None:
    """In a bash that has taken up the script, as the reader's has."""
    program = line.split(maxsplit=1)[0]
    script = f"""
        eval "$(mcp-auth-ref completion bash)"
        COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        $(complete -p {program} | sed 's/.*-F \\([^ ]*\\).*/\\1/') {program}
        echo "${{COMPREPLY[@]}}"
    """
    environ = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=True)

    assert done.stdout.split() == words


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_learns_of_every_program(run: Run, shell: str) -> None:
    script = run(f"mcp-auth-ref completion {shell}", {}).out

    variables = ["_MCP_AUTH_REF_COMPLETE", "_GENERATE_MCP_TOKEN_COMPLETE", "_VALIDATE_MCP_TOKEN_COMPLETE"]
    assert [f"{variable}={shell}_complete" in script for variable in variables] == [True] * 3
