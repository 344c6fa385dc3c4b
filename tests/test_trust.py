"""From settings to whose tokens are accepted."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mcp_auth_ref import keyfiles
from mcp_auth_ref.core.errors import ConfigurationError, UnknownIssuer, UnsupportedAlgorithm, WrongAudience
from mcp_auth_ref.core.keys import KeySet, SigningKey
from mcp_auth_ref.core.tokens import TokenIssuer, TokenVerifier, TrustedIssuers
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.trust import issuer_from, key_files, keys_from, verifier_from
from tests.tokens import ISSUER, KEYS, NOW, RESOURCE, SECRET

ENVIRON = {"MCP_JWT_SECRET": SECRET.decode()}
PARTNER = "https://login.partner.example"


def load(folder: Path, environ: dict[str, str], *, issuers: str = "") -> Settings:
    (folder / "mcp-auth-ref.toml").write_text(issuers)
    return Settings.load(environ={**environ, "MCP_CONFIG": "mcp-auth-ref.toml"}, cwd=folder)


def refusal(folder: Path, environ: dict[str, str], *, issuers: str = "") -> str:
    settings = load(folder, environ, issuers=issuers)
    with pytest.raises(ConfigurationError) as caught:
        verifier_from(settings)
    return str(caught.value).replace(f"{folder}/", "")


def partner(line: str, *, algorithms: str = '["ES256"]') -> str:
    return f'[[issuers]]\nissuer = "{PARTNER}"\nalgorithms = {algorithms}\n{line}\n'


def token_of(issuer: str, key: SigningKey, *, audience: str = RESOURCE) -> str:
    return TokenIssuer(issuer, audience, KeySet([key])).issue(
        subject="ada", client_id="cli", scopes=["mcp:tools:read"], now=NOW, token_id="0123456789abcdef"
    )


def test_a_shared_secret_signs_and_verifies(tmp_path: Path) -> None:
    settings = load(
        tmp_path, {**ENVIRON, "MCP_LEEWAY": "5", "MCP_MAX_TOKEN_AGE": "7200", "MCP_JWT_EXPIRY_HOURS": "0.5"}
    )
    keys = KeySet([SigningKey.from_secret(SECRET)])

    assert keys_from(settings) == keys
    assert issuer_from(settings) == TokenIssuer(ISSUER, RESOURCE, keys, lifetime=1800)
    assert verifier_from(settings) == TokenVerifier(ISSUER, RESOURCE, keys, leeway=5, max_age=7200)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_key_file_signs_with_its_newest_key(tmp_path: Path, algorithm: str) -> None:
    older = next(key for key in KEYS.values() if key.algorithm != algorithm)
    keyfiles.write(tmp_path / "keys.json", KeySet([older, KEYS[algorithm]]))

    settings = load(tmp_path, {"MCP_JWT_ALGORITHM": algorithm, "MCP_KEYS_FILE": "keys.json"})

    assert issuer_from(settings).keys.signing_key == KEYS[algorithm]
    assert keys_from(settings).keys == (older, KEYS[algorithm])


def test_public_keys_verify_and_do_not_sign(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(KeySet([KEYS["ES256"]]).jwks()))
    settings = load(tmp_path, {"MCP_JWT_ALGORITHM": "ES256", "MCP_KEYS_FILE": "jwks.json"})

    claims = verifier_from(settings).verify(token_of(ISSUER, KEYS["ES256"]), now=NOW)

    assert claims.subject == "ada"
    with pytest.raises(ConfigurationError) as caught:
        issuer_from(settings)
    assert str(caught.value) == (
        "MCP_KEYS_FILE: none of the keys can sign. "
        "Make a secret with `mcp-auth-ref secret new` or a key pair with `mcp-auth-ref keys new`."
    )


def public_forms(key: SigningKey) -> dict[str, str]:
    assert not isinstance(key.private, bytes)
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        'jwks_file = "keys"': json.dumps(KeySet([key]).jwks()),
        'public_key_file = "keys"': pem.decode(),
        'public_key_file = "./keys"': json.dumps(key.public_jwk()),
    }


@pytest.mark.parametrize("line", public_forms(KEYS["ES256"]))
def test_a_trusted_issuer_has_keys_of_its_own(tmp_path: Path, line: str) -> None:
    """RFC 8725, section 3.8: a key belongs to an issuer; ours makes no tokens of theirs, nor theirs of ours."""
    (tmp_path / "keys").write_text(public_forms(KEYS["ES256"])[line])
    verifier = verifier_from(load(tmp_path, ENVIRON, issuers=partner(line)))

    assert verifier.verify(token_of(PARTNER, KEYS["ES256"]), now=NOW).issuer == PARTNER
    assert verifier.verify(token_of(ISSUER, KEYS["HS256"]), now=NOW).issuer == ISSUER
    for issuer, key in ((PARTNER, KEYS["HS256"]), (ISSUER, KEYS["ES256"])):
        with pytest.raises(UnsupportedAlgorithm):
            verifier.verify(token_of(issuer, key), now=NOW)
    with pytest.raises(UnknownIssuer):
        verifier.verify(token_of("https://another.example", KEYS["ES256"]), now=NOW)


def test_a_trusted_issuer_may_share_a_secret_and_name_another_audience(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    issuers = partner('secret_file = "secret"\naudience = "api://mcp"', algorithms='["HS256"]')
    verifier = verifier_from(load(tmp_path, {"MCP_LEEWAY": "7", "MCP_MAX_TOKEN_AGE": "9000"}, issuers=issuers))

    keys = KeySet([KEYS["HS256"]])
    assert verifier == TrustedIssuers((TokenVerifier(PARTNER, "api://mcp", keys, leeway=7, max_age=9000),))
    with pytest.raises(WrongAudience):
        verifier.verify(token_of(PARTNER, KEYS["HS256"]), now=NOW)


def test_without_keys_of_its_own_a_server_trusts_the_others_only(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(json.dumps(KEYS["ES256"].public_jwk()))
    line = partner('public_key_file = "keys"')

    for environ in ({}, {"MCP_JWT_ALGORITHM": "ES256", "MCP_JWT_SECRET": SECRET.decode()}):
        verifier = verifier_from(load(tmp_path, environ, issuers=line))
        assert isinstance(verifier, TrustedIssuers)
        assert [each.issuer for each in verifier.verifiers] == [PARTNER]


MAKE = "Make a secret with `mcp-auth-ref secret new` or a key pair with `mcp-auth-ref keys new`."
READ = "Name a file that this process can read"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {},
            (
                "MCP_JWT_SECRET: it is not set, and no token is signed or verified without. "
                "Put the output of `mcp-auth-ref secret new` into it, or name a file with it in MCP_JWT_SECRET_FILE"
            ),
        ),
        ({"MCP_JWT_SECRET": "s" * 31}, f"MCP_JWT_SECRET: the secret has 31 bytes; HS256 needs at least 32. {MAKE}"),
        (
            {"MCP_JWT_SECRET_FILE": "weak"},
            f"MCP_JWT_SECRET_FILE: the secret has 4 bytes; HS256 needs at least 32. {MAKE}",
        ),
        (
            {"MCP_JWT_SECRET": KEYS["ES256"].to_pem().decode()},
            f"MCP_JWT_SECRET: it is empty or an encoded key, not a shared secret. {MAKE}",
        ),
        (
            {"MCP_JWT_ALGORITHM": "ES256", "MCP_JWT_SECRET": SECRET.decode()},
            (
                "MCP_KEYS_FILE: it is not set, and ES256 needs key pairs. "
                "Name the file that `mcp-auth-ref keys new --file` has written"
            ),
        ),
        (
            {"MCP_JWT_ALGORITHM": "ES256", "MCP_KEYS_FILE": "missing"},
            f"MCP_KEYS_FILE: missing cannot be read: No such file or directory. {READ}",
        ),
        (
            {"MCP_JWT_ALGORITHM": "ES256", "MCP_KEYS_FILE": "weak"},
            f"MCP_KEYS_FILE: weak: it is neither PEM nor JSON. {MAKE}",
        ),
        (
            {"MCP_JWT_ALGORITHM": "RS256", "MCP_KEYS_FILE": "keys"},
            (
                "MCP_JWT_ALGORITHM: it is RS256, and the newest key of keys is for ES256. "
                "Set it to ES256, or make a key of the other kind"
            ),
        ),
    ],
)
def test_nothing_starts_without_the_keys_it_needs(tmp_path: Path, environ: dict[str, str], message: str) -> None:
    """Fail closed: there is no default secret, and none is made up."""
    (tmp_path / "weak").write_text("weak")
    keyfiles.write(tmp_path / "keys", KeySet([KEYS["ES256"]]))

    assert refusal(tmp_path, environ) == message


@pytest.mark.parametrize(
    ("issuers", "message"),
    [
        (
            partner('public_key_file = "keys"', algorithms='["RS256", "EdDSA"]'),
            (
                f"[[issuers]] {PARTNER}: its key {KEYS['ES256'].kid} is for ES256, which is not among its algorithms. "
                "Add the algorithm, or take the key out of the file"
            ),
        ),
        (
            partner('secret_file = "secret"'),
            (
                f"[[issuers]] {PARTNER}: its key {KEYS['HS256'].kid} is for HS256, which is not among its algorithms. "
                "Add the algorithm, or take the key out of the file"
            ),
        ),
        (
            partner('jwks_file = "private"'),
            f"[[issuers]] {PARTNER}: private: the key set publishes a private or shared key. {MAKE}",
        ),
        (
            partner('jwks_file = "missing"'),
            f"[[issuers]] {PARTNER}: missing cannot be read: No such file or directory. {READ}",
        ),
        (
            partner('secret_file = "missing"'),
            (
                f"[[issuers]] {PARTNER}: the file it names cannot be read: No such file or directory. "
                "Give the path of a file with the secret in it"
            ),
        ),
        (
            partner('public_key_file = "keys"') * 2,
            f"[[issuers]]: {PARTNER} is trusted twice. Keep one: an issuer has one verifier",
        ),
        (
            partner('public_key_file = "keys"').replace(PARTNER, ISSUER),
            f"[[issuers]]: {ISSUER} is trusted twice. Keep one: an issuer has one verifier",
        ),
    ],
)
def test_an_issuer_is_not_trusted_by_halves(tmp_path: Path, issuers: str, message: str) -> None:
    (tmp_path / "keys").write_text(json.dumps(KeySet([KEYS["ES256"]]).jwks()))
    (tmp_path / "secret").write_bytes(SECRET)
    keyfiles.write(tmp_path / "private", KeySet([KEYS["ES256"]]))

    assert refusal(tmp_path, ENVIRON, issuers=issuers) == message


def test_a_file_may_hold_the_secret_before_and_the_one_after(tmp_path: Path) -> None:
    """Our choice: tokens of both are good while one takes the place of the other."""
    (tmp_path / "secrets").write_bytes(SECRET + b"\n" + SECRET[::-1] + b" nbf=%d\n" % (NOW + 1))
    settings = load(tmp_path, {"MCP_JWT_SECRET_FILE": "secrets"})
    old, new = SigningKey.from_secret(SECRET), SigningKey.from_secret(SECRET[::-1])
    verifier = verifier_from(settings)

    for key in (old, new):
        assert verifier.verify(token_of(ISSUER, key), now=NOW).subject == "ada"
    assert [issuer_from(settings).keys.signing_key_at(now) for now in (NOW, NOW + 1)] == [old, new]


def test_the_secrets_file_is_read_again_each_time(tmp_path: Path) -> None:
    """Our choice: settings are read once, keys whenever somebody asks for them."""
    (tmp_path / "secrets").write_bytes(SECRET)
    settings = load(tmp_path, {"MCP_JWT_SECRET_FILE": "secrets"})
    (tmp_path / "secrets").write_bytes(SECRET[::-1])

    assert keys_from(settings) == KeySet([SigningKey.from_secret(SECRET[::-1])])


def test_the_files_to_follow_are_those_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(json.dumps(KEYS["ES256"].public_jwk()))
    issuers = partner('public_key_file = "theirs"')
    shared = load(tmp_path, {**ENVIRON, "MCP_KEYS_FILE": "unused"}, issuers=issuers)
    pairs = load(tmp_path, {"MCP_JWT_ALGORITHM": "ES256", "MCP_KEYS_FILE": "keys"}, issuers=issuers)

    assert key_files(shared) == (tmp_path / "theirs",)
    assert key_files(pairs) == (tmp_path / "keys", tmp_path / "theirs")
