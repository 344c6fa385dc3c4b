"""A rightly signed token that leaves out what it must say, or says it in another form."""

import pytest

from mcp_auth_ref.core.errors import InvalidClaim, MissingClaim
from mcp_auth_ref.core.tokens import REQUIRED_CLAIMS
from tests.tokens import CLAIMS, HEADER, forge, refusal, without

STRINGS = ["iss", "sub", "client_id", "jti"]
SCOPE_LIST = "a list of scope words with one space between two"


@pytest.mark.parametrize("claim", REQUIRED_CLAIMS)
def test_a_required_claim_is_there(claim: str) -> None:
    """RFC 9068, section 2.2."""
    assert refusal(forge(HEADER, without(claim))) == (MissingClaim, {"claim": claim})


@pytest.mark.parametrize("claim", REQUIRED_CLAIMS)
@pytest.mark.parametrize("nothing", ["", None, []], ids=repr)
def test_a_claim_with_nothing_in_it_is_missing(claim: str, nothing: object) -> None:
    """RFC 9068, section 2.2, and our choice: an empty name names nobody."""
    assert refusal(forge(HEADER, CLAIMS | {claim: nothing})) == (MissingClaim, {"claim": claim})


@pytest.mark.parametrize("claim", STRINGS)
@pytest.mark.parametrize("odd", [7, 0, True, False, 1.5, ["ada"], {"sub": "ada"}, {}], ids=repr)
def test_a_name_is_a_string(claim: str, odd: object) -> None:
    """RFC 7519, sections 4.1.1, 4.1.2 and 4.1.7; RFC 8693, section 4.3."""
    assert refusal(forge(HEADER, CLAIMS | {claim: odd})) == (InvalidClaim, {"claim": claim, "expected": "a string"})


@pytest.mark.parametrize("claim", ["scope", "username", "role"])
@pytest.mark.parametrize("odd", [None, 7, True, ["mcp:tools:read"], {"mcp:tools:read": True}], ids=repr)
def test_an_optional_claim_that_is_there_is_a_string(claim: str, odd: object) -> None:
    """RFC 9068, section 2.2.3, and RFC 8693, section 4.2: `scope` is no list."""
    assert refusal(forge(HEADER, CLAIMS | {claim: odd})) == (InvalidClaim, {"claim": claim, "expected": "a string"})


@pytest.mark.parametrize(
    "scope", [" ", " a", "a ", "a  b", "a\tb", "a\nb", 'a"b', "a\\b", "a\u00a0b", "é", "a\x00", "a\x7f"], ids=repr
)
def test_a_scope_list_has_one_form(scope: str) -> None:
    """RFC 6749, section 3.3: a lax splitter finds words here that the issuer did not write."""
    token = forge(HEADER, CLAIMS | {"scope": scope})

    assert refusal(token) == (InvalidClaim, {"claim": "scope", "expected": SCOPE_LIST})


@pytest.mark.parametrize("claim", ["Sub", "SUB", "sub ", " sub", "sub\x00", "ѕub"])  # noqa: RUF001 - a Cyrillic letter
def test_a_claim_is_named_exactly(claim: str) -> None:
    """RFC 7519, section 10.1.1: names are case-sensitive."""
    assert refusal(forge(HEADER, without("sub") | {claim: "ada"})) == (MissingClaim, {"claim": "sub"})
