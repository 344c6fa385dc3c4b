"""Tokens so long that reading them is the attack (our choice of a bound)."""

import time

import pytest

from mcp_auth_ref.core.errors import BadSignature, MalformedToken
from tests.tokens import CLAIMS, HEADER, NOW, VERIFIER, forge, refusal

TOO_LONG = (MalformedToken, {"problem": "it is longer than 8192 bytes"})


def test_a_token_of_8192_bytes_is_accepted_and_one_of_8193_refused() -> None:
    """Our choice of the bound, which common servers set for all the fields of a request."""
    token = forge(HEADER, CLAIMS | {"own": "x" * 5872})
    longer = forge(HEADER, CLAIMS | {"own": "x" * 5873})

    assert (len(token), len(longer)) == (8192, 8193)
    assert VERIFIER.verify(token, now=NOW).subject == "ada"
    assert refusal(longer) == TOO_LONG


@pytest.mark.parametrize("filler", [".", "a", "=", "\x00", "é", "\ud800", "a.", "[", " "])
def test_a_token_of_megabytes_is_refused_before_anything_is_decoded(filler: str) -> None:
    """Our choice: the length is looked at first, whatever the characters."""
    huge = filler * 5_000_000

    started = time.process_time()
    refused = refusal(huge)

    assert refused == TOO_LONG
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize("name", ["kid", "typ", "alg", "own"])
def test_a_long_header_is_no_way_around(name: str) -> None:
    """Our choice: the bound is for the whole token."""
    assert refusal(forge(HEADER | {name: "x" * 8192}, CLAIMS)) == TOO_LONG


def test_a_long_signature_is_compared_and_does_not_match() -> None:
    """RFC 7515, section 5.2."""
    assert refusal(forge(HEADER, CLAIMS, sign=lambda _: b"s" * 5000)) == (BadSignature, {})
