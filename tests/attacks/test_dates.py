"""Dates that are no numbers of seconds: to compare them would raise, or be true for ever (RFC 7519, section 2)."""

import json
from typing import Any

import pytest

from mcp_auth_ref.core.errors import InvalidClaim, MissingClaim
from mcp_auth_ref.core.tokens import LATEST_DATE
from tests.tokens import CLAIMS, HEADER, NOW, VERIFIER, forge, refusal, without

DATES = ["iat", "exp", "nbf"]


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize(
    "odd",
    [
        str(NOW),
        f" {NOW} ",
        "١٧٩٥٠٠٠٠٠٠",
        "2026-11-18T11:06:40Z",
        "never",
        True,
        False,
        [NOW],
        {"$date": NOW},
        {},
        -1,
        -0.001,
        LATEST_DATE + 1,
        1e18,
        NOW * 1000,
        2**63,
        2**64 + NOW,
        10**300,
    ],
    ids=str,
)
def test_a_date_is_a_number_of_seconds(date: str, odd: object) -> None:
    """RFC 7519, section 2, NumericDate; our choice of the years 1970 to 9999. Arabic digits are a text, too."""
    token = forge(HEADER, CLAIMS | {date: odd})

    assert refusal(token) == (InvalidClaim, {"claim": date, "expected": "a number of seconds since 1970"})


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("nothing", [None, "", []], ids=repr)
def test_a_date_with_nothing_in_it_is_missing(date: str, nothing: object) -> None:
    """RFC 9068, section 2.2; an `nbf` that is there must say something."""
    assert refusal(forge(HEADER, CLAIMS | {date: nothing})) == (MissingClaim, {"claim": date})


@pytest.mark.parametrize("date", ["iat", "exp"])
def test_a_required_date_is_there(date: str) -> None:
    """RFC 9068, section 2.2: a token without `exp` would be valid for ever."""
    assert refusal(forge(HEADER, without(date))) == (MissingClaim, {"claim": date})


@pytest.mark.parametrize(
    "dates",
    [
        {"iat": NOW - 0.5, "exp": NOW + 0.5},
        {"iat": 0},
        {"iat": -0.0},
        {"exp": LATEST_DATE},
        {"nbf": 0},
    ],
    ids=str,
)
def test_a_fraction_of_a_second_and_the_ends_of_the_calendar_are_dates(dates: dict[str, Any]) -> None:
    """RFC 7519, section 2: non-integer values can be represented."""
    assert VERIFIER.verify(forge(HEADER, CLAIMS | dates), now=NOW).payload == CLAIMS | dates


def test_an_exponent_is_just_another_way_to_write_a_date() -> None:
    """RFC 8259, section 6."""
    payload = json.dumps(CLAIMS).replace(str(NOW + 3600), "1.7950036e9")

    assert VERIFIER.verify(forge(HEADER, payload), now=NOW).expires_at == NOW + 3600
