"""`keys rotate`, `keys retire`, `secret rotate`, `secret retire`: the same deeds on two forms of files."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from mcp_auth_ref import keyfiles, privatefiles
from mcp_auth_ref.cli.audit import audited, user
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.cli.tokens import moment
from mcp_auth_ref.core import rotation
from mcp_auth_ref.core.errors import InvalidKey, KeyInUse
from mcp_auth_ref.core.keys import KeySet, SigningKey
from mcp_auth_ref.events import Event
from mcp_auth_ref.settings import Settings, read_secret


def rotate_keys(*, after: int, path: Path | None) -> None:
    """Publish a key pair of the newest one's kind that begins to sign later."""
    settings = load()
    _rotate(_pairs(path, settings), settings, after=after)


def retire_keys(*, kid: str | None, at_once: bool, path: Path | None) -> None:
    """Drop key pairs."""
    settings = load()
    _retire(_pairs(path, settings), settings, kid=kid, at_once=at_once)


def rotate_secrets(*, after: int, path: Path | None) -> None:
    """Put a secret into the file that begins to sign later."""
    settings = load()
    _rotate(_secrets(path, settings), settings, after=after)


def retire_secrets(*, kid: str | None, at_once: bool, path: Path | None) -> None:
    """Drop secrets."""
    settings = load()
    _retire(_secrets(path, settings), settings, kid=kid, at_once=at_once)


def key_file(path: Path | None, settings: Settings) -> Path:
    """Return the file of the key pairs: the one given, or that of the settings."""
    path = path or settings.keys_file
    if path is None:
        raise click.UsageError(
            "There is no file for it: give --file or set MCP_KEYS_FILE.", click.get_current_context()
        )
    return path


@dataclass(frozen=True, slots=True)
class _KeyFile:
    """A file of keys of one kind: how it is read and written, and how a key is made that fits in."""

    path: Path
    read: Callable[[Path], KeySet]
    write: Callable[[Path, KeySet], None]
    fresh: Callable[[KeySet], SigningKey]


def _pairs(path: Path | None, settings: Settings) -> _KeyFile:
    return _KeyFile(key_file(path, settings), keyfiles.read, keyfiles.write, _like_the_newest)


def _like_the_newest(keys: KeySet) -> SigningKey:
    algorithm = keys.signing_key.algorithm
    if algorithm == "HS256":
        raise InvalidKey("the newest is a shared secret, which has a file of its own")
    return keyfiles.generate(algorithm)


def _secrets(path: Path | None, settings: Settings) -> _KeyFile:
    path = path or settings.jwt_secret_file
    if path is None:
        raise click.UsageError(
            "There is no file for it: give --file or set MCP_JWT_SECRET_FILE. A variable cannot be rotated while a "
            "server runs: put its secret into a file first.",
            click.get_current_context(),
        )
    return _KeyFile(path, _read_secrets, keyfiles.write_secrets, _fresh_secret)


def _read_secrets(path: Path) -> KeySet:
    return keyfiles.secrets_in(read_secret(path, setting="MCP_JWT_SECRET_FILE"))


def _fresh_secret(_: KeySet) -> SigningKey:
    return SigningKey.from_secret(secrets.token_urlsafe(32).encode())


def _rotate(file: _KeyFile, settings: Settings, *, after: int) -> None:
    """Add a key that begins to sign `after` so many seconds, and print its `kid`."""
    with changing(file.path):
        keys = file.read(file.path)
        key = replace(file.fresh(keys), signs_from=int(time.time()) + after)
        file.write(file.path, KeySet([*keys.keys, key]))
    with audited(settings) as tell:
        tell(Event(kind="rotate", at=time.time(), actor=user(), key=key.kid))
    click.echo(key.kid)
    click.echo(f"it verifies from now on, and signs from {moment(key.signs_from)}", err=True)


def _retire(file: _KeyFile, settings: Settings, *, kid: str | None, at_once: bool) -> None:
    """Drop one key, or every one whose tokens have ended; print the `kid` of each."""
    if at_once and kid is None:
        raise click.UsageError(
            "--now is for one key: name its kid, as `mcp-auth-ref keys list` shows it.", click.get_current_context()
        )
    with changing(file.path):
        now, before = time.time(), file.read(file.path)
        if kid is None:
            after = _without_ended(before, now=now, longest_life=longest_life(settings))
        elif at_once:
            after = rotation.dropped(before, kid, now=int(now), successor=file.fresh(before))
        else:
            after = rotation.retired(before, kid, now=now, longest_life=longest_life(settings))
        if after != before:
            file.write(file.path, after)
    with audited(settings) as tell:
        for gone in _gone(before, after):
            tell(Event(kind="revoke", at=now, actor=user(), key=gone))
    _show(before, after, now=now)


def longest_life(settings: Settings) -> float:
    """Return for how many seconds after its issue a token is accepted at most."""
    return settings.max_token_age + settings.leeway


def _without_ended(keys: KeySet, *, now: float, longest_life: float) -> KeySet:
    for key in keys.keys:
        try:
            keys = rotation.retired(keys, key.kid, now=now, longest_life=longest_life)
        except KeyInUse:
            continue
    return keys


def _gone(before: KeySet, after: KeySet) -> list[str]:
    left = {key.kid for key in after.keys}
    return [key.kid for key in before.keys if key.kid not in left]


def _show(before: KeySet, after: KeySet, *, now: float) -> None:
    gone = _gone(before, after)
    for kid in gone:
        click.echo(kid)
    signs = after.signing_key_at(now).kid
    what = f"{len(gone)} gone" if gone else "none could go: `mcp-auth-ref keys list` says until when each is needed"
    click.echo(f"{what}; kid {signs} signs", err=True)


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Change a file while no other command does, and blame the option that named it."""
    try:
        with privatefiles.locked(path):
            yield
    except OSError as error:
        problem = f"{path} cannot be read and written: {error.strerror}"
        raise click.BadParameter(problem, click.get_current_context(), param_hint="'--file'") from None
