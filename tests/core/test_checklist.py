"""What is asked of whoever validates a JWT access token, rule by rule, as far as a verifier alone can hold it.

Each test shows a rule once, both ways where there are two; all the ways around a rule stand in `tests/attacks/`.
"""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.core.errors import (
    BadSignature,
    InvalidClaim,
    InvalidKey,
    InvalidToken,
    MalformedToken,
    MissingClaim,
    TokenExpired,
    TokenNotYetValid,
    UnknownKey,
    UnsupportedAlgorithm,
    WrongAudience,
    WrongIssuer,
    WrongType,
)
from mcp_auth_ref.core.keys import KeySet, SigningKey, VerifyingKey
from mcp_auth_ref.core.scopes import implies, missing
from mcp_auth_ref.core.tokens import TokenVerifier, TrustedIssuers
from tests.fuzz import fuzz
from tests.tokens import (
    CLAIMS,
    HEADER,
    ISSUER,
    KEYS,
    NOW,
    RESOURCE,
    SECRET,
    SIGNERS,
    VERIFIER,
    VERIFIERS,
    forge,
    hs256,
    refusal,
    without,
)
from tests.vectors import document

P256 = document("rfc7515.json")[2]["key"]


def refused(token: str, verifier: TokenVerifier = VERIFIER, *, now: float = NOW) -> type:
    return refusal(token, verifier, now=now)[0]


def test_the_algorithms_are_those_of_the_keys_and_never_the_tokens_choice() -> None:
    """RFC 8725, section 3.1."""
    token = forge({"alg": "RS256", "typ": "at+jwt"}, CLAIMS, SIGNERS["RS256"])

    assert VERIFIERS["RS256"].verify(token, now=NOW).subject == "ada"
    assert refused(token, VERIFIERS["ES256"]) is UnsupportedAlgorithm


@pytest.mark.parametrize("none", ["none", "None", "NONE", "nOnE"])
def test_none_is_refused_in_any_case(none: str) -> None:
    """RFC 8725, sections 3.1 and 3.2."""
    assert refused(forge({"alg": none, "typ": "at+jwt"}, CLAIMS)) is UnsupportedAlgorithm


def test_a_key_has_one_algorithm_and_a_shared_secret_is_no_public_key() -> None:
    """RFC 8725, section 3.1."""
    public = json.dumps(KEYS["ES256"].public_jwk()).encode()
    token = forge({"alg": "HS256", "typ": "at+jwt"}, CLAIMS, sign=lambda message: hs256(message, public))

    assert refused(token, VERIFIERS["ES256"]) is UnsupportedAlgorithm
    with pytest.raises(InvalidKey):
        SigningKey.from_secret(public)


def test_a_shared_secret_has_at_least_256_bits() -> None:
    """RFC 8725, section 3.5; RFC 7518, section 3.2."""
    assert SigningKey.from_secret(SECRET[:32]).algorithm == "HS256"
    with pytest.raises(InvalidKey):
        SigningKey.from_secret(SECRET[:31])


def test_an_rsa_key_has_at_least_2048_bits_and_an_ec_key_lies_on_its_curve() -> None:
    """RFC 8725, sections 3.2 and 3.4; RFC 7518, sections 3.3 and 3.4."""
    with pytest.raises(InvalidKey):
        SigningKey.from_private_key(generate_rsa(65537, 1024))
    with pytest.raises(InvalidKey):
        SigningKey.from_private_key(generate_ec(SECP384R1()))
    with pytest.raises(InvalidKey):
        VerifyingKey.from_jwk({"kty": "EC", "crv": "P-256", "x": P256["x"], "y": P256["x"]})


def test_the_signature_is_checked_before_any_claim() -> None:
    """RFC 8725, section 3.3."""
    assert refused(forge({"alg": "HS256", "typ": "JWT"}, {"exp": 0}, sign=lambda _: b"forged")) is BadSignature


