"""A token of another issuer, or one that claims to be of an issuer who did not sign it (RFC 8725, section 3.8)."""

import pytest

from mcp_auth_ref.core.errors import (
    BadSignature,
    InvalidToken,
    UnknownIssuer,
    UnknownKey,
    UnsupportedAlgorithm,
    WrongIssuer,
)
from mcp_auth_ref.core.keys import KeySet, SigningKey
from mcp_auth_ref.core.tokens import TokenVerifier, TrustedIssuers
from tests.tokens import CLAIMS, HEADER, ISSUER, KEYS, NOW, RESOURCE, SIGNERS, forge, hs256, refusal


@pytest.mark.parametrize(
    "another",
    [
        "https://attacker.example",
        f"{ISSUER}/",
        f"{ISSUER}/tenant",
        f"{ISSUER}0",
        f"{ISSUER}.attacker.example",
        f"{ISSUER}@attacker.example",
        f"{ISSUER}\n",
        f" {ISSUER}",
        ISSUER[:-1],
        ISSUER.upper(),
        ISSUER.replace("http", "https"),
        "http://localhost:8765",
        f"{ISSUER},https://attacker.example",
        "*",
    ],
)
def test_another_spelling_is_another_issuer(another: str) -> None:
    """RFC 9068, section 4: compared as plain strings."""
    assert refusal(forge(HEADER, CLAIMS | {"iss": another})) == (WrongIssuer, {"expected": ISSUER})


PARTNER = "https://login.partner.example"
PARTNERS_SECRET = b"the partner's secret, which is not ours to know"
OURS = TokenVerifier(ISSUER, RESOURCE, KeySet([KEYS["HS256"]]))
BOTH = TrustedIssuers((OURS, TokenVerifier(PARTNER, RESOURCE, KeySet([SigningKey.from_secret(PARTNERS_SECRET)]))))


def refused(token: str) -> type:
    with pytest.raises(InvalidToken) as caught:
        BOTH.verify(token, now=NOW)
    return type(caught.value)


def test_one_trusted_issuer_cannot_speak_for_another() -> None:
    """RFC 8725, section 3.8: the keys of an issuer verify its own tokens only."""
    partners = forge(HEADER, CLAIMS | {"iss": PARTNER}, sign=lambda message: hs256(message, PARTNERS_SECRET))
    disguised = forge(HEADER, CLAIMS, sign=lambda message: hs256(message, PARTNERS_SECRET))
    by_kid = forge(
        HEADER | {"kid": SigningKey.from_secret(PARTNERS_SECRET).kid},
        CLAIMS,
        sign=lambda message: hs256(message, PARTNERS_SECRET),
    )

    assert BOTH.verify(partners, now=NOW).issuer == PARTNER
    assert [refused(token) for token in (disguised, by_kid)] == [BadSignature, UnknownKey]


@pytest.mark.parametrize("issuer", ["https://attacker.example", f"{PARTNER}/", "", None, 7, [ISSUER, PARTNER], {}])
def test_an_issuer_that_is_not_trusted_gets_nowhere(issuer: object) -> None:
    """RFC 8725, section 3.8: the token's `iss` selects among the trusted and can bring in nobody."""
    assert refused(forge(HEADER, CLAIMS | {"iss": issuer})) is UnknownIssuer


def test_an_issuer_cannot_be_chosen_by_a_second_iss() -> None:
    """RFC 7519, section 4: of two issuers, one would choose the key and the other be believed."""
    with pytest.raises(InvalidToken) as caught:
        BOTH.verify(forge(HEADER, f'{{"iss": "{PARTNER}", "iss": "{ISSUER}"}}'), now=NOW)

    assert str(caught.value) == "the token is malformed: its payload has a member twice"


def test_the_algorithm_of_one_issuer_is_not_allowed_to_another() -> None:
    """RFC 8725, section 3.1: the list of algorithms is each issuer's own."""
    assert refused(forge({"alg": "ES256", "typ": "at+jwt"}, CLAIMS, SIGNERS["ES256"])) is UnsupportedAlgorithm
