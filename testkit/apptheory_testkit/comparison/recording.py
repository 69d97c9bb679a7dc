"""The calls of one test, taken down on their way through a transport."""

from dataclasses import dataclass
from typing import Any

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.comparison.responses import ComparableCall, ComparableResponse
from apptheory_testkit.transports.live import LiveStream
from apptheory_testkit.transports.transport import Transport

__all__ = ["CallRecord", "RecordingTransport"]


@dataclass(slots=True)
class _Call:
    asked: str
    borders: bool
    answer: StreamCapture | LiveStream | None = None


class CallRecord:
    """The calls of one test in the order in which they were made, also when they overlap."""

    def __init__(self) -> None:
        """Begin without a call."""
        self._calls: list[_Call] = []
        self._heard: list[StreamCapture] = []

    def begin(self, asked: str, *, borders: bool = True) -> _Call:
        """Take down a call that is being made; `borders` says whether those of its chunks mean something."""
        call = _Call(asked, borders)
        self._calls.append(call)
        return call

    def hear(self, capture: StreamCapture) -> None:
        """Let a capture count: the test got it.  The runs of a sweep, which no test sees, do not."""
        self._heard.append(capture)

    def comparable(self, *, over_http: bool) -> list[ComparableCall]:
        """Give what is compared."""
        heard = {id(capture) for capture in self._heard}
        answered = ((call, _capture(call.answer)) for call in self._calls)
        return [
            ComparableCall(call.asked, ComparableResponse.of(capture, over_http=over_http, borders=call.borders))
            for call, capture in answered
            if capture is not None and id(capture) in heard
        ]


class RecordingTransport:
    """Another transport, whose calls are taken down."""

    def __init__(self, transport: Transport, record: CallRecord, *, borders: bool = True) -> None:
        """Send through `transport`, and take down in `record`.

        Without `borders` those of chunks are not compared: a runtime in another process cuts where it likes.
        """
        self._transport = transport
        self._record = record
        self._borders = borders

    @property
    def host(self) -> str:
        """That of the other."""
        return self._transport.host

    async def send(self, request: HttpRequest, **options: Any) -> StreamCapture:
        """As the other does."""
        call = self._begin(_asked(request))
        call.answer = await self._transport.send(request, **options)
        return call.answer

    async def invoke(self, event: Any, **options: Any) -> StreamCapture:
        """As the other does."""
        call = self._begin("invoke")
        call.answer = await self._transport.invoke(event, **options)
        return call.answer

    def open(self, request: HttpRequest, **options: Any) -> LiveStream:
        """As the other does."""
        call = self._begin(f"stream {_asked(request)}")
        call.answer = live = self._transport.open(request, **options)
        return live

    def _begin(self, asked: str) -> _Call:
        return self._record.begin(asked, borders=self._borders)


def _asked(request: HttpRequest) -> str:
    target = f"{request.path}?{request.query}" if request.query else request.path
    return f"{request.method} {target}"


def _capture(answer: StreamCapture | LiveStream | None) -> StreamCapture | None:
    if not isinstance(answer, LiveStream):
        return answer
    try:
        return answer.capture
    except UsageError:  # its block was never left
        return None