def test_a_kid_only_selects_among_the_keys_we_hold() -> None:
    """RFC 8725, section 3.10."""
    assert VERIFIER.verify(forge(HEADER | {"kid": KEYS["HS256"].kid}, CLAIMS), now=NOW).subject == "ada"
    assert refused(forge(HEADER | {"kid": "../../dev/null"}, CLAIMS, sign=lambda m: hs256(m, b""))) is UnknownKey


@pytest.mark.parametrize("member", ["jku", "x5u", "jwk", "x5c"])
def test_a_token_brings_no_keys(member: str) -> None:
    """RFC 8725, section 3.10."""
    assert refused(forge(HEADER | {member: "https://attacker.example"}, CLAIMS)) is MalformedToken


def test_a_critical_extension_that_is_not_understood_is_refused() -> None:
    """RFC 7515, section 4.1.11."""
    assert refused(forge(HEADER | {"crit": ["own"], "own": True}, CLAIMS)) is MalformedToken


def test_the_type_is_that_of_an_access_token() -> None:
    """RFC 9068, section 4; RFC 8725, sections 3.11 and 3.12."""
    assert VERIFIER.verify(forge(HEADER | {"typ": "application/AT+JWT"}, CLAIMS), now=NOW).subject == "ada"
    assert refused(forge(HEADER | {"typ": "JWT"}, CLAIMS)) is WrongType
    assert refused(forge(HEADER | {"typ": "logout+jwt"}, CLAIMS)) is WrongType


def test_the_issuer_is_compared_as_a_plain_string() -> None:
    """RFC 9068, section 4; RFC 8725, section 3.8."""
    assert refused(forge(HEADER, CLAIMS | {"iss": f"{ISSUER}/"})) is WrongIssuer


def test_keys_belong_to_an_issuer() -> None:
    """RFC 8725, section 3.8."""
    other = TokenVerifier("https://another.example", RESOURCE, KeySet([KEYS["ES256"]]))
    both = TrustedIssuers((VERIFIER, other))

    assert both.verify(forge(HEADER, CLAIMS), now=NOW).issuer == ISSUER
    with pytest.raises(InvalidToken):
        both.verify(forge({"alg": "ES256", "typ": "at+jwt"}, CLAIMS, SIGNERS["ES256"]), now=NOW)


def test_the_audience_names_this_server_exactly_alone_or_among_others() -> None:
    """RFC 9068, section 4; RFC 8725, section 3.9; MCP 2026-07-28, token handling."""
    assert VERIFIER.verify(forge(HEADER, CLAIMS | {"aud": ["https://a", RESOURCE]}), now=NOW).subject == "ada"
    assert refused(forge(HEADER, CLAIMS | {"aud": ["https://a", f"{RESOURCE}/"]})) is WrongAudience


def test_a_token_without_audience_is_refused() -> None:
    """RFC 8725, section 3.9; MCP 2026-07-28, token handling."""
    assert refused(forge(HEADER, without("aud"))) is MissingClaim


def test_a_token_ends_and_says_when() -> None:
    """RFC 9068, sections 2.2 and 4."""
    assert refused(forge(HEADER, without("exp"))) is MissingClaim
    assert refused(forge(HEADER, CLAIMS), now=NOW + 3630) is TokenExpired


def test_a_token_of_the_future_is_refused() -> None:
    """RFC 7519, sections 4.1.5 and 4.1.6."""
    assert refused(forge(HEADER, CLAIMS | {"nbf": NOW + 60})) is TokenNotYetValid
    assert refused(forge(HEADER, CLAIMS | {"iat": NOW + 60})) is TokenNotYetValid


@pytest.mark.parametrize("odd", [str(NOW), -1, 1e18, True])
def test_a_date_is_a_number_of_seconds_within_the_calendar(odd: object) -> None:
    """RFC 7519, section 2."""
    assert refused(forge(HEADER, CLAIMS | {"exp": odd})) is InvalidClaim
    assert refused(forge(HEADER, json.dumps(CLAIMS | {"exp": float("nan")}))) is MalformedToken


