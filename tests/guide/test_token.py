"""What the page on the token says, and what its table of checks is held to."""

import re
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mcp_auth_ref import InvalidKey, InvalidToken, KeySet, RefusedClaims, SigningKey, TokenIssuer, TokenVerifier
from mcp_auth_ref.core.errors import (
    MalformedApiKey,
    TokenRefused,
    TokenRevoked,
    TokenTooOld,
    UnknownApiKey,
    UnknownIssuer,
    UnknownKey,
    UnsupportedAlgorithm,
)
from mcp_auth_ref.core.keys import VerifyingKey
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/start/token.md").read_text()
CHECKS = re.findall(r"\| \d+\. .* \| `(\w+)` \| `?([\w ]+)`? \|", (ROOT / "snippets/token/order.out").read_text())

ISSUER, AUDIENCE, NOW = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp", 1_795_000_000
SECRET = b"demonstration-secret-never-use-it-in-production"
SHARED = KeySet([SigningKey.from_secret(SECRET)])


def issue(keys: KeySet = SHARED, *, scopes: tuple[str, ...] = ("mcp:tools",), role: str | None = None) -> str:
    issuer = TokenIssuer(issuer=ISSUER, audience=AUDIENCE, keys=keys)
    return issuer.issue(subject="ada", client_id="cli", scopes=scopes, now=NOW, token_id="1", role=role)


def verifier(keys: KeySet = SHARED, *, max_age: float | None = None) -> TokenVerifier:
    return TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=keys, max_age=max_age)


def refusals(error: type[InvalidToken]) -> Iterator[type[InvalidToken]]:
    for below in error.__subclasses__():
        yield below
        yield from refusals(below)


def test_the_table_of_claims_names_every_claim_of_the_token_and_no_other() -> None:
    rows = re.findall(r"^\| (`.*?`) \| .*\? \|", PAGE, re.MULTILINE)
    payload = jwt.decode(issue(role="user"), options={"verify_signature": False})

    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {*payload, "username"}


def test_the_table_of_checks_has_every_refusal_of_a_verifier() -> None:
    """One of several issuers has `unknown_issuer` too, one with a store `token_revoked`; keys and clients their own."""
    elsewhere = {RefusedClaims, UnknownIssuer, TokenRevoked, TokenRefused, MalformedApiKey, UnknownApiKey}

    assert {code for code, _ in CHECKS} == {error.code for error in {*refusals(InvalidToken)} - elsewhere}


def test_a_caller_learns_the_reason_once_the_signature_holds_and_not_before() -> None:
    signature = [code for code, _ in CHECKS].index("bad_signature")

    assert {told for _, told in CHECKS[: signature + 1]} == {"invalid_token"}
    assert {told for _, told in CHECKS[signature + 1 :]} == {"the reason", "invalid_token"}
    assert [code for code, told in CHECKS[signature + 1 :] if told != "the reason"] == ["malformed_token"]


def test_a_role_grants_nothing() -> None:
    claims = verifier().verify(issue(scopes=(), role="superadmin"), now=NOW)

    assert claims.scopes == frozenset()


def test_a_token_lives_for_an_hour_unless_the_issuer_is_told_otherwise() -> None:
    claims = verifier().verify(issue(), now=NOW)

    assert claims.expires_at - claims.issued_at == 3600


def test_a_verifier_forgives_thirty_seconds_unless_told_otherwise() -> None:
    assert verifier().leeway == 30


def test_a_server_refuses_a_life_longer_than_it_puts_up_with() -> None:
    token = TokenIssuer(issuer=ISSUER, audience=AUDIENCE, keys=SHARED, lifetime=10_000_000).issue(
        subject="ada", client_id="cli", scopes=(), now=NOW, token_id="1"
    )

    assert verifier().verify(token, now=NOW + 9_999_999).subject == "ada"
    with pytest.raises(TokenTooOld):
        verifier(max_age=86_400).verify(token, now=NOW + 9_999_999)


@pytest.mark.parametrize("kid", ["../../../../dev/null", "' OR 1=1 --", "https://example.org/keys", "\0"])
def test_a_kid_is_looked_up_among_the_keys_and_nowhere_else(kid: str) -> None:
    token = issue(KeySet([SigningKey.from_secret(SECRET, kid=kid)]))

    with pytest.raises(UnknownKey):
        verifier().verify(token, now=NOW)


def test_one_secret_has_one_kid_and_another_secret_another_unless_you_choose_it() -> None:
    assert SigningKey.from_secret(SECRET).kid == SigningKey.from_secret(bytes(SECRET)).kid
    assert SigningKey.from_secret(SECRET).kid != SigningKey.from_secret(SECRET + b"\n").kid
    assert SigningKey.from_secret(SECRET, kid="2026").kid == "2026"


def test_a_public_key_checks_tokens_and_makes_none() -> None:
    pair = SigningKey.from_private_key(Ed25519PrivateKey.generate())
    public = KeySet.from_jwks(KeySet([pair]).jwks())

    assert verifier(public).verify(issue(KeySet([pair])), now=NOW).subject == "ada"
    with pytest.raises(InvalidKey):
        issue(public)


def test_who_holds_the_secret_can_make_tokens_and_nobody_else_learns_it() -> None:
    assert SHARED.signing_key.private == SECRET
    assert SHARED.jwks() == {"keys": []}


def test_a_public_key_is_never_a_secret() -> None:
    """RFC 8725, section 2.1: the attack that gave algorithm confusion its name."""
    public = Ed25519PrivateKey.generate().public_key()
    as_text = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    forged = issue(KeySet([SigningKey.from_secret(as_text)]))

    with pytest.raises(UnsupportedAlgorithm):
        verifier(KeySet([VerifyingKey.from_public_key(public, kid=jwt.get_unverified_header(forged)["kid"])])).verify(
            forged, now=NOW
        )
