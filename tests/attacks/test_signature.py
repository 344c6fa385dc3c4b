"""Signatures that are cut, stretched, bent, empty or somebody else's."""

import hashlib
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from mcp_auth_ref.core.errors import BadSignature, InvalidToken, MalformedToken
from tests.tokens import CLAIMS, KEYS, NOW, SIGNERS, VERIFIERS, base64url, eddsa, es256, forge, hs256, refusal, rs256

EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", SIGNERS)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def signed(algorithm: str) -> tuple[str, bytes]:
    """Return an honest token without its signature, and the signature."""
    signing_input = forge({"alg": algorithm, "typ": "at+jwt"}, CLAIMS, SIGNERS[algorithm]).rpartition(".")[0]
    return signing_input, SIGNERS[algorithm](signing_input.encode())


@EVERY_ALGORITHM
def test_every_bit_of_a_signature_counts(algorithm: str) -> None:
    """RFC 7515, section 5.2, step 8."""
    signing_input, signature = signed(algorithm)
    flipped = (
        signature[:place] + bytes([signature[place] ^ 1 << bit]) + signature[place + 1 :]
        for place in range(len(signature))
        for bit in range(8)
    )

    refused = [refusal(f"{signing_input}.{base64url(forgery)}", VERIFIERS[algorithm]) for forgery in flipped]

    assert refused == [(BadSignature, {})] * 8 * len(signature)


@EVERY_ALGORITHM
def test_a_signature_is_never_too_short_or_too_long_and_right(algorithm: str) -> None:
    """RFC 7518, sections 3.2 to 3.4; RFC 8032, section 5.1.7."""
    signing_input, signature = signed(algorithm)
    cut = [signature[:length] for length in range(1, len(signature))] + [signature[1:], signature[-1:]]
    stretched = [signature + b"\0", b"\0" + signature, signature + signature, signature + b"\0" * 64]
    blank = [bytes(len(signature)), b"\xff" * len(signature), bytes(1), bytes(512)]

    refused = [
        refusal(f"{signing_input}.{base64url(forgery)}", VERIFIERS[algorithm]) for forgery in cut + stretched + blank
    ]

    assert refused == [(BadSignature, {})] * (len(signature) + 9)


@EVERY_ALGORITHM
def test_a_signature_that_is_not_there_is_refused(algorithm: str) -> None:
    """RFC 7515, appendix A.5: without a signature a token is unsecured."""
    signing_input, _ = signed(algorithm)
    problem = "its signature is cut off, empty or not canonical base64url"

    assert refusal(f"{signing_input}.", VERIFIERS[algorithm]) == (MalformedToken, {"problem": problem})


@EVERY_ALGORITHM
def test_the_signature_of_one_token_does_not_fit_another(algorithm: str) -> None:
    """RFC 7515, section 5.2: it covers the header and the payload, each in full."""
    header = {"alg": algorithm, "typ": "at+jwt"}
    signatures = [
        forge(header, CLAIMS | {"sub": "eve"}, SIGNERS[algorithm]),
        forge(header | {"typ": "JWT"}, CLAIMS, SIGNERS[algorithm]),
        forge(header | {"kid": KEYS[algorithm].kid}, CLAIMS, SIGNERS[algorithm]),
    ]
    signing_input, _ = signed(algorithm)

    refused = [refusal(f"{signing_input}.{other.rpartition('.')[2]}", VERIFIERS[algorithm]) for other in signatures]

    assert refused == [(BadSignature, {})] * 3


def mutations(token: str) -> Iterator[str]:
    """Change a token in every place by one character: another, none, twice, or the next one first."""
    for place, character in enumerate(token):
        before, after = token[:place], token[place + 1 :]
        for other in "Aa0-_.= ":
            if other != character:
                yield before + other + after
        yield before + after
        yield before + 2 * character + after
        if after and after[0] != character:
            yield before + after[0] + character + after[1:]


def test_no_change_of_a_character_makes_another_token() -> None:
    """RFC 7515, section 5.2, and RFC 4648, section 3.5: one token, one text."""
    token = forge({"alg": "HS256", "typ": "at+jwt"}, CLAIMS)
    changed = list(mutations(token))

    refused = [refusal(other)[0] for other in changed]

    assert len(refused) > 3000
    assert all(issubclass(kind, InvalidToken) for kind in refused)


