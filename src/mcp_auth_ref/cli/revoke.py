"""`token revoke`."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import click

from mcp_auth_ref.cli.audit import audited, user
from mcp_auth_ref.cli.frame import REFUSED, printable
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.cli.stores import store_of
from mcp_auth_ref.core import grants
from mcp_auth_ref.core.errors import InvalidGrant, InvalidToken, TokenExpired, TokenTooOld
from mcp_auth_ref.core.grants import Revocation, RevocationKind
from mcp_auth_ref.core.tokens import TokenVerifier, TrustedIssuers
from mcp_auth_ref.events import Event
from mcp_auth_ref.refresh import longest
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.stores import Store
from mcp_auth_ref.trust import verifier_from


def revoke(
    *,
    token: str | None,
    token_file: Path | None,
    words: tuple[str, ...],
    token_id: str | None,
    family: str | None,
    subject: str | None,
    issuer: str | None,
) -> None:
    """Take back tokens, and exit with 1 if one of them was none to take back."""
    context, settings = click.get_current_context(), load()
    given: dict[RevocationKind, str | None] = {"token": token_id, "family": family, "subject": subject}
    named = [(kind, name) for kind, name in given.items() if name is not None]
    if len(named) > 1 or (named and (token_file is not None or words)):
        context.fail("Name one thing: a token, or --id, --family or --subject.")
    now = time.time()
    with closing(store_of(settings)) as store:
        if named:
            [(kind, name)] = named
            until = now + longest(settings)
            _take_back(store, settings, Revocation(kind, issuer or settings.issuer, name, now, until), now=now)
        elif _refused(store, settings, _tokens(token, token_file, words), now=now):
            context.exit(REFUSED)


def _refused(store: Store, settings: Settings, tokens: Iterable[str], *, now: float) -> bool:
    verifier, refused = verifier_from(settings), 0
    for token in tokens:
        try:
            _take_back(store, settings, _revocation(token, verifier, store, settings, now=now), now=now)
        except (TokenExpired, TokenTooOld) as error:
            click.echo(f"nothing to revoke: {error}")
        except (InvalidToken, InvalidGrant) as error:
            click.echo(f"refused ({error.code}): {printable(str(error))}")
            refused += 1
    return refused > 0


def _revocation(
    token: str, verifier: TokenVerifier | TrustedIssuers, store: Store, settings: Settings, *, now: float
) -> Revocation:
    """Find out what a token is. Raises InvalidToken, InvalidGrant."""
    if grants.is_refresh_token(token):
        family = store.family(grants.family_of(token), now=now)
        if family is None:
            raise InvalidGrant("the refresh token is not known here, has expired, or was revoked")
        return Revocation("family", family.issuer, family.id, now, now + longest(settings))
    claims = verifier.verify(token, now=now)
    return Revocation("token", claims.issuer, claims.token_id, now, claims.expires_at + 120)


def _take_back(store: Store, settings: Settings, revocation: Revocation, *, now: float) -> None:
    store.revoke(revocation, now=now)
    with audited(settings) as tell:
        tell(
            Event(
                kind="revoke",
                at=now,
                actor=user(),
                token_id=revocation.name if revocation.kind == "token" else None,
                family=revocation.name if revocation.kind == "family" else None,
                subject=revocation.name if revocation.kind == "subject" else None,
            )
        )
    of_what = {"token": "the token with the jti", "family": "the tokens with the sid", "subject": "all tokens of"}[
        revocation.kind
    ]
    click.echo(f"revoked {of_what} {printable(revocation.name)}")


def _tokens(token: str | None, token_file: Path | None, words: tuple[str, ...]) -> Iterator[str]:
    context = click.get_current_context()
    if words not in ((), ("-",)):
        context.fail(
            "A token is not an argument. Give it with --token-file, in MCP_TOKEN, or on standard input with -."
        )
    if words:
        yield from (line.strip() for line in sys.stdin if line.strip())
    elif token_file is not None:
        try:
            yield token_file.read_text(encoding="utf-8", errors="surrogateescape").strip()
        except OSError as error:
            raise click.BadParameter(
                f"it cannot be read: {error.strerror}", context, param_hint="'--token-file'"
            ) from None
    elif token is not None:
        yield token
    else:
        context.fail("There is nothing to revoke: give a token, --id, --family or --subject.")
