"""Handlers of every kind, and a way to run them through `Invocation` into a small real sink."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apptheory_streaming import HttpResponseStream, StreamingResponse, streamify_response
from apptheory_streaming.handlers import Handler
from apptheory_streaming.invocation import Invocation, InvocationPolicy
from apptheory_streaming.wire.front import Front, FunctionUrlFront
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import DeliveryKind, Ending
from apptheory_streaming.wire.transcript import Transcript

__all__ = ["KINDS", "MemorySink", "Run", "Streaming", "invocation_of", "jump", "outcomes", "run_handler", "until"]

KINDS = ("sync", "async", "streamify", "sync streamify")


@dataclass(frozen=True)
class Streaming:
    """One behaviour as a handler of each of four kinds.

    `chunks` is called by the handler before it has a response; what it gives is the body.
    """

    chunks: Callable[[], Iterator[Any]]
    status: int = 200
    headers: Mapping[str, object] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)

    def handler(self, kind: str) -> Handler:
        """The handler of a kind."""
        made: dict[str, Handler] = {
            "sync": self.sync,
            "async": self.with_await,
            "streamify": self.streamified,
            "sync streamify": self.streamified_sync,
        }
        return made[kind]

    def sync(self, event: Any, context: Any) -> Any:
        return self._response(self.chunks())

    async def with_await(self, event: Any, context: Any) -> Any:
        chunks = self.chunks()

        async def body() -> AsyncIterator[Any]:
            for chunk in chunks:
                yield chunk

        return self._response(body())

    @streamify_response
    async def streamified(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        chunks = self.chunks()
        HttpResponseStream.from_(stream, self._metadata())
        for chunk in chunks:
            await stream.write(chunk)
        await stream.end()

    @streamify_response
    def streamified_sync(self, event: Any, stream: HttpResponseStream, context: Any) -> None:
        chunks = self.chunks()
        HttpResponseStream.from_(stream, self._metadata())
        for chunk in chunks:
            stream.write(chunk)
        stream.end()

    def _response(self, body: Any) -> StreamingResponse:
        return StreamingResponse(body, status=self.status, headers=self.headers, cookies=self.cookies)

    def _metadata(self) -> dict[str, object]:
        return {"statusCode": self.status, "headers": self.headers, "cookies": self.cookies}


class MemorySink:
    """Keeps what it gets, and takes down every call that breaks the order start, write, end.

    With `slow` it asks for a drain after each chunk, and no drain ever ends.
    """

    def __init__(self, *, slow: bool = False) -> None:
        self.head: Head | None = None
        self.chunks: list[bytes] = []
        self.ending: Ending | None = None
        self.misuse: list[str] = []
        self._slow = slow

    def start(self, head: Head, /) -> None:
        if self.head is not None or self.ending is not None:
            self.misuse.append("start out of order")
        self.head = head

    def write(self, data: bytes) -> bool:
        if self.head is None or self.ending is not None:
            self.misuse.append("write out of order")
        self.chunks.append(data)
        return not self._slow

    async def drain(self) -> None:
        if self._slow:
            await asyncio.Event().wait()

    async def end(self, ending: Ending) -> DeliveryKind:
        if self.ending is not None:
            self.misuse.append("end out of order")
        self.ending = ending
        return DeliveryKind.CUT if ending is Ending.CUT else DeliveryKind.COMPLETE


@dataclass(frozen=True)
class Run:
    """What came of a handler: its transcript, and the sink with head, chunks and ending."""

    transcript: Transcript
    sink: MemorySink


def invocation_of(
    handler: Handler,
    sink: MemorySink,
    *,
    policy: InvocationPolicy | None = None,
    front: Front | None = None,
    event: Any = None,
    head_only: bool = False,
) -> Invocation:
    """Make an invocation with an empty event that is not yet running."""
    return Invocation(
        handler,
        {} if event is None else event,
        None,
        sink=sink,
        front=front or FunctionUrlFront(),
        request_id="req_1",
        policy=policy,
        head_only=head_only,
    )


async def run_handler(
    handler: Handler, *, policy: InvocationPolicy | None = None, front: Front | None = None, head_only: bool = False
) -> Run:
    """Run a handler to its end."""
    sink = MemorySink()
    transcript = await invocation_of(handler, sink, policy=policy, front=front, head_only=head_only).run()
    assert sink.misuse == []
    return Run(transcript, sink)


def outcomes(transcript: Transcript) -> tuple[str, str]:
    """The outcome of the handler and of the delivery, as text."""
    return str(transcript.handler), str(transcript.delivery)


async def until(condition: Callable[[], object]) -> None:
    """Let the loop and other threads run until the condition holds; fails after a million turns of the loop."""
    for _ in range(1_000_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("waited in vain")


def jump(seconds: float) -> None:
    """Move the clock of the running loop ahead, so that what was armed for then is due now."""
    loop = asyncio.get_running_loop()
    now = loop.time
    loop.time = lambda: now() + seconds  # type: ignore[method-assign]
