"""`keys new`, `keys list`, `keys jwks`."""

import json
from pathlib import Path

import click

from mcp_auth_ref import keyfiles
from mcp_auth_ref.cli.frame import printable
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.core.keys import KeySet, SigningKey, VerifyingKey
from mcp_auth_ref.core.tokens import TokenVerifier
from mcp_auth_ref.trust import keys_from, verifier_from


def new(*, algorithm: keyfiles.PairAlgorithm | None, path: Path | None) -> None:
    """Make a key pair, put it last into the key file, and print its `kid`."""
    settings = load()
    path = path or settings.keys_file
    if path is None:
        raise click.UsageError(
            "There is no file for it: give --file or set MCP_KEYS_FILE.", click.get_current_context()
        )
    if algorithm is None:
        algorithm = "ES256" if settings.jwt_algorithm == "HS256" else settings.jwt_algorithm
    key = keyfiles.generate(algorithm)
    try:
        older = keyfiles.read(path).keys if path.exists() else ()
        keyfiles.write(path, KeySet([*older, key]))
    except OSError as error:
        problem = f"{path} cannot be read and written: {error.strerror}"
        raise click.BadParameter(problem, click.get_current_context(), param_hint="'--file'") from None
    click.echo(key.kid)
    click.echo(f"{path} holds it, with {len(older)} older; it signs with {algorithm} from now on", err=True)


def list_all() -> None:
    """Print each key's `kid`, its algorithm, what it is for, and whose tokens it verifies."""
    settings = load()
    trusted = verifier_from(settings)
    verifiers = (trusted,) if isinstance(trusted, TokenVerifier) else trusted.verifiers
    for verifier in verifiers:
        is_own = verifier.issuer == settings.issuer
        for key in verifier.keys.keys:
            use = _use(key, verifier.keys, is_own=is_own)
            click.echo(f"{printable(key.kid):<43}  {key.algorithm:<5}  {use:<10}  {verifier.issuer}")


def _use(key: VerifyingKey, keys: KeySet, *, is_own: bool) -> str:
    if not is_own or not isinstance(key, SigningKey):
        return "verifies"
    return "signs" if key is keys.signing_key else "could sign"


def jwks() -> None:
    """Print the public keys."""
    click.echo(json.dumps(keys_from(load()).jwks(), indent=2))