@pytest.mark.parametrize("claim", ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])
def test_what_is_required_is_there_and_not_empty(claim: str) -> None:
    """RFC 9068, section 2.2."""
    assert refusal(forge(HEADER, without(claim))) == (MissingClaim, {"claim": claim})
    assert refusal(forge(HEADER, CLAIMS | {claim: ""})) == (MissingClaim, {"claim": claim})


def test_scopes_are_words_with_one_space_between_two_and_match_as_a_whole() -> None:
    """RFC 9068, section 2.2.3; RFC 6749, section 3.3."""
    claims = VERIFIER.verify(forge(HEADER, CLAIMS | {"scope": "files:readonly Files:Read"}), now=NOW)

    assert missing(claims.scopes, ["files:read", "files:readonly"]) == ("files:read",)
    assert refused(forge(HEADER, CLAIMS | {"scope": ["files:read"]})) is InvalidClaim


def test_a_hierarchy_of_scopes_is_written_in_their_names() -> None:
    """MCP 2026-07-28, step-up authorization."""
    assert implies("mcp:tools", "mcp:tools:read")
    assert not implies("mcp:tools:read", "mcp:tools")


def test_compressed_encrypted_and_json_serialized_tokens_are_refused() -> None:
    """RFC 8725, section 3.6; RFC 7516, section 9; RFC 7515, section 7.2."""
    compressed, encrypted = forge(HEADER | {"zip": "DEF"}, CLAIMS), "e30.e30.e30.e30.e30"
    protected, payload, signature = forge(HEADER, CLAIMS).split(".")
    serialized = json.dumps({"protected": protected, "payload": payload, "signature": signature})

    assert [refused(token) for token in (compressed, encrypted, serialized)] == [MalformedToken] * 3


def test_a_token_is_short_utf8_and_has_no_member_twice() -> None:
    """RFC 7515, section 4; RFC 7519, section 4; RFC 8725, section 3.7; our choice of a bound."""
    too_long = forge(HEADER, CLAIMS | {"own": "x" * 8192})
    twice = forge(HEADER, json.dumps(CLAIMS).replace("{", '{"sub": "eve", '))
    not_utf8 = forge(HEADER, json.dumps(CLAIMS).encode("utf-16"))

    assert [refused(token) for token in (too_long, twice, not_utf8)] == [MalformedToken] * 3


@fuzz
@given(st.text())
def test_whatever_comes_the_verifier_says_no_in_its_own_words(text: str) -> None:
    """Our choice: fail closed. A server has one refusal to answer for, `InvalidToken`, and no other."""
    with pytest.raises(InvalidToken):
        VERIFIER.verify(text, now=NOW)


def test_a_published_private_key_raises_the_alarm_and_use_key_ops_and_alg_are_respected() -> None:
    """RFC 7517, sections 4.2, 4.3, 4.4 and 9.2."""
    public = {name: value for name, value in P256.items() if name != "d"}

    with pytest.raises(InvalidKey):
        KeySet.from_jwks({"keys": [public, P256 | {"kid": "leaked"}]})
    for other in ({"use": "enc"}, {"key_ops": ["deriveKey"]}, {"alg": "ECDH-ES"}):
        with pytest.raises(InvalidKey):
            VerifyingKey.from_jwk(public | other)


def test_verified_claims_do_not_outlive_their_token() -> None:
    """RFC 7519, section 4.1.4, for whoever keeps what was verified."""
    claims = VERIFIER.verify(forge(HEADER, CLAIMS), now=NOW)

    with pytest.raises(TokenExpired):
        replace(VERIFIER, leeway=0).check_time(claims, now=NOW + 3600)


def test_no_secret_and_no_part_of_a_token_is_ever_printed() -> None:
    """RFC 6750, section 5.3."""
    token = forge(HEADER, CLAIMS | {"aud": "https://another.example/secret-path"})

    with pytest.raises(WrongAudience) as caught:
        VERIFIER.verify(token, now=NOW)

    assert str(caught.value) == f"the token's aud does not name {RESOURCE}"
    assert repr(VERIFIER.keys) == f"KeySet(keys=(SigningKey(kid='{KEYS['HS256'].kid}', algorithm='HS256'),))"
