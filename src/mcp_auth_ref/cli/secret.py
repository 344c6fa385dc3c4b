"""`secret new`, `secret rotate`, `secret retire`."""

import secrets
from pathlib import Path

import click

from mcp_auth_ref import keyfiles
from mcp_auth_ref.cli import rotation
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.core.keys import KeySet, SigningKey
from mcp_auth_ref.settings import Settings, read_secret


def new() -> None:
    """Print a secret of 32 random bytes in base64url: nothing in it needs quoting in a shell, `.env` or YAML."""
    click.echo(secrets.token_urlsafe(32))


def rotate(*, after: int, path: Path | None) -> None:
    """Put a secret into the file that begins to sign later."""
    rotation.rotate(_secret_file(path, load()), after=after)


def retire(*, kid: str | None, at_once: bool, path: Path | None) -> None:
    """Drop secrets."""
    settings = load()
    rotation.retire(_secret_file(path, settings), settings, kid=kid, at_once=at_once)


def _secret_file(path: Path | None, settings: Settings) -> rotation.KeyFile:
    path = path or settings.jwt_secret_file
    if path is None:
        raise click.UsageError(
            "There is no file for it: give --file or set MCP_JWT_SECRET_FILE. A variable cannot be rotated while "
            "a server runs: put its secret into a file first.",
            click.get_current_context(),
        )
    return rotation.KeyFile(path, _read, keyfiles.write_secrets, _fresh)


def _read(path: Path) -> KeySet:
    return keyfiles.secrets_in(read_secret(path, setting="MCP_JWT_SECRET_FILE"))


def _fresh(_: KeySet) -> SigningKey:
    return SigningKey.from_secret(secrets.token_urlsafe(32).encode())
