"""Connections that end: whoever opens one and says nothing, or says it drop by drop, does not keep it."""

import asyncio
from typing import Any

from h11 import LocalProtocolError
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0  # for the whole head of a request, from when it may be sent
BODY_SECONDS = 30.0  # for the whole body
ANSWER_SECONDS = 30.0  # for a client to take what waits for it


class Connection(H11Protocol):
    """A connection as uvicorn has it, closed where its client takes longer than that."""

    def __init__(self, *words: Any, **named: Any):
        super().__init__(*words, **named)
        self.awaited: tuple[str, Any] = ("", None)
        self.timer: asyncio.TimerHandle | None = None
        self.reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._await()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.reading = self.loop.call_later(ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel(self.reading)

    def send_400_response(self, msg: str) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True  # whoever answers this request finds the line taken
            self.cycle.message_event.set()
        try:
            super().send_400_response(msg)
        except LocalProtocolError:  # nonsense behind a request that is answered already, or is being answered
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel(self.timer)
        self._cancel(self.reading)
        self.awaited = ("lost", None)
        super().connection_lost(exc)

    def _await(self) -> None:
        """Start the clock for what the client has to send next, unless it runs already."""
        cycle = self.cycle
        if self.awaited[0] == "lost":
            return
        if cycle is None or cycle.response_complete:
            awaited, seconds = ("head", cycle), HEAD_SECONDS
        elif cycle.more_body:
            awaited, seconds = ("body", cycle), BODY_SECONDS
        else:
            awaited, seconds = ("nothing", cycle), 0.0
        if awaited != self.awaited:
            self._cancel(self.timer)
            self.awaited = awaited
            self.timer = self.loop.call_later(seconds, self._close) if seconds else None

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()

    @staticmethod
    def _cancel(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
