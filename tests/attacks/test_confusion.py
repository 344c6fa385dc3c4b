"""The public key of a pair, used as the shared secret of HS256 (CVE-2015-9235, CVE-2016-10555, CVE-2022-29217)."""

import hmac
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mcp_auth_ref.core.errors import BadSignature, UnsupportedAlgorithm
from mcp_auth_ref.core.keys import KeySet
from mcp_auth_ref.core.tokens import TokenVerifier
from tests.tokens import CLAIMS, ISSUER, KEYS, RESOURCE, SIGNERS, VERIFIERS, forge, refusal

PAIRS = ["RS256", "ES256", "EdDSA"]


def public_forms(algorithm: str) -> dict[str, bytes]:
    """Return every form in which a public key is published or stored."""
    private = KEYS[algorithm].private
    assert not isinstance(private, bytes)
    public = private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forms = {
        "PEM": pem,
        "PEM without its last line break": pem.rstrip(),
        "PEM with line breaks of Windows": pem.replace(b"\n", b"\r\n"),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "OpenSSH": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "JWK": json.dumps(KEYS[algorithm].public_jwk()).encode(),
        "JWK, compact": json.dumps(KEYS[algorithm].public_jwk(), separators=(",", ":")).encode(),
        "JWK Set": json.dumps(KeySet([KEYS[algorithm]]).jwks()).encode(),
        "kid": KEYS[algorithm].kid.encode(),
        "nothing": b"",
    }
    if algorithm == "EdDSA":
        forms["raw"] = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return forms


CONFUSIONS = [
    pytest.param(algorithm, secret, id=f"{algorithm}, {form}")
    for algorithm in PAIRS
    for form, secret in public_forms(algorithm).items()
]


@pytest.mark.parametrize(("algorithm", "secret"), CONFUSIONS)
@pytest.mark.parametrize("kid", [True, False], ids=["with kid", "without"])
def test_a_public_key_is_no_shared_secret(algorithm: str, secret: bytes, *, kid: bool) -> None:
    """RFC 8725, section 3.1: the algorithm belongs to the key, not to the token."""
    header = {"alg": "HS256", "typ": "at+jwt"} | ({"kid": KEYS[algorithm].kid} if kid else {})
    token = forge(header, CLAIMS, sign=lambda message: hmac.digest(secret, message, "sha256"))

    assert refusal(token, VERIFIERS[algorithm]) == (UnsupportedAlgorithm, {"expected": (algorithm,)})


@pytest.mark.parametrize(("algorithm", "secret"), CONFUSIONS)
def test_a_public_key_beside_a_shared_secret_is_still_none(algorithm: str, secret: bytes) -> None:
    """RFC 8725, section 3.1: in a set of several algorithms each key keeps its own."""
    verifier = TokenVerifier(ISSUER, RESOURCE, KeySet([KEYS["HS256"], KEYS[algorithm]]))

    def sign(message: bytes) -> bytes:
        return hmac.digest(secret, message, "sha256")

    by_name = forge({"alg": "HS256", "typ": "at+jwt", "kid": KEYS[algorithm].kid}, CLAIMS, sign)
    nameless = forge({"alg": "HS256", "typ": "at+jwt"}, CLAIMS, sign)

    assert refusal(by_name, verifier) == (UnsupportedAlgorithm, {"expected": tuple(sorted(["HS256", algorithm]))})
    assert refusal(nameless, verifier) == (BadSignature, {})


@pytest.mark.parametrize("of_the_token", SIGNERS)
@pytest.mark.parametrize("of_the_key", SIGNERS)
def test_a_signature_of_one_algorithm_is_none_of_another(of_the_token: str, of_the_key: str) -> None:
    """RFC 8725, section 3.1: neither by its own name nor by that of the verifier's key."""
    if of_the_token == of_the_key:
        return

    sign = SIGNERS[of_the_token]
    named = forge({"alg": of_the_token, "typ": "at+jwt"}, CLAIMS, sign)
    disguised = forge({"alg": of_the_key, "typ": "at+jwt"}, CLAIMS, sign)

    assert refusal(named, VERIFIERS[of_the_key]) == (UnsupportedAlgorithm, {"expected": (of_the_key,)})
    assert refusal(disguised, VERIFIERS[of_the_key]) == (BadSignature, {})
