import hashlib
import os
import re
import zlib
from dataclasses import replace
from typing import Any

import pytest

from mcp_auth_ref.core.apikeys import PREFIX, ApiKey, ApiKeys, api_key, digest, is_api_key
from mcp_auth_ref.core.errors import InvalidToken, MalformedApiKey, TokenExpired, TokenRevoked, UnknownApiKey
from mcp_auth_ref.core.tokens import Claims
from tests.tokens import ISSUER, NOW, RESOURCE

KEY = api_key(bytes(range(32)))
KNOWN = ApiKey(
    id="1f0c9a3e",
    digest=digest(KEY),
    subject="service:backup",
    scopes=("mcp:tools:read", "mcp:tools:execute"),
    created_at=NOW,
    expires_at=NOW + 100,
)


def keys(*known: ApiKey, **more: Any) -> ApiKeys:
    return ApiKeys(known, issuer=ISSUER, resource=RESOURCE, **more)


def refusal(verifier: ApiKeys, key: str, *, now: float = NOW) -> type[InvalidToken]:
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(key, now=now)
    return type(caught.value)


def test_a_key_has_a_form_that_a_scanner_finds_and_no_two_are_alike() -> None:
    """Our choice: letters and digits, so that a double click takes all of it, and a prefix that nothing else has."""
    made = [api_key(os.urandom(32)) for _ in range(200)]

    assert [
        key for key in [*made, api_key(bytes(32)), api_key(b"\xff" * 32)] if not re.fullmatch(r"mcpk_\w{49}", key)
    ] == []
    assert len(set(made)) == 200
    assert is_api_key(KEY)


def test_the_end_of_a_key_is_the_checksum_of_the_rest() -> None:
    """Our choice: CRC-32 in base 62, most significant digit first."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = 0
    for character in KEY[-6:]:
        number = number * 62 + alphabet.index(character)

    assert number == zlib.crc32(KEY[:-6].encode())


def test_all_256_bits_are_in_the_key() -> None:
    """Our choice: two keys differ wherever their random bytes differ."""
    flipped = {api_key((1 << bit).to_bytes(32, "big")) for bit in range(256)}

    assert len(flipped) == 256


def test_only_a_digest_is_kept() -> None:
    """NIST SP 800-63B, section 5.1.2.2 lets secrets of 112 bits or more be stored under a plain hash."""
    assert KNOWN.digest == hashlib.sha256(KEY.encode()).hexdigest()
    assert KNOWN.digest not in repr(KNOWN)


@pytest.mark.parametrize("position", [5, 20, 47, 48, 53])
def test_a_character_that_is_wrong_is_noticed(position: int) -> None:
    """Our choice: a typing mistake is told from a key that is not known here."""
    wrong = KEY[:position] + ("A" if KEY[position] != "A" else "B") + KEY[position + 1 :]

    assert refusal(keys(KNOWN), wrong) is MalformedApiKey


@pytest.mark.parametrize("key", [PREFIX, KEY[:-1], f"{KEY}0", KEY.upper(), KEY[5:], f"{KEY[:-1]}é", f"{PREFIX}{KEY}"])
def test_what_is_not_written_as_a_key_is_refused(key: str) -> None:
    assert refusal(keys(KNOWN), key) is MalformedApiKey


def test_a_malformed_key_may_be_told_so_and_an_unknown_one_is_not() -> None:
    """Our choice: the checksum is no secret; which keys there are is one."""
    assert MalformedApiKey("short").public_code == "malformed_api_key"
    assert UnknownApiKey().public_code == "invalid_token"


def test_a_key_becomes_the_claims_of_a_token() -> None:
    """RFC 9068, section 2.2: who uses them need not know where they came from."""
    claims = keys(KNOWN).verify(KEY, now=NOW)

    assert dict(claims.payload) == {
        "iss": ISSUER,
        "sub": "service:backup",
        "aud": RESOURCE,
        "client_id": "apikey:1f0c9a3e",
        "scope": "mcp:tools:read mcp:tools:execute",
        "iat": NOW,
        "exp": NOW + 100,
        "jti": "1f0c9a3e",
    }


def test_a_key_is_good_until_its_end() -> None:
    """Our choice: no leeway, for one clock writes and reads the date."""
    verifier = keys(KNOWN)

    assert verifier.verify(KEY, now=NOW + 99.9).subject == "service:backup"
    assert refusal(verifier, KEY, now=NOW + 100) is TokenExpired


def test_a_key_that_was_revoked_is_refused_and_says_so() -> None:
    """Our choice: its holder has proven to hold it."""
    assert refusal(keys(KNOWN.revoked(now=NOW)), KEY) is TokenRevoked
    assert KNOWN.revoked(now=NOW).revoked(now=NOW + 1).revoked_at == NOW


def test_revoking_the_subject_reaches_its_keys() -> None:
    """Our choice: one subject, whatever it comes with."""
    asked: list[Claims] = []

    def is_revoked(claims: Claims) -> bool:
        asked.append(claims)
        return True

    assert refusal(keys(KNOWN, is_revoked=is_revoked), KEY) is TokenRevoked
    assert [claims.subject for claims in asked] == ["service:backup"]


def test_keys_that_are_replaced_are_forgotten() -> None:
    verifier = keys(KNOWN)
    verifier.replace([replace(KNOWN, id="other", digest=digest(api_key(b"\x01" * 32)))])

    assert refusal(verifier, KEY) is UnknownApiKey


def test_a_key_is_made_of_32_random_bytes_and_of_nothing_less() -> None:
    with pytest.raises(ValueError, match="made of 32 random bytes"):
        api_key(b"short")
