"""Events reach every listener, whatever one of them does."""

import logging

import pytest

from mcp_auth_ref.events import Event, all_of, nobody

EVENT = Event(kind="revoke", at=1_795_000_000, subject="ada")


def test_each_listener_hears_each_event_in_turn() -> None:
    heard: list[tuple[str, Event]] = []
    tell = all_of([lambda event: heard.append(("first", event)), lambda event: heard.append(("second", event))])

    tell(EVENT)

    assert heard == [("first", EVENT), ("second", EVENT)]


def test_a_listener_that_fails_keeps_no_other_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    """Our choice: what is said of a failure names its kind, for its text may quote what it was given."""
    heard: list[Event] = []

    def failing(_: Event) -> None:
        raise OSError("a text with a secret in it")

    with caplog.at_level(logging.ERROR):
        all_of([failing, heard.append])(EVENT)

    assert heard == [EVENT]
    assert caplog.messages == ["a listener failed with OSError on revoke"]


def test_without_listeners_nothing_is_done() -> None:
    assert all_of([]) is nobody
