"""Cuts a response that is silent for too long, as a REST API cuts a stream.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html; the
function may run on, which it does here.  What a client gets of one that has not begun is not said there:
here it is the 504 of an integration that is late.
"""

import asyncio
import logging
from typing import Any

from apptheory_emulator.front.http_sink import HttpSink
from apptheory_emulator.front.platform_response import PlatformResponse
from apptheory_streaming.wire.fronts.rest_api import rest_timed_out
from apptheory_streaming.wire.head import Head

__all__ = ["IdleSink"]

_log = logging.getLogger("apptheory_emulator")


class IdleSink(HttpSink):
    """A sink whose connection is closed when no chunk has come for `idle_seconds` and nothing is being sent.

    Before the head has come it is answered instead.
    """

    def __init__(self, *given: Any, idle_seconds: float, request_id: str, **options: Any) -> None:
        """Begin to wait for the first chunk; the other arguments are those of an HttpSink."""
        super().__init__(*given, **options)
        self._loop = asyncio.get_running_loop()
        self._idle_seconds = idle_seconds
        self._request_id = request_id
        self._draining = False
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(idle_seconds, self._look)
        self.over.add_done_callback(lambda _: self._timer.cancel())

    def start(self, head: Head) -> None:
        """Take the head, unless it comes too late."""
        if not self.gave_up:
            super().start(head)

    def write(self, data: bytes) -> bool:
        """Take a chunk."""
        self._heard_at = self._loop.time()
        return super().write(data)

    async def drain(self) -> None:
        """Send what there is; a client that is slow to take it is no silence."""
        self._draining = True
        try:
            await super().drain()
        finally:
            self._draining = False
            self._heard_at = self._loop.time()

    def _look(self) -> None:
        now = self._loop.time()
        due = self._heard_at + self._idle_seconds
        if self._draining or now < due:
            self._timer = self._loop.call_at(max(due, now + 1) if self._draining else due, self._look)
        elif self._transport is not None and not self._transport.is_closing() and not self.over.done():
            what = "answered 504" if self.response is None else "cut, as API Gateway does"
            _log.warning("%s: the stream was silent for %g s: %s", self._request_id, self._idle_seconds, what)
            if self.response is None:
                self._give_up()
            else:
                self._transport.close()

    def _give_up(self) -> None:
        """Let the API answer; the connection is not this sink's any more, so what is sent later finds none."""
        self.gave_up = True
        self._transport = None
        self.response = PlatformResponse(
            rest_timed_out(), request_id=self._request_id, headers=dict(self._platform_headers)
        )
        self.over.set_result(None)
