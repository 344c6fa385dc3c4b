"""`audit verify`, and how the commands that decide something write it to the audit log."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mcp_auth_ref.audit import BrokenChain, Chain, Link, audit_from, chain_from
from mcp_auth_ref.audit.chain import missing_at_the_end
from mcp_auth_ref.audit.files import files_of, head_of
from mcp_auth_ref.cli.frame import REFUSED, printable
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.events import Listener, nobody
from mcp_auth_ref.settings import AUDIT_TO_STREAM, Settings


@contextmanager
def audited(settings: Settings) -> Iterator[Listener]:
    """Give whom to tell what a command has decided. Standard output stays the command's own."""
    log = audit_from(settings, stream=sys.stderr)
    if log is None:
        yield nobody
        return
    with log:
        yield log


def user() -> str:
    """Name the user of this machine as whom the command runs."""
    try:
        import pwd  # noqa: PLC0415 - it is not there everywhere

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return f"user {os.geteuid()}" if hasattr(os, "geteuid") else os.environ.get("USERNAME", "")


def verify(*, files: tuple[Path, ...], at_least: int | None) -> None:
    """Follow the chain of the sealed log, and name the first line that is not what was written."""
    settings = load()
    chain = chain_from(settings)
    if chain is None:
        remedy = "Name the file with the key that has sealed the log"
        raise ConfigurationError("MCP_AUDIT_KEY_FILE", "it is missing", remedy)
    if not files and settings.audit_log_path == AUDIT_TO_STREAM:
        raise click.UsageError(
            "The log goes to standard output: name its files with --file.", click.get_current_context()
        )
    read = files or tuple(files_of(settings.audit_log_path))
    log = files[-1] if files else settings.audit_log_path
    try:
        begin, end = _followed(chain, log, read)
        is_counted = _check_end(chain, log, end, at_least=at_least or 0, needs_head=not files)
    except BrokenChain as error:
        click.echo(f"{click.style('broken', fg='red')}: {printable(str(error))}")
        sys.exit(REFUSED)
    count = "1 file" if len(read) == 1 else f"{len(read)} files"
    click.echo(f"{click.style('whole', fg='green')}: lines {begin.seq + 1} to {end.seq}, in {count}")
    if not is_counted:
        click.echo("There is no head beside the last file: lines cut from its end would not show.", err=True)


def _followed(chain: Chain, log: Path, read: Iterable[Path]) -> tuple[Link, Link]:
    found = chain.verify((file.name, _lines(file)) for file in read)
    if found is None:
        raise BrokenChain(log.name, None, "there is no line in it")
    return found


def _check_end(chain: Chain, log: Path, end: Link, *, at_least: int, needs_head: bool) -> bool:
    """Compare the end of the chain with the head beside the log. Return whether there is one. Raises BrokenChain."""
    path = head_of(log)
    data = path.read_bytes() if path.exists() else b""
    head = chain.read_head(data)
    if head is None and data:
        raise BrokenChain(path.name, None, "it has been changed")
    if head is None and needs_head:
        raise BrokenChain(path.name, None, "it is gone, and with it the count of the lines")
    wanted = max(at_least, head.seq if head else 0)
    if problem := missing_at_the_end(end, Link(wanted, "")):
        raise BrokenChain(log.name, None, problem)
    return head is not None


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as lines:
            for line in lines:
                yield line.removesuffix(b"\n")
    except OSError as error:
        problem = f"{file} cannot be read: {error.strerror}"
        raise click.BadParameter(problem, click.get_current_context(), param_hint="'--file'") from None
