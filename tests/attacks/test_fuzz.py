"""Whatever goes in, claims or a documented refusal come out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.core import errors
from mcp_auth_ref.core.errors import InvalidToken, RefusedClaims
from mcp_auth_ref.core.keys import KeySet
from mcp_auth_ref.core.tokens import Claims, TokenVerifier, TrustedIssuers
from tests.fuzz import fuzz, json_values, near_miss_tokens
from tests.tokens import ISSUER, KEYS, NOW, RESOURCE, VERIFIERS, forge, segment

EVERYTHING = TokenVerifier(ISSUER, RESOURCE, KeySet(KEYS.values()), max_age=600)
DOCUMENTED = {
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, InvalidToken) and kind not in (InvalidToken, RefusedClaims)
}


def outcome(token: str) -> Claims | InvalidToken:
    """Verify with one issuer and with a list of them, which must agree; anything but these two outcomes breaks out."""
    try:
        claims = EVERYTHING.verify(token, now=NOW)
    except InvalidToken as refusal:
        with pytest.raises(InvalidToken):
            TrustedIssuers((EVERYTHING,)).verify(token, now=NOW)
        return refusal
    assert TrustedIssuers((EVERYTHING,)).verify(token, now=NOW) == claims
    return claims


@fuzz
@given(st.text() | st.text(st.sampled_from("eyJhbGciOiJub25lIn0._-= ")))
def test_any_text_is_refused(text: str) -> None:
    """Our choice: nobody else's text is a token of ours, and nothing but `InvalidToken` says so."""
    assert type(outcome(text)) in DOCUMENTED


@fuzz
@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=80))
def test_any_bytes_in_the_form_of_a_token_are_refused(header: bytes, payload: bytes, signature: bytes) -> None:
    """RFC 7515, section 5.2."""
    assert type(outcome(forge(header, payload, sign=lambda _: signature))) in DOCUMENTED


@fuzz
@given(json_values, json_values, st.binary(max_size=80))
def test_any_json_in_the_form_of_a_token_is_refused(header: object, payload: object, signature: bytes) -> None:
    """RFC 7515, section 5.2."""
    assert type(outcome(forge(segment(header), payload, sign=lambda _: signature))) in DOCUMENTED


@fuzz
@given(st.data(), st.sampled_from(sorted(KEYS)))
def test_an_almost_honest_token_is_accepted_for_what_it_is_or_refused(data: st.DataObject, algorithm: str) -> None:
    """RFC 9068, section 4: here everything is signed with the right key, so each rule stands alone."""
    result = outcome(data.draw(near_miss_tokens(algorithm)))

    if isinstance(result, Claims):
        assert (result.issuer, RESOURCE in result.audience) == (ISSUER, True)
        assert all([result.subject, result.client_id, result.token_id])
        assert result.issued_at - 30 <= NOW < result.expires_at + 30
        assert result.payload.get("nbf", 0) - 30 <= NOW <= result.issued_at + 630
    else:
        assert type(result) in DOCUMENTED


@fuzz
@given(st.data(), st.sampled_from(sorted(KEYS)))
def test_no_refusal_repeats_what_stands_in_the_token(data: st.DataObject, algorithm: str) -> None:
    """RFC 6750, section 5.3, and our choice: an error may be printed anywhere."""
    token = data.draw(near_miss_tokens(algorithm))
    try:
        VERIFIERS[algorithm].verify(token, now=NOW)
    except InvalidToken as refusal:
        shown = f"{refusal} {refusal!r} {vars(refusal)}"
        parts = [part[place : place + 12] for part in token.split(".") for place in range(0, len(part) - 11, 12)]
        assert [part for part in parts if part in shown] == []


MARKED = "NEVER-TO-BE-SEEN"


@pytest.mark.parametrize("name", ["alg", "typ", "kid", "crit", "jku", "own"])
def test_no_refusal_repeats_a_member_of_the_header(name: str) -> None:
    """Our choice."""
    _assert_unseen(forge({"alg": "HS256", "typ": "JWT"} | {name: MARKED}, {MARKED: MARKED}))


@pytest.mark.parametrize(
    "name", ["iss", "sub", "aud", "client_id", "jti", "iat", "exp", "nbf", "scope", "username", "own"]
)
@pytest.mark.parametrize("odd", [MARKED, f" {MARKED} ", [MARKED], {MARKED: MARKED}], ids=repr)
def test_no_refusal_repeats_a_claim(name: str, odd: object) -> None:
    """RFC 6750, section 5.3, and our choice. Numbers of seconds are said: they are dates, not secrets."""
    _assert_unseen(forge({"alg": "HS256", "typ": "at+jwt"}, {"iss": ISSUER, "aud": RESOURCE, name: odd}))


def _assert_unseen(token: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        VERIFIERS["HS256"].verify(token, now=NOW)
    assert MARKED not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
