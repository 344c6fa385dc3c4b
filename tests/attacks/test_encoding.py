"""A second text for the same bytes, by which a token escapes a deny list or a cache (RFC 4648, section 12)."""

import base64
import string
from collections.abc import Callable

import pytest

from mcp_auth_ref.core.errors import BadSignature, MalformedToken
from tests.tokens import CLAIMS, HEADER, base64url, forge, refusal, seal, segment

TOKEN = forge(HEADER, CLAIMS)
H, P, S = TOKEN.split(".")
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
ODD = "is cut off, empty or not canonical base64url"
OUTSIDE = "has characters outside base64url"


def padded(content: object, *, remainder: int) -> str:
    """Encode JSON, made so long by a space or two that base64 would pad it, without the padding."""
    text = segment(content)
    while len(text) % 4 != remainder:
        text = base64url(base64.urlsafe_b64decode(text + "==") + b" ")
    return text


def test_the_unused_bits_of_the_last_character_are_zero() -> None:
    """RFC 4648, section 3.5. 32 bytes leave two bits unused: four texts, one of them canonical."""
    assert S[-1] in "AEIMQUYcgkosw048"
    twins = [S[:-1] + ALPHABET[ALPHABET.index(S[-1]) + unused] for unused in (1, 2, 3)]

    assert {base64.urlsafe_b64decode(twin + "=") for twin in twins} == {base64.urlsafe_b64decode(S + "=")}
    assert [refusal(f"{H}.{P}.{twin}") for twin in twins] == [(MalformedToken, {"problem": f"its signature {ODD}"})] * 3


@pytest.mark.parametrize("remainder", [2, 3])
def test_unused_bits_are_refused_even_where_they_are_signed(remainder: int) -> None:
    """RFC 4648, section 3.5: whoever signs such a token is no issuer of ours."""
    header, payload = padded(HEADER, remainder=remainder), padded(CLAIMS, remainder=remainder)
    crooked_header = header[:-1] + ALPHABET[ALPHABET.index(header[-1]) + 1]
    crooked_payload = payload[:-1] + ALPHABET[ALPHABET.index(payload[-1]) + 1]

    assert refusal(seal(f"{crooked_header}.{payload}")) == (MalformedToken, {"problem": f"its header {ODD}"})
    assert refusal(seal(f"{header}.{crooked_payload}")) == (MalformedToken, {"problem": f"its payload {ODD}"})


@pytest.mark.parametrize(("remainder", "padding"), [(2, "=="), (2, "="), (3, "="), (3, "=="), (0, "="), (0, "====")])
def test_padding_is_refused_even_where_it_is_signed(remainder: int, padding: str) -> None:
    """RFC 7515, section 2: base64url without padding."""
    header, payload = padded(HEADER, remainder=remainder), padded(CLAIMS, remainder=remainder)

    assert [
        refusal(seal(f"{header}{padding}.{payload}"))[0],
        refusal(seal(f"{header}.{payload}{padding}"))[0],
        refusal(seal(f"{header}.{payload}") + padding)[0],
    ] == [MalformedToken] * 3


@pytest.mark.parametrize("white", [" ", "\t", "\n", "\r", "\r\n", "\x00", "\x0b", "\x7f", "%20", "+", "/", "~", "!"])
@pytest.mark.parametrize("place", ["before", "after", "header", "payload", "signature"])
def test_characters_outside_the_alphabet_are_refused_even_where_they_are_signed(white: str, place: str) -> None:
    """RFC 4648, sections 3.3 and 5; RFC 7515, section 2."""
    token = {
        "before": white + TOKEN,
        "after": TOKEN + white,
        "header": seal(f"{H[:4]}{white}{H[4:]}.{P}"),
        "payload": seal(f"{H}.{P[:4]}{white}{P[4:]}"),
        "signature": f"{H}.{P}.{S[:4]}{white}{S[4:]}",
    }[place]

    kind, data = refusal(token)

    assert kind is MalformedToken
    assert data["problem"].endswith((OUTSIDE, ODD))


@pytest.mark.parametrize("place", ["before", "after", "header", "payload", "signature"])
@pytest.mark.parametrize("odd", ["é", "\u200b", "\ufeff", "\uff0e", "\ud800", "\uff21", "\u2028"])
def test_characters_beyond_ascii_are_refused_without_a_second_thought(odd: str, place: str) -> None:
    """RFC 7515, section 7.1. A lone surrogate is what a command line makes of bytes that are no UTF-8."""
    token = {
        "before": odd + TOKEN,
        "after": TOKEN + odd,
        "header": f"{H[:4]}{odd}{H[4:]}.{P}.{S}",
        "payload": f"{H}.{P[:4]}{odd}{P[4:]}.{S}",
        "signature": f"{H}.{P}.{S[:4]}{odd}{S[4:]}",
    }[place]

    assert refusal(token) == (MalformedToken, {"problem": "it has characters other than base64url and dots"})


def test_plain_base64_is_refused_even_where_it_is_signed() -> None:
    """RFC 4648, section 5: `-` and `_`, never `+` and `/`."""
    payload = padded(CLAIMS | {"sub": "~~~???~~~???"}, remainder=0)
    plain = payload.replace("-", "+").replace("_", "/")

    assert payload != plain
    assert refusal(seal(f"{H}.{plain}")) == (MalformedToken, {"problem": f"its payload {OUTSIDE}"})


@pytest.mark.parametrize("recase", [str.lower, str.upper, str.swapcase])
def test_another_case_is_another_token(recase: Callable[[str], str]) -> None:
    """RFC 4648, section 5: the alphabet has two cases."""
    assert refusal(f"{H}.{P}.{recase(S)}")[0] in (BadSignature, MalformedToken)
    assert refusal(recase(TOKEN))[0] is MalformedToken
