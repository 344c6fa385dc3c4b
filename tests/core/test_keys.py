import json
import os
import secrets
from contextlib import suppress
from dataclasses import replace
from math import prod
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.core.errors import InvalidKey, UnknownKey, UnsupportedAlgorithm
from mcp_auth_ref.core.keys import KeySet, SigningKey, VerifyingKey
from tests.fuzz import fuzz, json_values
from tests.tokens import KEYS, NOW, SECRET, SIGNERS
from tests.vectors import document

PAIRS = {name: key for name, key in KEYS.items() if name != "HS256"}
EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", KEYS)
EVERY_PAIR = pytest.mark.parametrize("algorithm", PAIRS)
P256 = document("rfc7515.json")[2]["key"]
P256_PUBLIC = {name: value for name, value in P256.items() if name != "d"}


def public_bytes(key: SigningKey, encoding: Encoding) -> bytes:
    assert not isinstance(key.private, bytes)
    return key.private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def public_pem(key: SigningKey) -> bytes:
    return public_bytes(key, Encoding.PEM)


def problem(caught: pytest.ExceptionInfo[InvalidKey]) -> str:
    return caught.value.problem


@EVERY_ALGORITHM
def test_a_key_verifies_what_it_signed_and_nothing_else(algorithm: str) -> None:
    """RFC 7515, section 5.2."""
    key, signature = KEYS[algorithm], SIGNERS[algorithm](b"message")

    assert key.verify(b"message", signature) is True
    assert key.verify(b"another message", signature) is False
    assert [other.verify(b"message", signature) for name, other in KEYS.items() if name != algorithm] == [False] * 3


@EVERY_ALGORITHM
def test_a_key_is_bound_to_the_one_algorithm_of_its_kind(algorithm: str) -> None:
    """RFC 8725, section 3.1: the algorithm belongs to the key."""
    assert KEYS[algorithm].algorithm == algorithm


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (b"", "it is empty or an encoded key, not a shared secret"),
        (b"s", "the secret has 1 bytes; HS256 needs at least 32"),
        (b"s" * 31, "the secret has 31 bytes; HS256 needs at least 32"),
    ],
    ids=["empty", "1 byte", "31 bytes"],
)
def test_a_short_secret_is_refused(secret: bytes, said: str) -> None:
    """RFC 7518, section 3.2: a key of at least the size of the hash, 256 bits."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_secret(secret)

    assert problem(caught) == said


PLACEHOLDER = "the secret is a placeholder: the words of an example and next to nothing else"


def test_a_secret_of_32_bytes_is_enough() -> None:
    """RFC 7518, section 3.2."""
    assert SigningKey.from_secret(SECRET[:32]).material == SECRET[:32]


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (b"s" * 32, "the secret is made of 1 different bytes; a random one has many more"),
        (b"01" * 16, "the secret is made of 2 different bytes; a random one has many more"),
        (b"changeme" * 4, "the secret is a piece of 8 bytes over and over"),
        (b"0123456789abcdef0123456789abcdef", "the secret is a piece of 16 bytes over and over"),
        (
            b"correct-horse-battery-staple-correct-horse-battery-staple-co",
            "the secret is a piece of 29 bytes over and over",
        ),
        (b"a-string-secret-at-least-256-bits-long", PLACEHOLDER),
        (b"your-super-secret-jwt-key-change-this-in-production", PLACEHOLDER),
        (b"changeme-changeme-please-changeme-1", PLACEHOLDER),
        (b"secret0000000000000000000000000000", PLACEHOLDER),
    ],
    ids=range(9),
)
def test_a_secret_that_can_be_guessed_is_refused_with_the_reason(secret: bytes, said: str) -> None:
    """RFC 8725, section 3.5: no key from a human's head, whatever its length."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_secret(secret)

    assert problem(caught) == said


