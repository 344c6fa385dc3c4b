"""`completion`."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from mcp_auth_ref.cli.commands import PROGRAMS

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


def script(*, shell: str) -> None:
    """Print the shell's script for each program."""
    for name, command in PROGRAMS.items():
        variable = f"_{name}_COMPLETE".replace("-", "_").upper()
        click.echo(SHELLS[shell](command, {}, name, variable).source())
