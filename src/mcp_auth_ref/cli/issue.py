"""`token issue`, `generate-mcp-token`."""

import json
import secrets
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace

import click

from mcp_auth_ref.cli.audit import audited, user
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.cli.stores import store_of
from mcp_auth_ref.cli.tokens import moment
from mcp_auth_ref.core import jws
from mcp_auth_ref.core.scopes import ROLES
from mcp_auth_ref.events import Event
from mcp_auth_ref.refresh import DAY, refresh_tokens_from
from mcp_auth_ref.settings import Settings, checked_url
from mcp_auth_ref.trust import clients_from, issuer_from


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
    with_refresh: bool,
    as_json: bool,
) -> None:
    """Print a fresh token, or a pair of an access token and a refresh token."""
    settings = load()
    issuer = issuer_from(settings)
    if expiry is not None:
        issuer = replace(issuer, lifetime=_lifetime(expiry, settings))
    if audience is not None:
        issuer = replace(issuer, audience=_audience(audience))
    now, granted = time.time(), scopes or ROLES[role]
    with audited(settings) as tell:
        if with_refresh:
            _check_pair(settings, client_id, claims)
            with closing(store_of(settings)) as store:
                pair = refresh_tokens_from(settings, issuer=lambda: issuer, store=store).start(
                    subject=user_id,
                    client_id=client_id,
                    scopes=granted,
                    now=now,
                    username=username,
                    role=role,
                    tell=lambda event: tell(replace(event, actor=user())),
                )
            _print(settings, pair.access_token, pair.refresh_token, now=now, as_json=as_json)
            return
        token_id = secrets.token_urlsafe(16)
        token = issuer.issue(
            subject=user_id,
            client_id=client_id,
            scopes=granted,
            now=int(now),
            token_id=token_id,
            username=username,
            role=role,
            claims=_claims(claims),
        )
        tell(Event(kind="issue", at=now, subject=user_id, actor=user(), client_id=client_id, token_id=token_id))
    _print(settings, token, None, now=now, as_json=as_json)


def _check_pair(settings: Settings, client_id: str, claims: tuple[str, ...]) -> None:
    if claims:
        raise _bad("--claim", "a refresh token keeps no claims of your own; leave out one of the two")
    if client_id not in clients_from(settings):
        raise _bad("--client-id", "no client of this name could refresh it; name it in [[clients]]")


def _print(settings: Settings, token: str, refresh_token: str | None, *, now: float, as_json: bool) -> None:
    payload = jws.payload(jws.read(token))
    document = {"token": token, "payload": payload, "expires_at": moment(payload["exp"])}
    if refresh_token is not None:
        expires_at = now + min(settings.refresh_token_expiry_days, settings.refresh_family_expiry_days) * DAY
        document |= {"refresh_token": refresh_token, "refresh_expires_at": moment(expires_at)}
    lines = [token] if refresh_token is None else [token, refresh_token]
    click.echo(json.dumps(document, indent=2) if as_json else "\n".join(lines))


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