def test_a_piece_of_32_bytes_may_come_twice() -> None:
    """Our choice: the piece alone would be enough."""
    assert SigningKey.from_secret(SECRET[:32] * 2).material == SECRET[:32] * 2


def test_no_random_secret_is_refused() -> None:
    """Our choice: a rule that refused honest secrets would teach people to get around it."""
    for _ in range(500):
        for secret in (os.urandom(32), secrets.token_hex(16).encode(), secrets.token_urlsafe(32).encode()):
            assert SigningKey.from_secret(secret).material == secret


def test_a_key_that_does_not_sign_yet_verifies_and_leaves_signing_to_the_one_before() -> None:
    """Our choice: publish, wait, sign."""
    old, new = SigningKey.from_secret(SECRET, kid="old"), SigningKey.from_secret(SECRET, kid="new")
    keys = KeySet([old, replace(new, signs_from=NOW)])

    assert [keys.signing_key_at(now).kid for now in (0, NOW - 1, NOW, NOW + 1)] == ["old", "old", "new", "new"]
    assert keys.signing_key.kid == "new"
    assert keys.candidates(algorithm="HS256", kid="new") == (new,)
    assert old.signs_from == 0


def test_a_set_of_keys_that_all_wait_signs_nothing() -> None:
    """Our choice: early is as wrong as late."""
    with pytest.raises(InvalidKey) as caught:
        KeySet([replace(KEYS["ES256"], signs_from=NOW)]).signing_key_at(NOW - 1)

    assert problem(caught) == "none of the keys signs yet"


def test_the_nbf_of_a_private_jwk_is_when_it_begins_to_sign() -> None:
    """Our choice, with the word that OpenID Federation 1.0 has for it."""
    assert SigningKey.from_jwk({**P256, "nbf": NOW}).signs_from == NOW
    assert SigningKey.from_jwk(P256).signs_from == 0


@pytest.mark.parametrize("nbf", [-1, True, "1795000000", None, float("nan"), float("inf"), [NOW]])
def test_an_nbf_that_is_no_moment_is_refused(nbf: object) -> None:
    """Our choice: a key that signs at an unknown time is none."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_jwk({**P256, "nbf": nbf})

    assert problem(caught) == "the nbf of the JWK is not a number of seconds since 1970"


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(public_pem(KEYS["RS256"]), id="public PEM"),
        pytest.param(public_pem(KEYS["ES256"]).strip(), id="public PEM, stripped"),
        pytest.param(PAIRS["EdDSA"].to_pem(), id="private PEM"),
        pytest.param(public_bytes(KEYS["RS256"], Encoding.DER), id="public DER"),
        pytest.param(b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== ada@example", id="OpenSSH"),
        pytest.param(json.dumps(P256_PUBLIC).encode(), id="JWK"),
        pytest.param(json.dumps({"keys": [P256_PUBLIC]}).encode(), id="JWK Set"),
    ],
)
def test_an_encoded_key_is_no_shared_secret(encoded: bytes) -> None:
    """RFC 8725, section 3.1: what may be public can never be the secret of HS256."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_secret(encoded)

    assert problem(caught) == "it is empty or an encoded key, not a shared secret"


def test_the_kid_of_a_secret_tells_secrets_apart_and_keeps_them() -> None:
    """Our choice: two machines can compare kids to find out whether they hold the same secret."""
    one, same, other = (SigningKey.from_secret(secret) for secret in (SECRET, SECRET, SECRET + b"!"))

    assert one.kid == same.kid != other.kid
    assert len(one.kid) == 12
    assert SigningKey.from_secret(SECRET, kid="mine").kid == "mine"


@pytest.mark.parametrize("example", document("thumbprints.json"), ids=lambda example: example["source"])
def test_the_kid_of_a_public_key_is_its_thumbprint(example: dict[str, Any]) -> None:
    """RFC 7638, section 3, with the examples of its section 3.1 and of RFC 8037, appendix A.3."""
    anonymous = {name: value for name, value in example["jwk"].items() if name != "kid"}

    assert VerifyingKey.from_jwk(anonymous).kid == example["thumbprint"]


