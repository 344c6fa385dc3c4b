"""What we accept, PyJWT with our policy accepts: a strict reader may refuse more, never less."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

import jwt
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from mcp_auth_ref.core.errors import InvalidToken
from mcp_auth_ref.core.tokens import REQUIRED_CLAIMS
from tests.fuzz import fuzz, near_miss_tokens
from tests.tokens import CLAIMS, ISSUER, KEYS, NOW, RESOURCE, SIGNERS, VERIFIERS, forge


class FixedClock(datetime):
    """Tells PyJWT, which asks no caller for the time, that it is `NOW`."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "FixedClock":
        """Return the time of every test."""
        return cls.fromtimestamp(NOW, tz)


@pytest.fixture(autouse=True, scope="module")
def clock() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jwt.api_jwt.datetime", FixedClock)
        yield


def peer(token: str, algorithm: str) -> dict[str, Any]:
    """Decode a token with PyJWT and every option that comes near our policy."""
    return jwt.decode(
        token,
        key=KEYS[algorithm].material,
        algorithms=[algorithm],
        issuer=ISSUER,
        audience=RESOURCE,
        leeway=30,
        options={"require": list(REQUIRED_CLAIMS), "enforce_minimum_key_length": True},
    )


@fuzz
@given(st.data(), st.sampled_from(sorted(KEYS)))
def test_what_we_accept_pyjwt_accepts_and_reads_alike(data: st.DataObject, algorithm: str) -> None:
    """Our choice of oracle. It cuts fractions of a second off, so the dates here have none."""
    token = data.draw(near_miss_tokens(algorithm))
    try:
        claims = VERIFIERS[algorithm].verify(token, now=NOW)
    except InvalidToken as refusal:
        event(f"refused: {refusal.code}")
        return
    event("accepted")

    assert peer(token, algorithm) == claims.payload


@pytest.mark.parametrize("algorithm", KEYS)
def test_both_accept_an_honest_token(algorithm: str) -> None:
    """RFC 9068, section 4: were the peer's policy wrong, the test above would still hold where we refuse."""
    token = forge({"alg": algorithm, "typ": "at+jwt"}, CLAIMS, SIGNERS[algorithm])

    assert VERIFIERS[algorithm].verify(token, now=NOW).payload == peer(token, algorithm) == CLAIMS


@pytest.mark.parametrize(
    "change", [{"exp": NOW - 30}, {"nbf": NOW + 31}, {"iat": NOW + 31}, {"aud": "x"}, {"iss": "x"}]
)
def test_both_refuse_by_the_same_clock_and_names(change: dict[str, Any]) -> None:
    """RFC 7519, section 4.1: the peer's clock and policy are set up as ours."""
    token = forge({"alg": "HS256", "typ": "at+jwt"}, CLAIMS | change)

    with pytest.raises(InvalidToken):
        VERIFIERS["HS256"].verify(token, now=NOW)
    with pytest.raises(jwt.InvalidTokenError):
        peer(token, "HS256")
