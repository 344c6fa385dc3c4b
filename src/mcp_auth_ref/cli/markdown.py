"""The reference of the commands, written from the commands themselves."""

from collections.abc import Iterator
from inspect import cleandoc

import click

from mcp_auth_ref.cli.commands import PROGRAMS
from mcp_auth_ref.cli.frame import example_of


def reference() -> str:
    """Describe every command in Markdown: what it does, an example, its usage and its options."""
    return "\n\n".join(
        part for name, command in PROGRAMS.items() for part in _parts(click.Context(command, info_name=name))
    )


def _parts(context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"## {context.command_path}"
    yield cleandoc(command.help or "")
    yield "\n".join(f"- `{example}`" for example in example_of(context).splitlines())
    yield f"`{context.command_path} {' '.join(command.collect_usage_pieces(context))}`"
    if options := list(_options(context)):
        yield "\n".join(options)
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _parts(click.Context(inner, parent=context, info_name=name))


def _options(context: click.Context) -> Iterator[str]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record and parameter.name != "help":
            yield f"- `{record[0]}`: {record[1]}"
