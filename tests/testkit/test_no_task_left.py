"""Nothing of ours is left when a request is over: no task, nobody who sleeps, no thread."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming import AppError, HttpResponseStream, sse_stream, streamify_response, text_stream
from apptheory_streaming.handlers import Handler
from apptheory_testkit import StreamClient, stream_client
from apptheory_testkit.faults import Fault, cancel, deadline, disconnect, limit, pace, seconds, slow_reader, stall
from apptheory_testkit.virtual_time.loop import VirtualLoop
from disturbed import KINDS, Steps, virtual_client

WAIT_SECONDS = 10
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"virtual": VirtualLoop, "real": asyncio.new_event_loop}


async def body() -> AsyncIterator[str]:
    for number in range(4):
        yield f"{number}"
        await asyncio.sleep(0)


async def returning(event: Any, context: Any) -> Any:
    return text_stream(body())


async def beating(event: Any, context: Any) -> Any:
    """A heartbeat has a timer of its own."""
    return sse_stream(body(), heartbeat=3600)


@streamify_response
async def writing(event: Any, stream: HttpResponseStream, context: Any) -> None:
    async for part in body():
        await stream.write(part)
    await stream.end()


def sync(event: Any, context: Any) -> Iterator[str]:
    yield from "0123"


async def failing_early(event: Any, context: Any) -> Any:
    raise AppError("app.not_found", "nothing here")


async def failing_late(event: Any, context: Any) -> AsyncIterator[str]:
    yield "0"
    raise AppError("app.conflict", "no more")


HANDLERS = [returning, beating, writing, sync, failing_early, failing_late]

Use = Callable[[StreamClient], Awaitable[object]]


async def whole(client: StreamClient) -> None:
    await client.get("/")


async def many(client: StreamClient) -> None:
    await asyncio.gather(*(client.get("/") for _ in range(5)))


async def live(client: StreamClient) -> None:
    async with client.stream("GET", "/") as stream:
        assert [chunk async for chunk in stream]


async def live_left(client: StreamClient) -> None:
    async with client.stream("GET", "/") as stream:
        await anext(stream)


async def live_disconnected(client: StreamClient) -> None:
    async with client.stream("GET", "/") as stream:
        await anext(stream)
        await stream.disconnect()


async def live_not_read(client: StreamClient) -> None:
    async with client.stream("GET", "/"):
        pass


async def given_up(client: StreamClient) -> None:
    """A test may have a timeout of its own."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await client.get("/")


USES = [whole, many, live, live_left, live_disconnected, live_not_read, given_up]


def left(clock: str, use: Callable[[], Awaitable[object]]) -> list[str]:
    """Say what is there after the use: tasks, virtual sleepers, threads of handlers."""

    async def main() -> list[str]:
        await use()
        gc.collect()
        loop, tasks = asyncio.get_running_loop(), asyncio.all_tasks() - {asyncio.current_task()}
        sleepers = loop.sleepers if isinstance(loop, VirtualLoop) else []
        return [*map(str, tasks), *map(str, sleepers)]

    with asyncio.Runner(loop_factory=LOOPS[clock]) as runner:
        found = runner.run(main())
    for thread in threading.enumerate():
        if thread.name == "handler":
            thread.join(WAIT_SECONDS)
            found += [str(thread)] if thread.is_alive() else []
    return found


@pytest.mark.parametrize("clock", LOOPS)
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("handler", HANDLERS)
def test_a_request_leaves_no_task(handler: Handler, use: Use, clock: str) -> None:
    """However the test uses its client, and however the handler ends."""
    assert left(clock, lambda: use(stream_client(handler))) == []


FAULTS = [
    disconnect(at=0),
    disconnect(at=2),
    disconnect(at=seconds(1.5)),
    cancel(at=0),
    cancel(at=2),
    slow_reader(1),
    stall(at=1, seconds=60),
    pace(burst=4, rate=1),
    deadline(1.5),
    limit(9),
]


@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_leaves_no_task(kind: str, fault: Fault, on_disconnect: str) -> None:
    """Whatever is cut off in the middle, in whole requests and in live ones."""
    client = virtual_client(Steps().handler(kind), on_disconnect=on_disconnect)

    async def use() -> None:
        await client.get("/", fault=fault)
        async with client.stream("GET", "/", fault=fault) as stream:
            _ = [chunk async for chunk in stream]
        if kind.startswith("sync"):
            await asyncio.sleep(1)  # nobody can wake a thread: it is left when its `time.sleep` is over (rule E4)

    assert left("virtual", use) == []


def test_a_handler_that_leaves_a_task_is_found_by_the_same_look() -> None:
    """So what is looked for can be there."""
    waiting: list[asyncio.Task[None]] = []

    async def careless(event: Any, context: Any) -> AsyncIterator[str]:
        waiting.append(asyncio.create_task(asyncio.sleep(3600)))
        yield "0"
        await asyncio.sleep(1)

    found = left("virtual", lambda: stream_client(careless).get("/"))

    assert len(found) == 2
