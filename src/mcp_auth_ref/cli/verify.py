"""`token verify`, `validate-mcp-token`."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.cli.stores import revoked_by
from mcp_auth_ref.cli.tokens import Verdict, report, seen
from mcp_auth_ref.core.apikeys import ApiKeys, is_api_key
from mcp_auth_ref.core.errors import InvalidToken, RefusedClaims, TokenRevoked
from mcp_auth_ref.core.tokens import Claims, TokenVerifier, TrustedIssuers
from mcp_auth_ref.trust import api_keys_from, verifier_from


def verify(*, token: str | None, token_file: Path | None, words: tuple[str, ...], as_json: bool, verbose: bool) -> None:
    """Verify the token or tokens given as the server of these settings would."""
    settings = load()
    verifier = verifier_from(settings)
    with revoked_by(settings) as is_revoked:
        api_keys = ApiKeys(
            api_keys_from(settings), issuer=settings.issuer, resource=settings.resource_url, is_revoked=is_revoked
        )

        def judge(text: str) -> Verdict:
            now = time.time()
            if is_api_key(text):
                return _judged_key(text, api_keys, now=now)
            return _judged(text, verifier, is_revoked, now=now)

        report(judge, token=token, token_file=token_file, words=words, as_json=as_json, verbose=verbose)


def _judged(
    token: str, verifier: TokenVerifier | TrustedIssuers, is_revoked: Callable[[Claims], bool], *, now: float
) -> Verdict:
    try:
        if is_revoked(verifier.verify(token, now=now)):
            raise TokenRevoked
    except RefusedClaims as error:
        return replace(seen(token, now=now), valid=False, verified=True, error=error)
    except InvalidToken as error:
        return Verdict(now=now, valid=False, error=error)
    return replace(seen(token, now=now), valid=True, verified=True)


def _judged_key(key: str, api_keys: ApiKeys, *, now: float) -> Verdict:
    try:
        claims = api_keys.verify(key, now=now)
    except InvalidToken as error:
        return Verdict(now=now, valid=False, error=error)
    return Verdict(now=now, valid=True, verified=True, payload=dict(claims.payload))
