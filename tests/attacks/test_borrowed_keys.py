"""A token that brings its own key, or says where to fetch one (CVE-2018-0114)."""

import base64
import datetime
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from mcp_auth_ref.core.errors import BadSignature, MalformedToken
from mcp_auth_ref.core.keys import SigningKey
from tests.tokens import CLAIMS, KEYS, VERIFIERS, base64url, forge, refusal

ATTACKER = Ed25519PrivateKey.generate()
ATTACKERS_JWK = SigningKey.from_private_key(ATTACKER).public_jwk()


def attackers_certificate() -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "login.example")])
    day = datetime.datetime(2026, 11, 18, tzinfo=datetime.UTC)
    certificate = x509.CertificateBuilder(name, name, ATTACKER.public_key(), 1, day, day + datetime.timedelta(days=90))
    return base64.b64encode(certificate.sign(ATTACKER, None).public_bytes(Encoding.DER)).decode()


@pytest.mark.parametrize(
    ("lure", "problem"),
    [
        ({"jwk": ATTACKERS_JWK}, "its header brings a key of its own (jwk)"),
        ({"jwk": {"kty": "oct", "k": base64url(b"")}}, "its header brings a key of its own (jwk)"),
        ({"jwk": json.dumps(ATTACKERS_JWK)}, "its header brings a key of its own (jwk)"),
        ({"jku": "https://attacker.example/jwks.json"}, "its header says where to fetch a key (jku)"),
        ({"jku": "http://127.0.0.1:8765/.well-known/jwks.json"}, "its header says where to fetch a key (jku)"),
        ({"jku": "file:///dev/null"}, "its header says where to fetch a key (jku)"),
        ({"x5c": [attackers_certificate()]}, "its header brings a certificate of its own (x5c)"),
        ({"x5u": "https://attacker.example/chain.pem"}, "its header says where to fetch a certificate (x5u)"),
    ],
    ids=["jwk", "empty secret", "jwk as text", "jku", "our own jku", "a file", "x5c", "x5u"],
)
@pytest.mark.parametrize("kid", [None, KEYS["EdDSA"].kid, "attacker"])
def test_a_key_that_comes_with_the_token_is_refused_unseen(lure: dict[str, Any], problem: str, kid: str | None) -> None:
    """RFC 8725, section 3.10; RFC 7515, sections 4.1.2, 4.1.3, 4.1.5 and 4.1.6."""
    header = {"alg": "EdDSA", "typ": "at+jwt"} | lure | ({"kid": kid} if kid else {})
    token = forge(header, CLAIMS, sign=ATTACKER.sign)

    assert refusal(token, VERIFIERS["EdDSA"]) == (MalformedToken, {"problem": problem})


@pytest.mark.parametrize("member", ["x5t", "x5t#S256"])
def test_the_name_of_a_certificate_changes_nothing(member: str) -> None:
    """RFC 7515, sections 4.1.7 and 4.1.8: a digest selects among certificates, and there are none."""
    token = forge({"alg": "EdDSA", "typ": "at+jwt", member: base64url(b"x" * 32)}, CLAIMS, sign=ATTACKER.sign)

    assert refusal(token, VERIFIERS["EdDSA"]) == (BadSignature, {})
