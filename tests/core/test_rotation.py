from dataclasses import replace

import pytest

from mcp_auth_ref.core.errors import InvalidKey, KeyInUse, UnknownKey
from mcp_auth_ref.core.keys import KeySet, SigningKey, VerifyingKey
from mcp_auth_ref.core.rotation import JWKS_MAX_AGE, PUBLISHED_BEFORE, ceased_signing, dropped, retired, without
from mcp_auth_ref.core.tokens import TokenIssuer, TokenVerifier
from tests.tokens import ISSUER, KEYS, NOW, RESOURCE

LIFE = 3600
OLD = replace(KEYS["ES256"], kid="old")
NEW = replace(KEYS["EdDSA"], kid="new", signs_from=NOW)
NEVER = float("inf")


def kids(keys: KeySet) -> list[tuple[str, float]]:
    return [(key.kid, key.signs_from) for key in keys.keys if isinstance(key, SigningKey)]


def refusal(keys: KeySet, kid: str, *, now: float) -> tuple[str, float | None]:
    with pytest.raises(KeyInUse) as caught:
        retired(keys, kid, now=now, longest_life=LIFE)
    assert caught.value.kid == kid
    return caught.value.problem, caught.value.until


def test_a_key_is_published_for_longer_than_any_cache_keeps_the_set_without_it() -> None:
    """RFC 9111, section 5.2.2.1: a set may be used for `max-age` seconds after it was sent."""
    assert PUBLISHED_BEFORE > JWKS_MAX_AGE


def test_a_token_is_good_from_the_first_to_the_last_moment_of_a_rotation() -> None:
    """Our choice: publish, wait, sign, keep, drop, and no token is refused that has not ended."""
    both = KeySet([OLD, NEW])
    for now, signer in ((NOW - PUBLISHED_BEFORE, "old"), (NOW - 1, "old"), (NOW, "new")):
        issuer = TokenIssuer(ISSUER, RESOURCE, both, lifetime=LIFE)
        token = issuer.issue(subject="ada", client_id="cli", scopes=(), now=now, token_id="1")

        assert both.signing_key_at(now).kid == signer
        for later in (now, now + LIFE - 1):
            keys = retired(both, "old", now=later, longest_life=LIFE) if later >= NOW + LIFE else both
            assert TokenVerifier(ISSUER, RESOURCE, keys, leeway=0).verify(token, now=later).subject == "ada"


def test_a_key_may_go_when_the_last_token_that_it_signed_has_ended() -> None:
    """Our choice: the longest that a token lives, counted from when the next key signs."""
    keys = KeySet([OLD, NEW])

    assert kids(retired(keys, "old", now=NOW + LIFE, longest_life=LIFE)) == [("new", NOW)]
    assert refusal(keys, "old", now=NOW + LIFE - 60) == (
        "tokens that it signed may live for another 60 seconds",
        NOW + LIFE,
    )


def test_a_key_stays_while_the_next_one_waits() -> None:
    """Our choice: it signs."""
    assert refusal(KeySet([OLD, NEW]), "old", now=NOW - 1) == (
        "the one that takes its place does not sign yet",
        NOW + LIFE,
    )


@pytest.mark.parametrize("now", [NOW - 1, NOW + 10 * LIFE])
def test_the_newest_key_stays(now: float) -> None:
    """Our choice: nothing could sign without it."""
    assert refusal(KeySet([OLD, NEW]), "new", now=now) == ("there is no newer one", None)


def test_a_key_stays_where_nothing_tells_since_when_the_next_one_signs() -> None:
    """Our choice: a file written by hand has no nbf, and a guess could refuse tokens that are good."""
    keys = KeySet([OLD, KEYS["RS256"]])

    assert refusal(keys, "old", now=NOW) == ("nothing says since when the newer one signs (nbf)", None)
    assert ceased_signing(keys, "old") is None


def test_the_first_newer_key_that_signs_counts() -> None:
    """Our choice: of two that wait, the one whose time comes first takes over."""
    later = replace(KEYS["RS256"], kid="later", signs_from=NOW + 100)
    keys = KeySet([OLD, later, NEW])

    assert [ceased_signing(keys, kid) for kid in ("old", "later", "new")] == [NOW, NOW, NEVER]


def test_public_keys_beside_it_take_nobodys_place() -> None:
    """Our choice: they sign nothing."""
    public = VerifyingKey.from_jwk(KEYS["RS256"].public_jwk() or {})

    assert ceased_signing(KeySet([OLD, public]), "old") == NEVER


def test_a_key_that_has_leaked_goes_at_once_and_the_newest_other_one_signs() -> None:
    """Our choice: its good tokens go with the forged ones, for nobody can tell them apart."""
    keys = dropped(KeySet([OLD, replace(NEW, signs_from=NOW + 300)]), "old", now=NOW, successor=KEYS["RS256"])

    assert kids(keys) == [("new", NOW)]
    with pytest.raises(UnknownKey):
        keys.candidates(algorithm="EdDSA", kid="old")


def test_where_no_other_key_is_there_a_fresh_one_takes_the_place_of_the_leaked_one() -> None:
    """Our choice: a server without a key could not go on, and one that keeps the leaked key must not."""
    fresh = replace(KEYS["EdDSA"], kid="fresh")

    assert kids(dropped(KeySet([OLD]), "old", now=NOW, successor=fresh)) == [("fresh", NOW)]


def test_a_leaked_key_that_signs_no_more_changes_nothing_else() -> None:
    """Our choice: the key that signs goes on."""
    keys = dropped(KeySet([OLD, NEW]), "old", now=NOW + 1, successor=KEYS["RS256"])

    assert kids(keys) == [("new", NOW)]


def test_what_is_not_in_the_set_cannot_leave_it() -> None:
    """Our choice: a mistyped kid is a mistake, and not a deed done."""
    with pytest.raises(InvalidKey, match="none of the keys has this kid"):
        without(KeySet([OLD]), "other")
    with pytest.raises(InvalidKey, match="none of the keys has this kid"):
        retired(KeySet([OLD]), "other", now=NOW, longest_life=LIFE)
    with pytest.raises(InvalidKey, match="none of the keys has this kid"):
        dropped(KeySet([OLD]), "other", now=NOW, successor=NEW)
