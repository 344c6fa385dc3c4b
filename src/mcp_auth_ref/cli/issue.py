"""`token issue`, `generate-mcp-token`."""

import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import replace

import click

from mcp_auth_ref.cli.audit import audited, user
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.cli.tokens import moment
from mcp_auth_ref.core import jws
from mcp_auth_ref.core.scopes import ROLES
from mcp_auth_ref.events import Event
from mcp_auth_ref.settings import Settings, checked_url
from mcp_auth_ref.trust import issuer_from


def issue(
    *,
    user_id: str,
    username: str | None,
    role: str,
    expiry: float | None,
    scopes: tuple[str, ...],
    client_id: str,
    audience: str | None,
    claims: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print a fresh token."""
    settings = load()
    issuer = issuer_from(settings)
    if expiry is not None:
        issuer = replace(issuer, lifetime=_lifetime(expiry, settings))
    if audience is not None:
        issuer = replace(issuer, audience=_audience(audience))
    token = issuer.issue(
        subject=user_id,
        client_id=client_id,
        scopes=scopes or ROLES[role],
        now=int(time.time()),
        token_id=secrets.token_urlsafe(16),
        username=username,
        role=role,
        claims=_claims(claims),
    )
    payload = jws.payload(jws.read(token))
    with audited(settings) as tell:
        tell(
            Event(
                kind="issue",
                at=time.time(),
                subject=user_id,
                actor=user(),
                client_id=client_id,
                token_id=payload["jti"],
            )
        )
    document = {"token": token, "payload": payload, "expires_at": moment(payload["exp"])}
    click.echo(json.dumps(document, indent=2) if as_json else token)


def _lifetime(hours: float, settings: Settings) -> int:
    longest = settings.max_token_age
    if not 1 <= hours * 3600 <= longest:
        raise _bad("--expiry", f"a token lives from one second to MCP_MAX_TOKEN_AGE: {longest / 3600:g} hours")
    return int(hours * 3600)


def _audience(url: str) -> str:
    try:
        return checked_url(url)
    except ValueError as error:
        raise _bad("--audience", str(error)) from None


def _claims(pairs: Iterable[str]) -> dict[str, str]:
    claims: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals or name in claims:
            raise _bad("--claim", "write each claim once, as NAME=TEXT")
        claims[name] = value
    return claims


def _bad(option: str, problem: str) -> click.BadParameter:
    return click.BadParameter(problem, click.get_current_context(), param_hint=f"'{option}'")
