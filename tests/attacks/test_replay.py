"""A stolen refresh token, and what a thief of an access token can make of the names in it (RFC 9700, section 4.14)."""

from collections.abc import Callable

import pytest

from mcp_auth_ref.core.errors import InvalidGrant, RefreshTokenReused
from mcp_auth_ref.core.grants import PREFIX, family_of
from mcp_auth_ref.stores import open_store
from tests.server.oauth import pair, refresh_tokens, secret_of
from tests.server.world import NOW


@pytest.mark.parametrize("first", ["thief", "owner"])
def test_whoever_comes_second_with_a_stolen_refresh_token_both_are_out(first: str) -> None:
    """RFC 9700, section 4.14.2."""
    store = open_store("memory:")
    tokens, stolen = refresh_tokens(store), secret_of(pair(store))
    fresh = {first: secret_of(tokens.refresh(stolen, client_id="page", now=NOW))}

    with pytest.raises(RefreshTokenReused):
        tokens.refresh(stolen, client_id="page", now=NOW + 60)
    with pytest.raises(InvalidGrant):
        tokens.refresh(fresh[first], client_id="page", now=NOW + 61)


@pytest.mark.parametrize(
    "forge",
    [
        lambda sid, _: f"{PREFIX}{sid}{'A' * 43}",
        lambda _, token: token[:7] + ("A" if token[7] != "A" else "B") + token[8:],
        lambda _, token: token.swapcase(),
        lambda _, token: token.removeprefix(PREFIX),
    ],
)
def test_what_is_made_from_the_name_of_a_family_neither_opens_nor_ends_it(forge: Callable[[str, str], str]) -> None:
    """Our choice: `sid` stands in every access token, so nothing may follow from it."""
    store = open_store("memory:")
    tokens, good = refresh_tokens(store), secret_of(pair(store))

    with pytest.raises(InvalidGrant):
        tokens.refresh(forge(family_of(good), good), client_id="page", now=NOW)

    assert tokens.refresh(good, client_id="page", now=NOW).refresh_token
