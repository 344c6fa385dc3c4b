"""Print every command: what it does, an example, its arguments and its options."""

from collections.abc import Iterator
from inspect import cleandoc

import click

from mcp_auth_ref.cli import generate, main, validate

SHORT = {"generate-mcp-token": generate, "validate-mcp-token": validate}


def commands(context: click.Context) -> Iterator[click.Context]:
    """Give every command below a group, or the one that is no group."""
    if not isinstance(context.command, click.Group):
        yield context
        return
    for name, command in context.command.commands.items():
        yield from commands(click.Context(command, info_name=name, parent=context))


def section(context: click.Context) -> Iterator[str]:
    """Describe a command, from what it prints as its help."""
    yield f"## {context.command_path}"
    for name, command in SHORT.items():
        if command is context.command and name != context.info_name:
            yield f"[`{name}`](#{name}) by its long name."
            return
    yield cleandoc(context.command.help or "")
    examples = context.get_help().split("\n\n")[0].splitlines()
    yield f"For example {' or '.join(f'`{example}`' for example in examples)}."
    records = (parameter.get_help_record(context) for parameter in context.command.params)
    yield "\n".join(f"- `{record[0]}`: {record[1]}" for record in records if record)


for name, program in {**SHORT, "mcp-auth-ref": main}.items():
    for context in commands(click.Context(program, info_name=name)):
        print(*section(context), sep="\n\n", end="\n\n")
