"""Writes a response to an HTTP connection, a frame a chunk, and holds nothing back.

Each non-empty chunk is one HTTP/1.1 chunk frame (rule W7).  Frames go to the transport that
aiohttp prepared, since one `StreamResponse.write` a chunk costs a system call each: the first
frame of a loop pass leaves at once, the rest of the pass is joined and leaves at its end.  With a
pace, frames leave in `drain`, in slices.
"""

import asyncio
import re
from collections import deque
from collections.abc import Mapping

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from apptheory_emulator.config import LateErrors
from apptheory_emulator.front.pacer import Pacer, slices
from apptheory_streaming.wire.front import REMAPPED_HEADERS, REMAPPED_PREFIX
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryKind, Ending
from apptheory_streaming.wire.pacing import Pacing

__all__ = ["HttpSink"]

JOINED_BYTES = 64 * 1024
DIRECT_BYTES = 16 * 1024
HIGH_WATER_BYTES = 64 * 1024

_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class HttpSink:
    """The sink of one request; `over` is done when the client's response is."""

    def __init__(
        self,
        request: web.Request,
        *,
        platform_headers: Mapping[str, str],
        added_headers: Mapping[str, str] | None = None,
        replaced: frozenset[str] = frozenset(),
        late_errors: LateErrors = LateErrors.AWS,
        pace: Pacing | None = None,
        whole: bool = False,
    ) -> None:
        """Answer `request`; `platform_headers` take the place of those of the function, as those in `replaced` do.

        `added_headers` stand beside the function's.  A `whole` response is there at once, and so has a length.
        """
        self.response: web.StreamResponse | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent_bytes = 0
        self.gave_up = False
        """Whether the client has an answer that is not the function's, which may run on."""
        self._request = request
        self._platform_headers = platform_headers
        self._added_headers = added_headers or {}
        self._replaced = replaced
        self._whole = whole
        self._late_errors = late_errors
        self._framed = request.version >= HttpVersion11 and not whole
        self._transport: asyncio.WriteTransport | None = request.transport
        self._out: AbstractStreamWriter | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._pass_open = False
        self._pacer = None if pace is None else Pacer(pace)
        self._queued: deque[bytes] = deque()

    def start(self, head: Head) -> None:
        """Take the head; it leaves with the first drain."""
        headers: CIMultiDict[str] = CIMultiDict()
        for name, values in head.headers.items():
            if name in self._replaced:
                continue
            headers[f"{REMAPPED_PREFIX}{name}" if name in REMAPPED_HEADERS else name] = _field(",".join(values))
        for cookie in head.cookies:
            headers.add("Set-Cookie", _field(cookie))
        for name, value in self._added_headers.items():
            headers.add(name, value)
        headers.update(self._platform_headers)
        self.response = web.StreamResponse(status=head.status, reason=head.reason or None, headers=headers)

    def write(self, data: bytes) -> bool:
        """Take a chunk; false when the connection has enough to send."""
        if not data:
            return self._has_room()
        self.sent_bytes += len(data)
        if self._pacer is not None:
            self._queued.append(data)
            return False
        frame = b"%x\r\n%b\r\n" % (len(data), data) if self._framed else data
        if self._out is None:
            self._hold(frame)
            return False
        if len(frame) >= DIRECT_BYTES:
            self._flush()
            self._send(frame)
        elif self._pass_open:
            self._hold(frame)
        else:
            self._pass_open = True
            asyncio.get_running_loop().call_soon(self._end_pass)
            self._send(frame)
        return self._has_room()

    async def drain(self) -> None:
        """Send the head if it has not left, and wait until the connection has room."""
        if self._whole:  # it leaves at its end: a client that has its length may be gone right after
            return
        if self._out is None:
            await self._prepare()
        self._flush()
        if self._pacer is not None:
            await self._send_paced(self._pacer)
        await self._make_room()

    async def end(self, ending: Ending) -> DeliveryKind:
        """Finish the body; without its last chunk when it is cut, or failed and clients must notice."""
        cut = ending is Ending.CUT or (ending is Ending.FAILED and self._late_errors is LateErrors.ABORT)
        try:
            if self.response is not None:
                await self._finish(cut=cut)
            if cut and self._transport is not None:
                self._transport.close()
        finally:
            if not self.over.done():
                self.over.set_result(None)
        return DeliveryKind.CUT if cut else DeliveryKind.COMPLETE

    async def _finish(self, *, cut: bool) -> None:
        assert self.response is not None
        if self._out is None:
            await self._prepare()
        self._flush()
        if not cut:
            if self._pacer is not None:
                await self._send_paced(self._pacer)
            await self.response.write_eof()

    async def _prepare(self) -> None:
        if self.response is None:
            return
        if self._whole and not Head(self.response.status).bodyless and self._request.method != "HEAD":
            self.response.content_length = self.sent_bytes
        elif self.response.status < 200 or not (self._framed or self._whole):
            # No such final response, or no frames: only the end of the connection shows that it is over.
            self.response.force_close()
        self._out = await self.response.prepare(self._request)

    async def _send_paced(self, pacer: Pacer) -> None:
        while self._queued:
            data = self._queued.popleft()
            self._send(b"%x\r\n" % len(data) if self._framed else b"")
            for part in slices(data):
                await pacer.leave(len(part))
                self._send(part)
                await self._make_room()
            self._send(b"\r\n" if self._framed else b"")

    async def _make_room(self) -> None:
        if self._closing():
            raise ConnectionResetError("the client closed the connection")
        if self._out is not None:
            await self._out.drain()

    def _hold(self, frame: bytes) -> None:
        self._held.append(frame)
        self._held_bytes += len(frame)
        if self._out is not None and self._held_bytes >= JOINED_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._held and self._out is not None:
            held, self._held, self._held_bytes = self._held, [], 0
            self._send(b"".join(held))

    def _end_pass(self) -> None:
        self._pass_open = False
        self._flush()

    def _send(self, frame: bytes) -> None:
        if frame and self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    def _has_room(self) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        return self._transport.get_write_buffer_size() < HIGH_WATER_BYTES

    def _closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()


def _field(value: str) -> str:
    """Replace control characters, which aiohttp refuses to send, by blanks (RFC 9110, section 5.5)."""
    return _CONTROLS.sub(" ", value)