@EVERY_PAIR
def test_both_halves_of_a_pair_have_one_kid(algorithm: str) -> None:
    """Our choice: the token names the key that the published set publishes."""
    assert VerifyingKey.from_pem(public_pem(PAIRS[algorithm])).kid == PAIRS[algorithm].kid


@EVERY_PAIR
def test_a_private_key_survives_the_way_through_pem(algorithm: str) -> None:
    """RFC 5208: PKCS #8, the form every tool reads."""
    pem = PAIRS[algorithm].to_pem()

    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert SigningKey.from_pem(pem) == PAIRS[algorithm]
    assert SigningKey.from_pem(pem, kid="mine").kid == "mine"


def test_a_shared_secret_has_no_pem_form() -> None:
    """RFC 7468 knows none."""
    with pytest.raises(InvalidKey) as caught:
        KEYS["HS256"].to_pem()

    assert problem(caught) == "a shared secret has no PEM form"


@EVERY_PAIR
def test_a_public_key_survives_the_way_through_a_jwk(algorithm: str) -> None:
    """RFC 7517, section 4: what one server publishes another reads."""
    jwk = PAIRS[algorithm].public_jwk()

    assert jwk is not None
    assert VerifyingKey.from_jwk(jwk) == VerifyingKey.from_pem(public_pem(PAIRS[algorithm]))


def test_a_public_jwk_says_this_and_no_more() -> None:
    """RFC 7517, sections 4.2, 4.4 and 4.5, and RFC 7518, section 6.2.1."""
    key = SigningKey.from_jwk({**P256, "kid": "2026"})

    assert key.public_jwk() == {**P256_PUBLIC, "kid": "2026", "alg": "ES256", "use": "sig"}
    assert KEYS["HS256"].public_jwk() is None


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        (b"", "it is not a PEM-encoded private key without passphrase"),
        (b"no key", "it is not a PEM-encoded private key without passphrase"),
        (public_pem(KEYS["ES256"]), "it is not a PEM-encoded private key without passphrase"),
        (
            Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
            ),
            "it is not a PEM-encoded private key without passphrase",
        ),
        (
            Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "it is not an RSA, P-256 or Ed25519 private key",
        ),
    ],
    ids=["empty", "text", "public", "encrypted", "Ed448"],
)
def test_a_pem_that_is_no_private_key_of_ours_is_refused(pem: bytes, said: str) -> None:
    """RFC 8725, section 3.2, and our choice of three kinds of pairs."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_pem(pem)

    assert problem(caught) == said


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        (b"", "it is not a PEM-encoded public key"),
        (b"no key", "it is not a PEM-encoded public key"),
        (PAIRS["RS256"].to_pem(), "it is a private key where a public one belongs"),
        (
            Ed448PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "it is not an RSA, P-256 or Ed25519 public key",
        ),
    ],
    ids=["empty", "text", "private", "Ed448"],
)
def test_a_pem_that_is_no_public_key_of_ours_is_refused(pem: bytes, said: str) -> None:
    """RFC 7517, section 9.2: a private key has no business among the public ones."""
    with pytest.raises(InvalidKey) as caught:
        VerifyingKey.from_pem(pem)

    assert problem(caught) == said


def test_a_small_rsa_key_is_refused() -> None:
    """RFC 7518, section 3.3: 2048 bits or more."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_private_key(generate_rsa(65537, 2047))

    assert problem(caught) == "the RSA key has 2047 bits; at least 2048 are needed"


def test_an_rsa_key_that_can_be_factored_is_refused() -> None:
    """CVE-2017-15361: the keys of one widespread generator are, modulo small primes, powers of 65537."""
    jwk = next(row["key"] for row in document("families.json") if "CVE-2017-15361" in row["comment"])

    with pytest.raises(InvalidKey) as caught:
        VerifyingKey.from_jwk(jwk)

    assert problem(caught) == "the RSA key was made by a generator whose keys can be factored (CVE-2017-15361)"


