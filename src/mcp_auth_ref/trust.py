"""Trust: from settings to the keys that sign, the issuer that uses them, and the verifier of every trusted issuer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcp_auth_ref import apikeyfiles, keyfiles
from mcp_auth_ref.core.apikeys import ApiKey
from mcp_auth_ref.core.clients import COMMAND_LINE, Client, digest
from mcp_auth_ref.core.errors import ConfigurationError, InvalidKey
from mcp_auth_ref.core.keys import KeySet
from mcp_auth_ref.core.tokens import TokenIssuer, TokenVerifier, TrustedIssuers
from mcp_auth_ref.settings import ClientSettings, IssuerSettings, Settings, read_secret

MIN_SECRET_BYTES = 32


def keys_from(settings: Settings) -> KeySet:
    """Return the keys of this server itself. Raises ConfigurationError."""
    return _shared_secret(settings) if settings.jwt_algorithm == "HS256" else _key_pairs(settings)


def issuer_from(settings: Settings) -> TokenIssuer:
    """Return the issuer that signs with the newest of these keys. Raises ConfigurationError."""
    keys = keys_from(settings)
    with _refused_as("MCP_KEYS_FILE"):
        _ = keys.signing_key
    return issuer_with(settings, keys)


def issuer_with(settings: Settings, keys: KeySet) -> TokenIssuer:
    """Return the issuer that signs with these keys."""
    lifetime = round(settings.jwt_expiry_hours * 3600)
    return TokenIssuer(issuer=settings.issuer, audience=settings.resource_url, keys=keys, lifetime=lifetime)


def verifier_from(settings: Settings) -> TokenVerifier | TrustedIssuers:
    """Return the verifier of this server's own tokens, or of all `[[issuers]]` and its own, where it has keys.

    Raises ConfigurationError.
    """
    if not settings.issuers:
        return _own_verifier(settings)
    given = (
        (settings.jwt_secret, settings.jwt_secret_file) if settings.jwt_algorithm == "HS256" else (settings.keys_file,)
    )
    own = [_own_verifier(settings)] if any(given) else []
    verifiers = (*own, *(_verifier_of(issuer, settings) for issuer in settings.issuers))
    names = [verifier.issuer for verifier in verifiers]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError("[[issuers]]", f"{name} is trusted twice", "Keep one: an issuer has one verifier")
    return TrustedIssuers(verifiers)


def clients_from(settings: Settings) -> dict[str, Client]:
    """Return the clients of the authorization server by their names. Raises ConfigurationError."""
    clients = {each.id: _client(each) for each in settings.clients}
    return {COMMAND_LINE: Client(COMMAND_LINE), **clients}


def _client(given: ClientSettings) -> Client:
    secret_digest = None if given.secret_sha256 is None else bytes.fromhex(given.secret_sha256)
    if given.secret_file is not None:
        setting = f"[[clients]] {given.id}"
        secret = read_secret(given.secret_file, setting=setting)
        if len(secret) < MIN_SECRET_BYTES:
            problem = f"the secret in its file has {len(secret)} bytes, and {MIN_SECRET_BYTES} are needed"
            raise ConfigurationError(setting, problem, "Make one: `mcp-auth-ref secret new`")
        secret_digest = digest(secret)
    return Client(given.id, secret_digest, given.scopes, given.refresh)


def key_files(settings: Settings) -> tuple[Path, ...]:
    """Return the files that `verifier_from` reads."""
    own = settings.jwt_secret_file if settings.jwt_algorithm == "HS256" else settings.keys_file
    theirs = (path for each in settings.issuers for path in (each.jwks_file, each.public_key_file, each.secret_file))
    return tuple(path for path in (own, *theirs) if path is not None)


def api_keys_from(settings: Settings) -> tuple[ApiKey, ...]:
    """Return the API keys that are accepted; none without `MCP_API_KEYS_FILE`. Raises ConfigurationError."""
    if settings.api_keys_file is None:
        return ()
    try:
        return apikeyfiles.read(settings.api_keys_file)
    except InvalidKey as error:
        problem, remedy = error.problem, "Let `mcp-auth-ref apikey new` write it"
    except OSError as error:
        problem, remedy = f"cannot be read: {error.strerror}", "Make it, with a first key: `mcp-auth-ref apikey new`"
    raise ConfigurationError("MCP_API_KEYS_FILE", f"{settings.api_keys_file}: {problem}", remedy)


def _shared_secret(settings: Settings) -> KeySet:
    if settings.jwt_secret_file is not None:
        with _refused_as("MCP_JWT_SECRET_FILE"):
            return keyfiles.secrets_in(read_secret(settings.jwt_secret_file, setting="MCP_JWT_SECRET_FILE"))
    if settings.jwt_secret is None:
        remedy = "Put the output of `mcp-auth-ref secret new` into it, or name a file with it in MCP_JWT_SECRET_FILE"
        raise ConfigurationError("MCP_JWT_SECRET", "it is not set, and no token is signed or verified without", remedy)
    with _refused_as("MCP_JWT_SECRET"):
        return keyfiles.secrets_in(settings.jwt_secret.get_secret_value())


def _key_pairs(settings: Settings) -> KeySet:
    if settings.keys_file is None:
        problem = f"it is not set, and {settings.jwt_algorithm} needs key pairs"
        raise ConfigurationError(
            "MCP_KEYS_FILE", problem, "Name the file that `mcp-auth-ref keys new --file` has written"
        )
    with _refused_as("MCP_KEYS_FILE", settings.keys_file):
        keys = keyfiles.read(settings.keys_file)
    newest = keys.keys[-1].algorithm
    if newest != settings.jwt_algorithm:
        problem = f"it is {settings.jwt_algorithm}, and the newest key of {settings.keys_file} is for {newest}"
        raise ConfigurationError("MCP_JWT_ALGORITHM", problem, f"Set it to {newest}, or make a key of the other kind")
    return keys


def _own_verifier(settings: Settings) -> TokenVerifier:
    return _verifier(settings, issuer=settings.issuer, audience=settings.resource_url, keys=keys_from(settings))


def _verifier_of(issuer: IssuerSettings, settings: Settings) -> TokenVerifier:
    setting = f"[[issuers]] {issuer.issuer}"
    keys = _keys_of(issuer, setting)
    for key in keys.keys:
        if key.algorithm not in issuer.algorithms:
            problem = f"its key {key.kid} is for {key.algorithm}, which is not among its algorithms"
            raise ConfigurationError(setting, problem, "Add the algorithm, or take the key out of the file")
    return _verifier(settings, issuer=issuer.issuer, audience=issuer.audience or settings.resource_url, keys=keys)


def _keys_of(issuer: IssuerSettings, setting: str) -> KeySet:
    if issuer.secret_file is not None:
        with _refused_as(setting):
            return keyfiles.secrets_in(read_secret(issuer.secret_file, setting=setting))
    path = issuer.jwks_file or issuer.public_key_file or Path()
    with _refused_as(setting, path):
        return keyfiles.read_public(path)


def _verifier(settings: Settings, *, issuer: str, audience: str, keys: KeySet) -> TokenVerifier:
    return TokenVerifier(
        issuer=issuer, audience=audience, keys=keys, leeway=settings.leeway, max_age=settings.max_token_age
    )


@contextmanager
def _refused_as(setting: str, path: Path | None = None) -> Iterator[None]:
    """Name the setting that a bad key came from."""
    where = f"{path}: " if path else ""
    try:
        yield
    except InvalidKey as error:
        raise ConfigurationError(setting, f"{where}{error.problem}", error.cure) from None
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}"
        raise ConfigurationError(setting, problem, "Name a file that this process can read") from None
