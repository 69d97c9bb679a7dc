"""Order, slow readers and many clients at once, in process and over HTTP on the same virtual loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_emulator import HttpTransport
from apptheory_streaming import HttpResponseStream, ServerSentEvent, sse_stream, streamify_response
from apptheory_streaming.handlers import Handler
from apptheory_streaming.wire.sse import encode_event
from apptheory_streaming.wire.sse_decoder import SseDecoder
from apptheory_testkit import StreamCapture, StreamClient
from apptheory_testkit.faults import slow_reader, stall
from apptheory_testkit.transports.in_process import InProcessTransport
from apptheory_testkit.virtual_time.loop import VirtualLoop
from disturbed import KINDS, Steps, virtual_client

EVENTS = [ServerSentEvent({"number": number}, id=str(number)) for number in range(100)]


async def returning(event: Any, context: Any) -> Any:
    async def events() -> AsyncIterator[ServerSentEvent]:
        for number, each in enumerate(EVENTS):
            yield each
            await asyncio.sleep(number % 3)

    return sse_stream(events())


def sync(event: Any, context: Any) -> Any:
    return sse_stream(iter(EVENTS))


@streamify_response
async def writing(event: Any, stream: HttpResponseStream, context: Any) -> None:
    """Without waiting for any of its writes: the order is that of the calls (rule W1)."""
    for each in EVENTS:
        stream.write(encode_event(each))
    await stream.end()


@streamify_response
async def writing_from_tasks(event: Any, stream: HttpResponseStream, context: Any) -> None:
    """One task an event, the next one a second later."""

    async def write(number: int) -> None:
        await asyncio.sleep(number)
        await stream.write(encode_event(EVENTS[number]))

    await asyncio.gather(*(write(number) for number in reversed(range(len(EVENTS)))))
    await stream.end()


EVERY_PATH = pytest.mark.parametrize("transport", [InProcessTransport, HttpTransport], ids=["in-process", "http"])


@EVERY_PATH
@pytest.mark.parametrize("handler", [returning, sync, writing, writing_from_tasks])
def test_w1_a_hundred_events_arrive_in_order(handler: Handler, transport: Any) -> None:
    """None is lost, none comes twice, and each is a chunk of its own."""
    decoder = SseDecoder()

    capture = virtual_client(handler, transport=transport).sync.get("/")

    assert [event.id for chunk in capture.chunks for event in decoder.feed(chunk)] == [str(n) for n in range(100)]
    assert capture.chunks == [encode_event(event) for event in EVENTS]


async def own_stream(event: Any, context: Any) -> AsyncIterator[str]:
    """Ten parts for the client of this path, the pause between them as long as its number."""
    number = int(event["rawPath"].strip("/"))
    for index in range(10):
        yield f"{number}: {index}\n"
        await asyncio.sleep(number)


def together(client: StreamClient, *, slow: int | None = None) -> list[StreamCapture]:
    """Ten requests at once; the client of one number may be slow."""

    async def main() -> list[StreamCapture]:
        faults = {slow: slow_reader(1)}
        return await asyncio.gather(*(client.get(f"/{number}", fault=faults.get(number)) for number in range(10)))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


@EVERY_PATH
def test_ten_clients_at_once_each_get_their_own_stream(transport: Any) -> None:
    """Every chunk is one's own, under a request id of one's own, at one's own times."""
    captures = together(virtual_client(own_stream, transport=transport))

    for number, capture in enumerate(captures):
        assert capture.chunks == [f"{number}: {index}\n".encode() for index in range(10)]
        assert capture.duration == 10 * number
    assert len({capture.request_id for capture in captures}) == 10


def test_a_slow_client_gets_everything_and_keeps_nobody_waiting() -> None:
    """One byte a second: its own stream takes longer, those of the others do not."""
    captures = together(virtual_client(own_stream), slow=1)

    assert [capture.duration for capture in captures] == [0, 60, *(10 * number for number in range(2, 10))]
    assert captures[1].chunks == [f"1: {index}\n".encode() for index in range(10)]
    assert captures[1].delivery_outcome == "complete"


def most_on_the_way(capture: StreamCapture) -> int:
    """The most bytes that were made and not yet taken, at any moment."""
    records = capture.transcript.chunks
    moments = [record.produced_at for record in records]
    return max(
        sum(
            record.size
            for record in records
            if record.produced_at is not None
            and record.delivered_at is not None
            and moment is not None
            and record.produced_at <= moment < record.delivered_at
        )
        for moment in moments
    )


def flooding(event: Any, context: Any) -> Iterator[bytes]:
    for _ in range(500):
        yield bytes(1000)


async def flooding_async(event: Any, context: Any) -> AsyncIterator[bytes]:
    for _ in range(500):
        yield bytes(1000)


@streamify_response
async def flooding_stream(event: Any, stream: HttpResponseStream, context: Any) -> None:
    for _ in range(500):
        await stream.write(bytes(1000))
    await stream.end()


@pytest.mark.parametrize("handler", [flooding, flooding_async, flooding_stream])
@pytest.mark.parametrize("fault", [slow_reader(1000), stall(at=3, seconds=60)], ids=str)
def test_a_client_that_is_slow_or_stops_holds_its_handler_back(handler: Handler, fault: Any) -> None:
    """Of 500 000 bytes two chunks at most are made and not taken."""
    capture = virtual_client(handler).sync.get("/", fault=fault)

    assert len(capture.body) == 500_000
    assert most_on_the_way(capture) <= 2_000


def test_a_handler_that_does_not_wait_for_its_writes_is_not_held_back() -> None:
    """As in Node: all it made is on the way at once, so the measure above can tell."""

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        for _ in range(500):
            stream.write(bytes(1000))
        await stream.end()

    capture = virtual_client(handler).sync.get("/", fault=slow_reader(1000))

    assert most_on_the_way(capture) == 500_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_runs_no_faster_than_its_client_reads(kind: str) -> None:
    """Four bytes in eight seconds, four times, although a chunk is ready each second."""
    capture = virtual_client(Steps().handler(kind)).sync.get("/", fault=slow_reader(0.5))

    assert capture.chunks == [b"no 0", b"no 1", b"no 2", b"no 3"]
    assert [record.delivered_at for record in capture.transcript.chunks] == [8, 17, 26, 35]
