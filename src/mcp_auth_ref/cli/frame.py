"""The frame of every command: help that begins with an example, and refusals that become exit codes.

0 is done or valid, 1 is refused (or interrupted: nothing was accepted), 2 is a mistake in usage or configuration.
"""

import errno
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

import click

from mcp_auth_ref.core.errors import AuthError, KeyInUse, help_url

REFUSED = 1
_PERHAPS_SECRET = re.compile(r"[^\s'\"]{32,}")


def deferred(deed: str) -> Callable[..., None]:
    """Return a callback that imports what it does when it is called, so that help and completion stay quick."""
    module, _, name = deed.partition(":")

    def call(**options: object) -> None:
        getattr(import_module(f"mcp_auth_ref.cli.{module}"), name)(**options)

    return call


def example_of(ctx: click.Context) -> str:
    """Return the example of a command, under the name it was called by."""
    return (ctx.command.epilog or "").replace("{command}", ctx.command_path)


def printable(text: str) -> str:
    """Escape what a terminal would obey instead of show."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class Command(click.Command):
    """A command whose `epilog` is an example, with `{command}` for its name."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """Read the command line."""
        with _explained():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Do it, and explain what stands in the way."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        with _explained(), _written():
            return super().invoke(ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example first."""
        formatter.write(f"{example_of(ctx)}\n\n")
        super().format_help(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write nothing at the end: the example stands at the beginning."""


class Group(Command, click.Group):
    """A command made of commands."""

    command_class = Command
    group_class = type


class _Stopped(click.ClickException):
    exit_code = 2


class _Refused(click.ClickException):
    exit_code = REFUSED


@contextmanager
def _written() -> Iterator[None]:
    """Let an output that cannot be written, as on a full disk, be an error that says so."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever reads has read enough: click ends quietly
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left unwritten would be tried again at the end
        raise _Stopped(f"The output cannot be written: {error.strerror}.") from None


@contextmanager
def _explained() -> Iterator[None]:
    """Let a mistake show neither a traceback nor the words that were given: one of them may be a token or a secret."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        raise click.UsageError(_PERHAPS_SECRET.sub("…", error.format_message()), ctx=error.ctx) from None
    except AuthError as error:
        kind = _Refused if isinstance(error, KeyInUse) else _Stopped
        raise kind(f"{printable(str(error))}\nSee {help_url(error.code)}") from None
