"""`settings`, and how every command loads them."""

import click

from mcp_auth_ref.cli.frame import printable
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.trust import verifier_from


def load() -> Settings:
    """Load the settings and say on standard error what is odd about them."""
    settings = Settings.load()
    for warning in settings.warnings:
        click.echo(f"{click.style('Warning', fg='yellow')}: {printable(warning)}", err=True)
    return settings


def show() -> None:
    """Print every setting, its value and its source; then make sure that with them something can start."""
    settings = load()
    rows = [("Variable", "Value", "From"), *(tuple(map(printable, row)) for row in settings.effective())]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for variable, value, place in rows:
        click.echo(f"{variable:<{widths[0]}}  {value or '-':<{widths[1]}}  {place}")
    if settings.auth_enabled:
        verifier_from(settings)
