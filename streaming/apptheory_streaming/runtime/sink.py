"""The response of one invocation, streamed to the Runtime API."""

from collections.abc import Callable

from apptheory_streaming.errors import code_of
from apptheory_streaming.runtime.client import RuntimeClient
from apptheory_streaming.runtime.error_report import ErrorReport
from apptheory_streaming.runtime.response_reader import HttpResponse
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryKind, Ending
from apptheory_streaming.wire.prelude import encode_prelude
from apptheory_streaming.wire.runtime_api import InvocationRequest
from apptheory_streaming.wire.transcript import HandlerError

__all__ = ["RuntimeApiSink"]


class RuntimeApiSink:
    """Sends the prelude, also of an empty body (rule F6), and each chunk as one HTTP chunk at once.

    `answer` is what the Runtime API said to it at the end.
    """

    def __init__(
        self, client: RuntimeClient, request: InvocationRequest, *, error: Callable[[], HandlerError | None]
    ) -> None:
        """Answer `request`; `error` gives what the handler failed with, for the trailers."""
        self.started = False
        self.answer: HttpResponse | None = None
        self._client = client
        self._request = request
        self._error = error
        self._held: list[bytes] | None = []

    def start(self, head: Head) -> None:
        """Take the head; it leaves with the first drain, which can open a connection."""
        assert self._held is not None
        self.started = True
        self._held.append(encode_prelude(head))

    def write(self, data: bytes) -> bool:
        """Send a chunk; false when the socket has enough; an empty one would end the body (rule R3)."""
        connection = self._client.connection
        if self._held is not None:
            self._held.append(data)
            return False
        return connection.write(data) if data else connection.has_room()

    async def drain(self) -> None:
        """Send what waits for the connection, and wait until the socket has room."""
        await self._begin()
        await self._client.connection.drain()

    async def end(self, ending: Ending) -> DeliveryKind:
        """Finish the body, with an error in its trailers if it failed; drop the connection for a cut (rule E3b)."""
        if ending is Ending.CUT:
            if self.started:
                await self._begin()  # without a word from here, the platform would hand out the same invocation again
                self._client.connection.abort()
            return DeliveryKind.CUT
        await self._begin()
        error = self._error() if ending is Ending.FAILED else None
        report = None if error is None else ErrorReport.of(error.exception, code=code_of(error.exception))
        self.answer = await self._client.end_stream(report)
        return DeliveryKind.COMPLETE

    async def _begin(self) -> None:
        if self._held is not None:
            await self._client.begin_stream(self._request, self._held)
            self._held = None
