from typing import Any

import limits
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.core.limits import MAX_AMOUNT, Rate, fits, room, wait

RATES = st.builds(Rate, amount=st.integers(1, 20), seconds=st.integers(1, 100))
MOMENTS = st.lists(st.integers(0, 5000), min_size=1, max_size=120).map(sorted)


def passed(rate: Rate, moments: list[int]) -> list[float]:
    """Let requests come at these tenths of a second, and return when those came that have passed."""
    counts: dict[int, int] = {}
    through = []
    for moment in (tenths / 10 for tenths in moments):
        window, into = int(moment // rate.seconds), moment % rate.seconds
        if fits(1, room(rate, counts.get(window - 1, 0), counts.get(window, 0), into)):
            counts[window] = counts.get(window, 0) + 1
            through.append(moment)
    return through


@given(RATES, MOMENTS)
def test_no_stretch_of_time_lets_more_pass_than_the_amount_and_its_share(rate: Rate, moments: list[int]) -> None:
    """Our choice: the bound that the module promises, against a plain record of everything that has passed."""
    through = passed(rate, moments)

    for first, start in enumerate(through):
        for number, end in enumerate(through[first:], 1):
            if end - start <= rate.seconds:
                assert number <= rate.amount * (1 + (end - start) / rate.seconds) + 1e-6


@given(RATES, MOMENTS)
def test_who_asks_for_no_more_than_the_amount_in_any_two_windows_is_never_refused(
    rate: Rate, moments: list[int]
) -> None:
    """Our choice: a limit refuses nobody who keeps to it."""
    modest = moments[: rate.amount]

    assert passed(rate, modest) == [moment / 10 for moment in modest]


@given(
    rate=RATES,
    previous=st.integers(0, 20),
    current=st.integers(0, 20),
    share=st.floats(0, 0.999),
    cost=st.integers(1, 20),
)
def test_after_the_wait_it_has_room_and_just_before_it_has_not(
    rate: Rate, previous: int, current: int, share: float, cost: int
) -> None:
    """RFC 9110, section 10.2.3: Retry-After is when it is worth trying again, not earlier and not much later."""
    previous, current = min(previous, rate.amount), min(current, rate.amount)
    cost = min(cost, rate.amount)
    into = share * rate.seconds

    seconds = wait(rate, previous, current, into, cost)

    assert room_after(rate, previous, current, into, seconds) >= cost - 1e-6
    if seconds > 0.01:
        assert room_after(rate, previous, current, into, seconds - 0.01) < cost


def room_after(rate: Rate, previous: int, current: int, into: float, seconds: float) -> float:
    """Return the room after a time in which nothing has come."""
    windows, into = divmod(into + seconds, rate.seconds)
    previous, current = ((previous, current), (current, 0), (0, 0), (0, 0))[int(windows)]
    return room(rate, previous, current, into)


def test_what_costs_more_than_the_amount_waits_for_two_windows() -> None:
    """Our choice: there is no moment at which it would pass."""
    assert wait(Rate(5, 60), 0, 0, 0, 6) == 120


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5/minute", Rate(5, 60)),
        ("1/second", Rate(1, 1)),
        ("100/hours", Rate(100, 3600)),
        ("3/10 seconds", Rate(3, 10)),
        ("3/10second", Rate(3, 10)),
        ("1/day", Rate(1, 86400)),
    ],
)
def test_a_rate_is_read_as_the_limits_library_reads_it(text: str, rate: Rate) -> None:
    """The notation is that of `limits`."""
    theirs = limits.parse(text)

    assert Rate.parse(text) == rate
    assert (theirs.amount, theirs.get_expiry()) == (rate.amount, rate.seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "5/", "/minute", "0/minute", "-1/minute", "5/fortnight", "5/minute ", "5 per minute", "5/0 seconds"),
        *("5/Minute", "2/2 days", "1/90000seconds", "1000000000/second", "5/minute;1/second", "5/minute\n"),
        "1\u0665/minute",
    ],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    """Our choice: one way to write it."""
    with pytest.raises(ValueError, match="rate"):
        Rate.parse(text)


@given(RATES)
def test_a_rate_says_what_it_allows(rate: Rate) -> None:
    """Our choice."""
    assert str(rate) == f"{rate.amount} in {rate.seconds} seconds"


def test_the_largest_amount_can_be_written() -> None:
    """Our choice: settings and rates have one bound."""
    values: dict[str, Any] = {"amount": MAX_AMOUNT, "seconds": 1}

    assert Rate.parse(f"{MAX_AMOUNT}/second") == Rate(**values)