@pytest.mark.parametrize("r", [0, 1, P256_ORDER - 1, P256_ORDER])
@pytest.mark.parametrize("s", [0, 1, P256_ORDER - 1, P256_ORDER])
def test_the_numbers_of_an_ecdsa_signature_are_neither_zero_nor_beyond_the_order(r: int, s: int) -> None:
    """CVE-2022-21449: with zeros on both sides the equation holds for every message and every key."""
    psychic = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    token = forge({"alg": "ES256", "typ": "at+jwt"}, CLAIMS, sign=lambda _: psychic)

    assert refusal(token, VERIFIERS["ES256"]) == (BadSignature, {})


def test_an_ecdsa_signature_has_the_form_of_the_rfc_and_no_other() -> None:
    """RFC 7518, section 3.4: r and s side by side, and SHA-256; not the DER of other protocols."""
    private = KEYS["ES256"].private
    assert isinstance(private, EllipticCurvePrivateKey)
    header = {"alg": "ES256", "typ": "at+jwt"}
    in_der = forge(header, CLAIMS, sign=lambda message: private.sign(message, ECDSA(SHA256())))
    over_another_hash = forge(header, CLAIMS, sign=lambda message: private.sign(message, ECDSA(SHA512())))
    turned = forge(header, CLAIMS, sign=lambda message: es256(message)[32:] + es256(message)[:32])

    assert [refusal(token, VERIFIERS["ES256"]) for token in (in_der, over_another_hash, turned)] == [
        (BadSignature, {})
    ] * 3


def test_the_mirrored_signature_of_ecdsa_says_the_same_and_only_the_same() -> None:
    """FIPS 186-5 allows both (r, s) and (r, n - s): a second text for a token, so revoke by `jti`, never by text."""

    def mirrored(message: bytes) -> bytes:
        signature = es256(message)
        s = P256_ORDER - int.from_bytes(signature[32:], "big")
        return signature[:32] + s.to_bytes(32, "big")

    token = forge({"alg": "ES256", "typ": "at+jwt"}, CLAIMS, mirrored)

    assert VERIFIERS["ES256"].verify(token, now=NOW).payload == CLAIMS


@pytest.mark.parametrize("times", [1, 2, 15])
def test_the_second_half_of_an_eddsa_signature_is_below_the_order(times: int) -> None:
    """RFC 8032, section 8.4: or every signature had fifteen twins."""

    def raised(message: bytes) -> bytes:
        signature = eddsa(message)
        s = (int.from_bytes(signature[32:], "little") + times * ED25519_ORDER) % 2**256
        return signature[:32] + s.to_bytes(32, "little")

    token = forge({"alg": "EdDSA", "typ": "at+jwt"}, CLAIMS, raised)

    assert refusal(token, VERIFIERS["EdDSA"]) == (BadSignature, {})


def test_an_rsa_signature_is_a_number_below_the_modulus() -> None:
    """RFC 8017, section 5.2.2: or every signature had a twin."""
    public = KEYS["RS256"].material
    assert isinstance(public, RSAPublicKey)
    modulus = public.public_numbers().n
    token = forge(
        {"alg": "RS256", "typ": "at+jwt"},
        CLAIMS,
        sign=lambda message: (int.from_bytes(rs256(message), "big") + modulus).to_bytes(257, "big"),
    )

    assert refusal(token, VERIFIERS["RS256"]) == (BadSignature, {})


def test_a_hash_without_the_secret_is_no_signature() -> None:
    """RFC 7518, section 3.2: HMAC, not a bare or prefixed hash."""
    header = {"alg": "HS256", "typ": "at+jwt"}
    bare = forge(header, CLAIMS, sign=lambda message: hashlib.sha256(message).digest())
    with_empty_secret = forge(header, CLAIMS, sign=lambda message: hs256(message, b""))
    with_guess = forge(header, CLAIMS, sign=lambda message: hs256(message, b"secret"))
    as_text = forge(header, CLAIMS, sign=lambda message: hs256(message).hex().encode())

    assert [refusal(token) for token in (bare, with_empty_secret, with_guess, as_text)] == [(BadSignature, {})] * 4
