"""The page of commands and the commands hold each other, and they behave as its head says."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from inspect import cleandoc
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mcp_auth_ref.cli import generate, main, validate
from tests.guide.conftest import ROOT

PROGRAMS = {"generate-mcp-token": generate, "validate-mcp-token": validate, "mcp-auth-ref": main}
PARTS = re.split(r"^## (.+)$", (ROOT / "snippets/commands/reference.out").read_text(), flags=re.MULTILINE)[1:]
SECTIONS = dict(zip(PARTS[::2], PARTS[1::2], strict=True))


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Give each command, without the groups they stand in."""
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from commands(f"{name} {word}", inner)
    else:
        yield name, command


COMMANDS = dict(found for program in PROGRAMS.items() for found in commands(*program))
SAME = {"mcp-auth-ref token issue": "generate-mcp-token", "mcp-auth-ref token verify": "validate-mcp-token"}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_JWT_SECRET", "demonstration-secret-never-use-it-in-production")


def test_each_command_has_a_section_and_each_section_a_command() -> None:
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in SAME])
def test_a_section_has_every_option_of_its_command_and_no_other(name: str) -> None:
    shown = set(re.findall(r"^- `(--[\w-]+)", SECTIONS[name], re.MULTILINE))
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}

    assert shown == options


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_an_example_and_the_section_says_the_same(name: str) -> None:
    program, *words = name.split()
    shown = CliRunner().invoke(PROGRAMS[program], [*words, "--help"], prog_name=program).stdout
    example = shown.splitlines()[0]

    assert name in example
    if name not in SAME:
        assert f"`{example}`" in SECTIONS[name]
        assert cleandoc(COMMANDS[name].help or "") in SECTIONS[name]


@pytest.mark.parametrize(("long", "short"), SAME.items())
def test_the_short_names_are_the_long_ones(long: str, short: str) -> None:
    assert COMMANDS[long] is COMMANDS[short]
    assert f"(#{short})" in SECTIONS[long]


def test_mcp_auth_ref_prints_its_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"mcp-auth-ref {version('mcp-auth-ref')}\n"


def test_nothing_but_the_token_goes_to_standard_output() -> None:
    issued = CliRunner().invoke(generate, ["--user-id", "ada"])

    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", issued.stdout)
    assert issued.stderr.startswith("Warning: ")


def test_the_exit_codes_are_those_of_the_table() -> None:
    good = CliRunner().invoke(generate, ["--user-id", "ada"]).stdout.strip()
    codes = [CliRunner().invoke(validate, words).exit_code for words in (["--token", good], ["--token", "x"], ["--x"])]

    assert codes == [0, 1, 2]
    assert CliRunner().invoke(validate, ["-"], input=f"{good}\nx\n").exit_code == 1


def test_no_option_takes_a_secret_or_a_key() -> None:
    flags = {flag for command in COMMANDS.values() for parameter in command.params for flag in parameter.opts}

    assert [flag for flag in sorted(flags) if "secret" in flag or "key" in flag] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_all_three_programs(shell: str) -> None:
    script = CliRunner().invoke(main, ["completion", shell]).stdout

    assert [name for name in PROGRAMS if name not in script] == []


def test_no_color_switches_colours_off_on_a_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = CliRunner().invoke(validate, ["--token", "x"], color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[" in coloured
    assert "\x1b[" not in CliRunner().invoke(validate, ["--token", "x"], color=True).stdout
