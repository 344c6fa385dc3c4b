"""Events: what has been decided, told once to whoever listens: the audit log, the metrics, the traces.

An event names people and tools by the names they were given. It holds no token, no secret and no argument of a tool.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

logger = logging.getLogger(__name__)

Kind: TypeAlias = Literal["issue", "accept", "refuse", "refresh", "reuse", "revoke", "rotate", "execute", "limit"]

UNAVAILABLE = "unavailable"
"""The code of a refusal where nothing could be decided: what a verifier needs has failed, and nobody is let in."""
CANCELLED = "cancelled"
"""The code of a call whose caller has gone away before the tool answered."""
TOOL_ERROR = "tool_error"
"""The code of a call that the tool itself has answered with a failure: that is its own affair, and worth counting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One decision. `at` is seconds since 1970, `duration` seconds; `code` is the true reason of what did not go well.

    `code` is one of the codes of `core/errors.py`, also where the caller was told no more than `invalid_token`; or it
    is UNAVAILABLE, CANCELLED or TOOL_ERROR. `actor` is who did it where that is not the subject: the user of the
    machine who has run a command.
    """

    kind: Kind
    at: float
    code: str | None = None
    subject: str | None = None
    actor: str | None = None
    client_id: str | None = None
    token_id: str | None = None
    family: str | None = None
    server: str | None = None
    tool: str | None = None
    key: str | None = None
    request_id: str | None = None
    address: str | None = None
    duration: float | None = None


Listener: TypeAlias = Callable[[Event], None]


def nobody(_: Event) -> None:
    """Listen to nothing: what stands in for a listener where there is none."""


def all_of(listeners: Iterable[Listener]) -> Listener:
    """Tell each listener in turn. One that fails is named in the log and keeps no other from hearing."""
    told = tuple(listeners)

    def tell(event: Event) -> None:
        for listener in told:
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - a full disk under a log is no reason to refuse a request
                name = type(error).__name__
                logger.error("a listener failed with %s on %s", name, event.kind)  # noqa: TRY400 - its name is enough

    return tell if told else nobody
