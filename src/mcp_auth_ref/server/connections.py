"""HTTP connections that do not wait for ever: whoever opens one and says nothing, or little by little, loses it."""

from asyncio import AbstractEventLoop
from typing import Any, ClassVar

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState


class PunctualProtocol(H11Protocol):
    """Uvicorn's, with an end to its patience: a request that is not complete in `seconds` ends the connection.

    They count from when the connection begins, or from the last answer. An answer may take as long as it takes.
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
        self._wait()

    def on_response_complete(self) -> None:
        """Wait for what is left of the request, and for the next one."""
        self._late.cancel()
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._late.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.seconds, self._give_up)

    def _give_up(self) -> None:
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self.transport.close()
