"""A token that says of itself that nobody signed it (CVE-2015-9235 and many after it)."""

import itertools

import pytest

from mcp_auth_ref.core.errors import MalformedToken, UnsupportedAlgorithm
from tests.tokens import CLAIMS, SIGNERS, VERIFIERS, forge, hs256, refusal

SPELLINGS = ["".join(letters) for letters in itertools.product("nN", "oO", "nN", "eE")]


@pytest.mark.parametrize("algorithm", VERIFIERS)
@pytest.mark.parametrize("none", [*SPELLINGS, "none ", "n\u03bfne", "null", "None\x00"])
def test_none_is_no_algorithm_however_it_is_spelled(none: str, algorithm: str) -> None:
    """RFC 8725, section 3.1. One of them is spelled with a Greek letter."""
    token = forge({"alg": none, "typ": "at+jwt"}, CLAIMS, SIGNERS[algorithm])

    assert refusal(token, VERIFIERS[algorithm]) == (UnsupportedAlgorithm, {"expected": (algorithm,)})


@pytest.mark.parametrize("algorithm", VERIFIERS)
@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS256", "ES256", "EdDSA"])
def test_a_token_without_signature_is_refused(alg: str, algorithm: str) -> None:
    """RFC 7515, appendix A.5, is the token that must not get in."""
    token = forge({"alg": alg, "typ": "at+jwt"}, CLAIMS, sign=lambda _: b"")

    problem = "its signature is cut off, empty or not canonical base64url"
    assert refusal(token, VERIFIERS[algorithm]) == (MalformedToken, {"problem": problem})


@pytest.mark.parametrize("alg", ["hs256", "Hs256", "HS256 ", " HS256", "HS256\n", "HS384", "HS512", "SHA256", "*"])
def test_an_algorithm_is_named_exactly_or_not_at_all(alg: str) -> None:
    """RFC 7515, section 4.1.1: case-sensitive."""
    token = forge({"alg": alg, "typ": "at+jwt"}, CLAIMS, hs256)

    assert refusal(token) == (UnsupportedAlgorithm, {"expected": ("HS256",)})


@pytest.mark.parametrize("alg", [None, True, 0, [], ["HS256"], {"HS256": 1}, ""])
def test_an_algorithm_is_a_string(alg: object) -> None:
    """RFC 7515, section 4.1.1."""
    token = forge({"alg": alg, "typ": "at+jwt"}, CLAIMS, hs256)

    problem = "the alg of its header is not a string with something in it"
    assert refusal(token) == (MalformedToken, {"problem": problem})
