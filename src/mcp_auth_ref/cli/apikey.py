"""`apikey new`, `apikey list`, `apikey revoke`."""

import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import click

from mcp_auth_ref import apikeyfiles
from mcp_auth_ref.cli.audit import audited, user
from mcp_auth_ref.cli.frame import printable
from mcp_auth_ref.cli.rotation import changing
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.cli.tokens import moment
from mcp_auth_ref.core.apikeys import SECRET_BYTES, ApiKey, api_key, digest
from mcp_auth_ref.core.scopes import TOKENS_MANAGE, is_scope_list, missing
from mcp_auth_ref.events import Event
from mcp_auth_ref.settings import Settings

_DAY = 86_400


def new(*, user_id: str, scopes: tuple[str, ...], days: int, manage_tokens: bool, path: Path | None) -> None:
    """Print a fresh API key, and put its digest into the file."""
    settings = load()
    path = _file(path, settings)
    _check_scopes(scopes, manage_tokens=manage_tokens)
    key, now = api_key(secrets.token_bytes(SECRET_BYTES)), int(time.time())
    known = ApiKey(
        id=secrets.token_hex(4),
        digest=digest(key),
        subject=user_id,
        scopes=scopes,
        created_at=now,
        expires_at=now + days * _DAY,
    )
    with changing(path):
        apikeyfiles.write(path, [*(apikeyfiles.read(path) if path.exists() else ()), known])
    _tell(settings, known, "issue")
    click.echo(key)
    click.echo(f"its id is {known.id}, it ends {moment(known.expires_at)}; it is shown this once", err=True)


def list_all(*, path: Path | None) -> None:
    """Print the id of each API key, how it stands, whom it speaks for and what it allows."""
    now = time.time()
    for key in apikeyfiles.read(_existing(_file(path, load()))):
        click.echo(f"{key.id:<8}  {_standing(key, now):<31}  {printable(key.subject)}  {' '.join(key.scopes)}")


def revoke(*, name: str, path: Path | None) -> None:
    """Let an API key be accepted no longer."""
    settings = load()
    path = _existing(_file(path, settings))
    with changing(path):
        keys = {key.id: key for key in apikeyfiles.read(path)}
        if name not in keys:
            raise click.BadParameter(
                "no API key has this id; `mcp-auth-ref apikey list` shows them all",
                click.get_current_context(),
                param_hint="'ID'",
            )
        keys[name] = keys[name].revoked(now=int(time.time()))
        apikeyfiles.write(path, keys.values())
    _tell(settings, keys[name], "revoke")
    click.echo(f"revoked {printable(name)}; a server that follows the file refuses it within a second or so", err=True)


def _tell(settings: Settings, key: ApiKey, kind: Literal["issue", "revoke"]) -> None:
    with audited(settings) as tell:
        claims = key.claims(issuer=settings.issuer, resource=settings.resource_url)
        tell(
            Event(
                kind=kind,
                at=time.time(),
                actor=user(),
                subject=claims.subject,
                client_id=claims.client_id,
                token_id=claims.token_id,
            )
        )


def _file(path: Path | None, settings: Settings) -> Path:
    path = path or settings.api_keys_file
    if path is None:
        raise click.UsageError(
            "There is no file for it: give --file or set MCP_API_KEYS_FILE.", click.get_current_context()
        )
    return path


def _existing(path: Path) -> Path:
    if not path.exists():
        raise click.UsageError(f"{path} is not there: `mcp-auth-ref apikey new` makes it.", click.get_current_context())
    return path


def _check_scopes(scopes: Iterable[str], *, manage_tokens: bool) -> None:
    for scope in scopes:
        if not scope or " " in scope or not is_scope_list(scope):
            raise _bad_scope("write one scope word each time")
        if not manage_tokens and not missing([scope], [TOKENS_MANAGE]):
            raise _bad_scope(f"{scope} lets a machine manage tokens, {TOKENS_MANAGE}: add --manage-tokens if it must")


def _bad_scope(problem: str) -> click.BadParameter:
    return click.BadParameter(problem, click.get_current_context(), param_hint="'--scope'")


def _standing(key: ApiKey, now: float) -> str:
    if key.revoked_at is not None:
        return f"revoked {moment(key.revoked_at)}"
    return f"{'good until' if now < key.expires_at else 'ended'} {moment(key.expires_at)}"