MARKED_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)


@pytest.mark.parametrize("clean", MARKED_PRIMES)
def test_an_rsa_key_is_not_taken_for_one_of_those_where_one_prime_lacks_the_mark(clean: int) -> None:
    """CVE-2017-15361: 1 is a power of 65537 modulo each of these primes; modulo one of them, this key is no power."""
    powers = {pow(65537, exponent, clean) for exponent in range(clean)}
    no_power = next(residue for residue in range(2, clean) if residue not in powers)
    others = 2 * prod(MARKED_PRIMES) // clean
    modulus = 1 + others * ((no_power - 1) * pow(others, -1, clean) % clean)
    modulus += others * clean * (2**2047 // (others * clean) + 1)

    assert modulus % clean == no_power
    assert {modulus % prime for prime in MARKED_PRIMES if prime != clean} == {1}
    assert VerifyingKey.from_public_key(RSAPublicNumbers(65537, modulus).public_key()).algorithm == "RS256"


def test_another_curve_than_p256_is_refused() -> None:
    """RFC 7518, section 3.4: ES256 is P-256."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_private_key(generate_ec(SECP384R1()))

    assert problem(caught) == "the curve is secp384r1; ES256 needs P-256"


@pytest.mark.parametrize("not_a_key", [None, "text", b"bytes", SECRET, PAIRS["ES256"].material])
def test_what_is_no_private_key_is_refused(not_a_key: object) -> None:
    """Our choice: nothing is guessed from what is handed in."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_private_key(not_a_key)

    assert problem(caught) == "it is not an RSA, P-256 or Ed25519 private key"


@pytest.mark.parametrize("not_a_key", [None, "text", b"bytes", SECRET, generate_ec(SECP256R1())])
def test_what_is_no_public_key_is_refused(not_a_key: object) -> None:
    """Our choice: a private key is not quietly taken for its public half."""
    with pytest.raises(InvalidKey) as caught:
        VerifyingKey.from_public_key(not_a_key)

    assert problem(caught) == "it is not an RSA, P-256 or Ed25519 public key"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"use": "enc"}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        ({"key_ops": ["sign"]}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        ({"key_ops": "verify"}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        ({"alg": "ES384"}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        ({"alg": "HS256"}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        ({"alg": None}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        ({"crv": "P-384"}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        ({"kty": "RSA"}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        ({"kty": []}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        ({"kid": ""}, "the kid of the JWK is not a string with something in it"),
        ({"kid": 7}, "the kid of the JWK is not a string with something in it"),
        ({"x": "AA"}, "the JWK cannot be read"),
        ({"x": 7}, "the JWK cannot be read"),
        ({"x": P256["y"], "y": P256["x"]}, "the JWK cannot be read"),
        ({"d": P256["d"]}, "it is a private or shared key where a public one belongs"),
        ({"d": None}, "it is a private or shared key where a public one belongs"),
    ],
    ids=str,
)
def test_a_jwk_that_cannot_check_signatures_is_refused(change: dict[str, Any], said: str) -> None:
    """RFC 7517, sections 4.2 to 4.5: a JWK says what it is for; RFC 8725, section 3.4: points are checked."""
    with pytest.raises(InvalidKey) as caught:
        VerifyingKey.from_jwk({**P256_PUBLIC, **change})

    assert problem(caught) == said


@pytest.mark.parametrize(
    ("jwk", "said"),
    [
        (P256_PUBLIC, "it is not an RSA, P-256 or Ed25519 private key"),
        ({**P256, "key_ops": ["verify"]}, "the JWK is not meant to sign with HS256, RS256, ES256 or EdDSA"),
        ({**P256, "d": "AA"}, "the JWK cannot be read"),
        ({"kty": "oct"}, "the JWK cannot be read"),
        ({"kty": "oct", "k": "c2hvcnQ"}, "the secret has 5 bytes; HS256 needs at least 32"),
        (
            {"kty": "oct", "k": "c2hvcnQ", "alg": "A128KW"},
            "the JWK is not meant to sign with HS256, RS256, ES256 or EdDSA",
        ),
        ({}, "the JWK is not meant to sign with HS256, RS256, ES256 or EdDSA"),
    ],
    ids=["public", "key_ops", "d", "no k", "short k", "key wrap", "empty"],
)
def test_a_jwk_that_cannot_sign_is_refused(jwk: dict[str, Any], said: str) -> None:
    """RFC 7517, section 4.3, and RFC 7518, sections 3.2 and 6."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_jwk(jwk)

    assert problem(caught) == said


def test_the_key_sets_of_rfc_7517_are_read_as_they_are_meant() -> None:
    """RFC 7517, appendix A: one key of each pair of sets is for encryption, one for RS256 or HS256."""
    examples = document("rfc7517.json")
    private, shared = examples["A.2"]["keys"], examples["A.3"]["keys"]

    (published,) = KeySet.from_jwks(examples["A.1"]).keys
    assert (published.kid, published.algorithm) == ("2011-04-29", "RS256")
    assert SigningKey.from_jwk(private[1]).public_jwk() == {**examples["A.1"]["keys"][1], "use": "sig"}
    assert SigningKey.from_jwk(shared[1]).algorithm == "HS256"
    for jwk in (private[0], shared[0]):
        with pytest.raises(InvalidKey):
            SigningKey.from_jwk(jwk)


@pytest.mark.parametrize("example", ["A.2", "A.3"])
def test_a_key_set_that_publishes_private_or_shared_keys_is_refused_whole(example: str) -> None:
    """RFC 7517, section 9.2: whoever publishes these has lost them."""
    with pytest.raises(InvalidKey) as caught:
        KeySet.from_jwks(document("rfc7517.json")[example])

    assert problem(caught) == "the key set publishes a private or shared key"


def test_keys_that_cannot_be_used_are_left_aside() -> None:
    """RFC 7517, section 5: ignore keys of unknown kinds, with missing members or with values out of range."""
    usable = {**P256_PUBLIC, "kid": "good"}
    weak = next(row["key"] for row in document("families.json") if row["comment"] == "RS256, 1024 bits")
    others = [{"kty": "lattice"}, {"kty": "RSA"}, weak, {**usable, "crv": "P-521"}, {**usable, "use": "enc"}, {}]

    assert [key.kid for key in KeySet.from_jwks({"keys": [*others, usable]}).keys] == ["good"]


@pytest.mark.parametrize(
    ("published", "said"),
    [
        ({}, "a key set is a JSON object with a list of objects named keys"),
        ({"keys": {}}, "a key set is a JSON object with a list of objects named keys"),
        ({"keys": ["key"]}, "a key set is a JSON object with a list of objects named keys"),
        ({"keys": []}, "the key set has no RSA, P-256 or Ed25519 key for signatures"),
        ({"keys": [{"kty": "lattice"}]}, "the key set has no RSA, P-256 or Ed25519 key for signatures"),
        ({"keys": [P256_PUBLIC, P256_PUBLIC]}, "two keys of a set have one kid"),
    ],
    ids=str,
)
def test_a_document_that_is_no_key_set_is_refused(published: dict[str, Any], said: str) -> None:
    """RFC 7517, section 5, and our choice: a set that verifies nothing is a mistake, not a policy."""
    with pytest.raises(InvalidKey) as caught:
        KeySet.from_jwks(published)

    assert problem(caught) == said


def test_the_newest_key_that_can_sign_signs() -> None:
    """Our choice: rotation is a list, oldest to newest."""
    old, new = SigningKey.from_secret(SECRET, kid="old"), SigningKey.from_secret(SECRET, kid="new")
    somebody_elses = VerifyingKey.from_jwk(P256_PUBLIC)

    assert KeySet([old, new, somebody_elses]).signing_key is new


def test_a_set_without_a_private_key_cannot_sign() -> None:
    """Our choice: a verifier's set is no issuer's."""
    with pytest.raises(InvalidKey) as caught:
        _ = KeySet([VerifyingKey.from_jwk(P256_PUBLIC)]).signing_key

    assert problem(caught) == "none of the keys can sign"


def test_a_token_chooses_among_the_keys_of_its_algorithm_by_kid_and_newest_first_without() -> None:
    """RFC 7515, section 4.1.4: `kid` is a hint; RFC 8725, section 3.10: it only selects."""
    old, new = SigningKey.from_secret(SECRET, kid="old"), SigningKey.from_secret(SECRET, kid="new")
    pair = SigningKey.from_jwk({**P256, "kid": "pair"})
    keys = KeySet([old, pair, new])

    assert keys.candidates(algorithm="HS256", kid="old") == (old,)
    assert keys.candidates(algorithm="HS256", kid=None) == (new, old)
    assert keys.candidates(algorithm="ES256", kid=None) == (pair,)


def test_a_kid_that_is_not_in_the_set_is_unknown() -> None:
    """RFC 8725, section 3.10."""
    with pytest.raises(UnknownKey):
        KeySet([KEYS["HS256"]]).candidates(algorithm="HS256", kid="another")


@pytest.mark.parametrize(
    ("algorithm", "kid"), [("HS256", "pair"), ("HS256", None), ("none", "pair"), ("ES512", "other")]
)
def test_an_algorithm_that_no_key_is_bound_to_is_unsupported_whatever_the_kid(algorithm: str, kid: str | None) -> None:
    """RFC 8725, section 3.1."""
    keys = KeySet([SigningKey.from_jwk({**P256, "kid": "pair"})])

    with pytest.raises(UnsupportedAlgorithm) as caught:
        keys.candidates(algorithm=algorithm, kid=kid)

    assert caught.value.expected == ("ES256",)


def test_a_key_of_the_set_is_not_used_with_the_algorithm_of_another() -> None:
    """RFC 8725, section 3.1: a set may hold several algorithms, a key has one."""
    keys = KeySet([SigningKey.from_secret(SECRET, kid="shared"), SigningKey.from_jwk({**P256, "kid": "pair"})])

    with pytest.raises(UnsupportedAlgorithm) as caught:
        keys.candidates(algorithm="HS256", kid="pair")

    assert caught.value.expected == ("ES256", "HS256")


def test_two_keys_cannot_share_a_kid() -> None:
    """RFC 7517, section 4.5: kids within a set are distinct, or the choice by kid is none."""
    with pytest.raises(InvalidKey) as caught:
        KeySet([SigningKey.from_secret(SECRET, kid="one"), SigningKey.from_jwk({**P256, "kid": "one"})])

    assert problem(caught) == "two keys of a set have one kid"


PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
key_sets = st.lists(
    st.tuples(st.sampled_from(list(KEYS.values())), st.booleans(), st.text(min_size=1, max_size=8)),
    max_size=5,
    unique_by=lambda drawn: drawn[2],
).map(lambda drawn: KeySet([_with_kid(*key) for key in drawn]))


def _with_kid(key: SigningKey, public: bool, kid: str) -> VerifyingKey:
    if isinstance(key.private, bytes):
        return SigningKey.from_secret(key.private, kid=kid)
    if public:
        return VerifyingKey.from_public_key(key.material, kid=kid)
    return SigningKey.from_private_key(key.private, kid=kid)


@fuzz
@given(key_sets)
def test_no_published_set_carries_a_private_or_a_shared_key(keys: KeySet) -> None:
    """RFC 7517, section 9.2; the members are those of RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1."""
    published = keys.jwks()["keys"]

    assert [jwk["kid"] for jwk in published] == [key.kid for key in keys.keys if key.algorithm != "HS256"]
    assert [jwk.keys() & PRIVATE_MEMBERS for jwk in published] == [set()] * len(published)
    assert not any(jwk["kty"] == "oct" for jwk in published)
    json.dumps(published)


@fuzz
@given(key_sets)
def test_what_is_published_verifies_what_the_set_signs(keys: KeySet) -> None:
    """RFC 7517, section 5: the published set is enough for whoever verifies, for every pair."""
    pairs = [key for key in keys.keys if key.algorithm != "HS256"]
    if not pairs:
        with pytest.raises(InvalidKey):
            KeySet.from_jwks(keys.jwks())
        return

    published = KeySet.from_jwks(keys.jwks())

    assert [(key.kid, key.algorithm) for key in published.keys] == [(key.kid, key.algorithm) for key in pairs]
    assert all(key.verify(b"message", SIGNERS[key.algorithm](b"message")) for key in published.keys)


@EVERY_ALGORITHM
def test_nothing_that_a_key_prints_gives_it_away(algorithm: str) -> None:
    """Our choice: a key in a log, a traceback or an assertion shows its kid and its algorithm."""
    key = KEYS[algorithm]
    shown = f"SigningKey(kid={key.kid!r}, algorithm={algorithm!r})"

    assert (repr(key), str(key)) == (shown, shown)
    assert (repr(KeySet([key])), str(KeySet([key]))) == (f"KeySet(keys=({shown},))",) * 2


@pytest.mark.parametrize("secret", [b"a short but telling secret", public_pem(KEYS["RS256"]), PAIRS["EdDSA"].to_pem()])
def test_the_refusal_of_a_key_does_not_repeat_it(secret: bytes) -> None:
    """Our choice: an error may be printed anywhere."""
    with pytest.raises(InvalidKey) as caught:
        SigningKey.from_secret(secret)

    words = [word.decode() for word in secret.replace(b"-", b" ").split() if len(word) > 6]
    assert [word for word in words if word in f"{caught.value!r} {vars(caught.value)}"] == []


jwk_members = st.dictionaries(
    st.sampled_from(["kty", "crv", "alg", "use", "key_ops", "kid", "n", "e", "x", "y", "d", "p", "k", "oth"]),
    st.sampled_from(
        ["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "ES256", "sig", "AQAB", "AQ", "", "=", "é", ["verify", "sign"]]
    )
    | st.sampled_from(
        [P256["x"], P256["y"], P256["d"], document("rfc7515.json")[1]["key"]["n"]],
    )
    | json_values,
)


@fuzz
@given(jwk_members)
def test_whatever_a_jwk_holds_it_is_a_key_or_refused(jwk: dict[str, Any]) -> None:
    """RFC 7517, section 5: other people's key sets hold anything."""
    for read in (VerifyingKey.from_jwk, SigningKey.from_jwk, lambda member: KeySet.from_jwks({"keys": [member]})):
        with suppress(InvalidKey):
            read(jwk)


@fuzz
@given(json_values)
def test_whatever_a_key_set_holds_it_is_read_or_refused(members: Any) -> None:
    """RFC 7517, section 5."""
    with suppress(InvalidKey):
        KeySet.from_jwks({"keys": members})


@fuzz
@given(st.binary(max_size=100) | st.binary(max_size=60).map(lambda noise: PAIRS["ES256"].to_pem()[:-90] + noise))
def test_whatever_a_pem_file_holds_it_is_a_key_or_refused(pem: bytes) -> None:
    """RFC 7468: files are cut off and mixed up."""
    for read in (VerifyingKey.from_pem, SigningKey.from_pem):
        with suppress(InvalidKey):
            read(pem)
