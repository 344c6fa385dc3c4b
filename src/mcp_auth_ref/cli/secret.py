"""`secret new`."""

import secrets

import click


def new() -> None:
    """Print a secret of 32 random bytes in base64url: nothing in it needs quoting in a shell, `.env` or YAML."""
    click.echo(secrets.token_urlsafe(32))
