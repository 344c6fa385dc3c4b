"""`keys new`, `keys list`, `keys jwks`."""

import dataclasses
import json
import time
from pathlib import Path

import click

from mcp_auth_ref import keyfiles
from mcp_auth_ref.cli.audit import audited, user
from mcp_auth_ref.cli.frame import printable
from mcp_auth_ref.cli.rotation import changing, key_file, longest_life
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.cli.tokens import moment
from mcp_auth_ref.core.keys import KeySet, SigningKey, VerifyingKey
from mcp_auth_ref.core.rotation import ceased_signing
from mcp_auth_ref.core.tokens import TokenVerifier
from mcp_auth_ref.events import Event
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.trust import keys_from, verifier_from


def new(*, algorithm: keyfiles.PairAlgorithm | None, path: Path | None) -> None:
    """Make a key pair, put it last into the key file, and print its `kid`."""
    settings = load()
    path = key_file(path, settings)
    if algorithm is None:
        algorithm = "ES256" if settings.jwt_algorithm == "HS256" else settings.jwt_algorithm
    key = dataclasses.replace(keyfiles.generate(algorithm), signs_from=int(time.time()))
    with changing(path):
        older = keyfiles.read(path).keys if path.exists() else ()
        keyfiles.write(path, KeySet([*older, key]))
    with audited(settings) as tell:
        tell(Event(kind="rotate", at=time.time(), actor=user(), key=key.kid))
    click.echo(key.kid)
    click.echo(f"{path} holds it, with {len(older)} older; it signs with {algorithm} from now on", err=True)


def list_all() -> None:
    """Print each key's `kid`, its algorithm, what it is for, and whose tokens it verifies."""
    settings = load()
    trusted = verifier_from(settings)
    verifiers = (trusted,) if isinstance(trusted, TokenVerifier) else trusted.verifiers
    rows = [
        (key, _use(key, verifier.keys, settings) if verifier.issuer == settings.issuer else "verifies", verifier.issuer)
        for verifier in verifiers
        for key in verifier.keys.keys
    ]
    width = max(len(use) for _, use, _ in rows)
    for key, use, issuer in rows:
        click.echo(f"{printable(key.kid):<43}  {key.algorithm:<5}  {use:<{width}}  {issuer}")


def _use(key: VerifyingKey, keys: KeySet, settings: Settings) -> str:
    """Say what one of this server's own keys does at this moment."""
    now = time.time()
    if not isinstance(key, SigningKey):
        return "verifies"
    if key.signs_from > now:
        return f"signs from {moment(key.signs_from)}"
    since = ceased_signing(keys, key.kid)
    if since is None:
        return "verifies"
    return "signs" if since > now else f"verifies until {moment(since + longest_life(settings))}"


def jwks() -> None:
    """Print the public keys."""
    click.echo(json.dumps(keys_from(load()).jwks(), indent=2))
