"""A token from the past, or from the future."""

import math

import pytest

from mcp_auth_ref.core.errors import TokenExpired, TokenNotYetValid, TokenTooOld
from mcp_auth_ref.core.keys import KeySet
from mcp_auth_ref.core.tokens import TokenVerifier
from tests.tokens import CLAIMS, HEADER, ISSUER, KEYS, NOW, RESOURCE, VERIFIER, forge, refusal

EXACT = TokenVerifier(ISSUER, RESOURCE, KeySet([KEYS["HS256"]]), leeway=0)
DAILY = TokenVerifier(ISSUER, RESOURCE, KeySet([KEYS["HS256"]]), max_age=86_400)


@pytest.mark.parametrize("late", [0, 0.5, 1, 3600, 10**9])
def test_a_token_ends_at_the_very_second(late: float) -> None:
    """RFC 7519, section 4.1.4: on or after the time it must not be accepted."""
    token = forge(HEADER, CLAIMS | {"iat": NOW - 60, "exp": NOW})

    assert EXACT.verify(token, now=math.nextafter(NOW, 0)).subject == "ada"
    assert refusal(token, EXACT, now=NOW + late) == (TokenExpired, {"expired_at": NOW, "now": NOW + late})


@pytest.mark.parametrize("late", [30, 31, 86_400])
def test_the_leeway_is_thirty_seconds_and_not_one_more(late: int) -> None:
    """RFC 7519, section 4.1.4: usually no more than a few minutes; our choice is half of one."""
    token = forge(HEADER, CLAIMS | {"exp": NOW})

    assert VERIFIER.verify(token, now=NOW + 29).subject == "ada"
    assert refusal(token, now=NOW + late) == (TokenExpired, {"expired_at": NOW, "now": NOW + late})


def test_a_token_that_ended_before_it_began_is_expired() -> None:
    """RFC 7519, section 4.1.4."""
    assert refusal(forge(HEADER, CLAIMS | {"exp": 0}))[0] is TokenExpired


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize("ahead", [30.5, 31, 3600, 10**9])
def test_a_token_of_the_future_is_refused(claim: str, ahead: float) -> None:
    """RFC 7519, sections 4.1.5 and 4.1.6: made in advance, it would outlive every key that is taken back."""
    token = forge(HEADER, CLAIMS | {claim: NOW + ahead, "exp": NOW + 10**9 + 3600})

    assert refusal(token) == (TokenNotYetValid, {"claim": claim, "valid_from": NOW + ahead, "now": NOW})


def test_a_token_that_lives_too_long_is_refused_before_it_ends() -> None:
    """Our choice: an issuer cannot grant more time than the server allows."""
    token = forge(HEADER, CLAIMS | {"exp": NOW + 10 * 365 * 86_400})

    assert DAILY.verify(token, now=NOW + 86_430).subject == "ada"
    assert refusal(token, DAILY, now=NOW + 86_431) == (TokenTooOld, {"age": 86_431, "max_age": 86_400})


def test_a_token_cannot_make_itself_younger() -> None:
    """Our choice: age is counted from `iat`, which cannot lie ahead by more than the leeway."""
    token = forge(HEADER, CLAIMS | {"iat": NOW + 86_400, "exp": NOW + 10 * 86_400})

    assert refusal(token, DAILY)[0] is TokenNotYetValid
