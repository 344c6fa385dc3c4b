"""Tokens with parts missing, doubled, empty or in another order."""

from itertools import permutations

import pytest

from mcp_auth_ref.core.errors import BadSignature, InvalidToken, MalformedToken
from tests.tokens import CLAIMS, HEADER, forge, refusal, seal

TOKEN = forge(HEADER, CLAIMS)
H, P, S = TOKEN.split(".")


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ("", "it should have three parts and has 1"),
        (H, "it should have three parts and has 1"),
        (f"{H}{P}{S}", "it should have three parts and has 1"),
        (f"{H}.{P}", "it should have three parts and has 2"),
        (f"{H}.{P}.{S}.", "it should have three parts and has 4"),
        (f".{H}.{P}.{S}", "it should have three parts and has 4"),
        (f"{H}..{P}.{S}", "it should have three parts and has 4"),
        (f"{H}.{P}.{S}.{S}", "it should have three parts and has 4"),
        (f"{TOKEN}.{TOKEN}", "it should have three parts and has 6"),
        (f"{H}.{P}.", "its signature is cut off, empty or not canonical base64url"),
        (f".{P}.{S}", "its header is cut off, empty or not canonical base64url"),
        ("..", "its header is cut off, empty or not canonical base64url"),
        ("." * 8192, "it should have three parts and has 8193"),
    ],
)
def test_a_token_has_three_parts_and_each_has_something_in_it(token: str, problem: str) -> None:
    """RFC 7515, sections 3.1 and 5.2; RFC 7519, section 7.2."""
    assert refusal(token) == (MalformedToken, {"problem": problem})


def test_an_empty_payload_is_refused_even_where_it_is_signed() -> None:
    """RFC 7515 allows it; RFC 7519, section 7.2, wants a JSON object."""
    problem = "its payload is cut off, empty or not canonical base64url"

    assert refusal(f"{H}..{S}") == (BadSignature, {})
    assert refusal(seal(f"{H}.")) == (MalformedToken, {"problem": problem})


@pytest.mark.parametrize("around", [("Bearer ", ""), ('"', '"'), ("<", ">"), ("token=", ""), ("", ","), ("", ";v=1")])
def test_what_was_copied_along_with_a_token_is_refused(around: tuple[str, str]) -> None:
    """RFC 7515, section 7.1: nothing but the token."""
    assert refusal(TOKEN.join(around))[0] is MalformedToken


@pytest.mark.parametrize("parts", [order for order in permutations((H, P, S)) if order != (H, P, S)])
def test_the_order_of_the_parts_matters(parts: tuple[str, str, str]) -> None:
    """RFC 7515, section 3.1."""
    assert issubclass(refusal(".".join(parts))[0], InvalidToken)
