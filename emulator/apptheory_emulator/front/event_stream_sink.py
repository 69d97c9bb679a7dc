"""Writes what a function sends as frames of an event stream, each chunk as it happens."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from apptheory_emulator.front.http_sink import HttpSink
from apptheory_emulator.front.invoke_front import InvokeFront
from apptheory_streaming.wire.event_stream import EVENT_STREAM_CONTENT_TYPE, encode_message
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryKind, Ending

__all__ = ["ERROR_CODE", "EventStreamSink"]

ERROR_CODE = "ErrorCode"
"""The member of InvokeComplete that says that the function failed."""

FRAME_BYTES = 1024 * 1024
"""A longer chunk goes in several frames: a frame has its limit, and a client needs all of one to see any of it."""

END_SECONDS = 5.0
"""How long the end of a response whose function was stopped waits for a client that does not read."""

LOOK_SECONDS = 0.02

Complete = Callable[[], Awaitable[Mapping[str, str] | None]]

_HEAD = Head(200, {"content-type": (EVENT_STREAM_CONTENT_TYPE,)})


class EventStreamSink:
    """The sink of one invocation: PayloadChunk for each chunk, the prelude before, InvokeComplete at the end.

    `complete` gives what InvokeComplete says, or None for an invocation that never was, which is
    answered another way.  `over` is done when the caller has its response, or there will be none.
    """

    def __init__(
        self, http: HttpSink, front: InvokeFront, *, transport: asyncio.WriteTransport | None, complete: Complete
    ) -> None:
        """Write to `http`, the sink of a request whose connection is `transport`."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started = False
        self._http = http
        self._front = front
        self._transport = transport
        self._complete = complete

    @property
    def response(self) -> web.StreamResponse | None:
        """The response, once there is one."""
        return self._http.response

    @property
    def sent_bytes(self) -> int:
        """How many bytes of frames were sent."""
        return self._http.sent_bytes

    def start(self, head: Head) -> None:
        """Send the prelude, which is part of the payload here."""
        self._start()
        self.write(self._front.prelude(head))

    def write(self, data: bytes) -> bool:
        """Send a chunk; an empty one is none."""
        room = True
        for at in range(0, len(data), FRAME_BYTES):
            room = self._http.write(_payload_chunk(data[at : at + FRAME_BYTES]))
        return room if data else self._http.write(b"")

    async def drain(self) -> None:
        """Wait until the connection has room."""
        await self._http.drain()

    async def end(self, ending: Ending) -> DeliveryKind:
        """Send a buffered answer if that is what came, and InvokeComplete."""
        try:
            fields = await self._complete()
            if fields is None:
                return DeliveryKind.CUT
            if ending is Ending.CUT and ERROR_CODE not in fields and self._front.payload is None:
                return await self._http.end(Ending.CUT)  # the handler was stopped, and has not failed
            async with asyncio.timeout(END_SECONDS if ending is Ending.CUT else None):
                if ending is Ending.CUT:
                    await self._emptied()
                return await self._finish(fields)
        except TimeoutError:
            return await self._http.end(Ending.CUT)
        finally:
            if not self.over.done():
                self.over.set_result(None)

    async def _emptied(self) -> None:
        """Wait until the client has taken all so far: the wait for room that was cut short cannot be taken up again."""
        while self._transport is not None and self._transport.get_write_buffer_size():  # noqa: ASYNC110 - tells nobody
            await asyncio.sleep(LOOK_SECONDS)

    async def _finish(self, fields: Mapping[str, str]) -> DeliveryKind:
        if not self.started:
            self._start()
        if self._front.payload is not None:
            self.write(self._front.payload.body)
        self._http.write(_invoke_complete(fields))
        await self._http.drain()
        return await self._http.end(Ending.ENDED)

    def _start(self) -> None:
        self.started = True
        self._http.start(_HEAD)


def _payload_chunk(data: bytes) -> bytes:
    return _event("PayloadChunk", "application/octet-stream", data)


def _invoke_complete(fields: Mapping[str, str]) -> bytes:
    return _event("InvokeComplete", "application/json", json.dumps(dict(fields)).encode())


def _event(kind: str, content_type: str, payload: bytes) -> bytes:
    return encode_message({":event-type": kind, ":content-type": content_type, ":message-type": "event"}, payload)
