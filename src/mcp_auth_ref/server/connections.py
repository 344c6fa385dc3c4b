"""HTTP connections that do not wait for ever: who says or takes nothing, or little by little, loses it."""

from asyncio import AbstractEventLoop, BaseTransport, TimerHandle, Transport
from typing import Any, ClassVar, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

SLOWEST = 1024
"""Bytes a second that a client has to take of an answer that waits for it."""


class PunctualProtocol(H11Protocol):
    """Uvicorn's, with an end to its patience: a request that is not complete in `seconds` ends the connection.

    They count from when the connection begins, or from the last answer. An answer may take as long as it takes; a
    client that does not take it, SLOWEST at least, loses the connection as well.
    """

    seconds: ClassVar[float] = 30

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._stuck: TimerHandle | None = None
        self._wait()

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin, or part at once where there are more connections than are answered: each of them is an open file."""
        super().connection_made(cast("Transport", transport))
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            self.transport.abort()

    def pause_writing(self) -> None:
        """Look from now on whether the client takes what has been written."""
        self._watch()
        super().pause_writing()

    def on_response_complete(self) -> None:
        """Wait for what is left of the request, and for the next one."""
        self._late.cancel()
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._late.cancel()
        if self._stuck is not None:
            self._stuck.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.seconds, self._give_up)

    def _give_up(self) -> None:
        if self.transport.is_closing() or self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self.transport.close()
            self._watch()

    def _watch(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
        self._stuck = self.loop.call_later(self.seconds, self._look, self.transport.get_write_buffer_size())

    def _look(self, before: int) -> None:
        """Cut off a client that has not taken enough since: to close would be to wait until it has taken all."""
        left = self.transport.get_write_buffer_size()
        has_to_go_on = self.flow.write_paused or self.transport.is_closing()
        if has_to_go_on and before - left < SLOWEST * self.seconds:
            self.transport.abort()
        elif left:
            self._watch()
