"""The sweep: one request again and again, the client gone or the invocation cancelled at every event of it."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming import HttpResponseStream, StreamingResponse, sse_stream, streamify_response, text_stream
from apptheory_streaming.errors import UsageError
from apptheory_testkit import Limits, StreamCapture, SweepReport, stream_client
from apptheory_testkit.faults import Fault, Moment, cancel, disconnect, limit, slow_reader
from disturbed import KINDS, Steps, virtual_client


class Slots:
    """Something of which there are only so many, and handlers that claim one and give it back."""

    def __init__(self) -> None:
        self.in_use = 0

    async def claims_before_the_body(self, event: Any, context: Any) -> StreamingResponse:
        """The leak: a body that never begins runs no `finally`."""
        self.in_use += 1
        return text_stream(self.releasing_body())

    async def releasing_body(self) -> AsyncIterator[str]:
        try:
            yield "one"
            yield "two"
        finally:
            self.in_use -= 1

    async def releases_at_the_end(self, event: Any, context: Any) -> AsyncIterator[str]:
        """The leak: a handler that is cancelled does not come to the last line."""
        self.in_use += 1
        yield "one"
        yield "two"
        self.in_use -= 1

    async def claims_in_the_body(self, event: Any, context: Any) -> StreamingResponse:
        """No leak."""

        async def body() -> AsyncIterator[str]:
            self.in_use += 1
            try:
                yield "one"
                yield "two"
            finally:
                self.in_use -= 1

        return text_stream(body())


def problems(client: Any, **options: Any) -> list[str]:
    """What a sweep of GET / finds, a line each without the first."""
    with pytest.raises(AssertionError) as raised:
        client.sync.sweep("GET", "/", **options)
    return [line.strip() for line in str(raised.value).splitlines()[1:]]


# -- the two leaks that no hand-written test looks for --------------------------------------------


def test_e4_a_leak_before_the_first_byte_is_found() -> None:
    """E4: a slot claimed in the handler and released in the generator; it leaks only where the body never begins."""
    slots = Slots()
    client = stream_client(slots.claims_before_the_body)

    found = problems(client, leaks=lambda: slots.in_use)

    assert [line.split(": ")[0] for line in found] == [
        "disconnect(at=0) before the first chunk, on_disconnect=cancel",
        "disconnect(at=0) before the first chunk, on_disconnect=cancel",
    ]
    assert found[0].split(": ")[1].startswith("the `finally` at test_sweep.py:")
    assert found[1].endswith("the probe was 0 before and is 1 after")


@pytest.mark.parametrize("fault", [None, disconnect(at=1), disconnect(at=2), cancel(at=1), cancel(at=2)], ids=str)
def test_the_same_handler_is_green_in_every_test_by_hand(fault: Fault | None) -> None:
    """Proof that the sweep is what finds it: nothing leaks at the moments that one would think of."""
    slots = Slots()

    stream_client(slots.claims_before_the_body, on_disconnect="cancel").sync.get(fault=fault)

    assert slots.in_use == 0


@pytest.mark.parametrize("fault", [disconnect, cancel], ids=["disconnect", "cancel"])
def test_e4_a_leak_that_is_there_only_on_cancel_is_found(fault: Callable[[Moment], Fault]) -> None:
    """E4: wherever the body had begun; the profile `continue` is clean."""
    slots = Slots()
    client = stream_client(slots.releases_at_the_end)

    found = problems(client, leaks={"slots": lambda: slots.in_use}, fault=fault)

    profile = ", on_disconnect=cancel" if fault is disconnect else ""
    assert found == [
        f"{fault.__name__}(at=1) after chunk 0{profile}: the probe 'slots' was 0 before and is 1 after",
        f"{fault.__name__}(at=2) after chunk 1 (the last){profile}: the probe 'slots' was 1 before and is 2 after",
    ]


@pytest.mark.parametrize("fault", [None, *map(disconnect, range(3))], ids=str)
def test_that_handler_is_green_where_nobody_cancels_it(fault: Fault | None) -> None:
    """The proof beside it."""
    slots = Slots()

    stream_client(slots.releases_at_the_end).sync.get(fault=fault)

    assert slots.in_use == 0


def test_a_handler_that_cleans_up_is_clean() -> None:
    """Three positions, each by both profiles, and each run has the request id of the first."""
    slots = Slots()

    report = stream_client(slots.claims_in_the_body).sync.sweep("GET", "/", leaks=lambda: slots.in_use)

    assert report == SweepReport(runs=6, positions=3)


# -- what is found --------------------------------------------------------------------------------


def test_a_task_that_is_left() -> None:
    """By where it waits; the next run is not blamed for it."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        async def forgotten() -> None:
            await asyncio.Event().wait()

        task = asyncio.create_task(forgotten())
        yield "one"
        task.cancel()

    found = problems(stream_client(handler))

    assert len(found) == 1
    assert found[0].startswith("disconnect(at=1) after chunk 0 (the last), on_disconnect=cancel: a task is left that ")
    assert "waits at test_sweep.py:" in found[0]


def test_a_generator_that_is_not_closed() -> None:
    """Somebody keeps it, so that it is not even collected; its `finally` did not run."""
    kept: list[object] = []

    async def lines() -> AsyncIterator[str]:
        try:
            yield "one"
            yield "two"
        finally:
            kept.clear()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        iterator = lines()
        kept.append(iterator)
        async for line in iterator:
            yield line

    found = problems(stream_client(handler), fault=cancel)

    assert [line.split(": ")[0] for line in found] == [
        "cancel(at=1) after chunk 0",
        "cancel(at=2) after chunk 1 (the last)",
    ]
    assert "a generator is not closed: it stands at test_sweep.py:" in found[0]
    assert ", and the `finally` at test_sweep.py:" in found[0]


def test_a_generator_that_is_let_go_is_closed_by_the_loop() -> None:
    """A body that hands on another one's items is the most usual thing, and leaves nothing."""

    async def lines() -> AsyncIterator[str]:
        try:
            yield "one"
            yield "two"
        finally:
            await asyncio.sleep(0)

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        async for line in lines():
            yield line

    assert stream_client(handler).sync.sweep("GET", fault=cancel).runs == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python's own complaint about it
def test_a_generator_that_ignores_being_closed() -> None:
    """It goes on to its next `yield`, and stays there."""

    def stubborn(event: Any, context: Any) -> Iterator[str]:
        for _ in range(2):
            try:
                yield "one"
            except GeneratorExit:
                context.function_name = "goes on"

    found = problems(stream_client(stubborn), fault=cancel)
    gc.collect()  # and complain here

    assert len(found) == 1
    assert found[0].startswith("cancel(at=1) after chunk 0: a generator is not closed: it stands at test_sweep.py:")


def guarded_from_its_first_line() -> AsyncIterator[str]:
    """A body whose `finally` is for what was there before."""

    async def body() -> AsyncIterator[str]:
        """Its text is no statement."""
        try:
            yield "one"
        finally:
            print("released")  # noqa: T201 - any statement

    return body()


def claimed_in_itself() -> AsyncIterator[str]:
    """A body that makes what its `finally` is for."""

    async def body() -> AsyncIterator[str]:
        claimed = object()
        try:
            yield "one"
        finally:
            del claimed

    return body()


def guarded_sync() -> Iterator[str]:
    """The same, sync."""

    def body() -> Iterator[str]:
        try:
            yield "one"
        finally:
            print("released")  # noqa: T201 - any statement

    return body()


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (guarded_from_its_first_line, 1),
        (guarded_sync, 1),
        (claimed_in_itself, 0),
        (lambda: sse_stream(guarded_from_its_first_line()), 1),
        (lambda: sse_stream(guarded_sync()), 1),
        (lambda: sse_stream(claimed_in_itself()), 0),
    ],
    ids=["async", "sync", "claimed inside", "in a helper", "sync in a helper", "claimed inside, in a helper"],
)
def test_f1_a_finally_of_a_body_that_never_began(make: Callable[[], Any], count: int) -> None:
    """F1: with no probe at all; one that is for what the body made itself is none, since that was not made."""

    async def handler(event: Any, context: Any) -> Any:
        return make()

    client = stream_client(handler)

    if count == 0:
        assert client.sync.sweep("GET", fault=cancel).runs == 2
    else:
        (found,) = problems(client, fault=cancel)
        assert found.startswith("cancel(at=0) before the first chunk: the `finally` at test_sweep.py:")
        assert found.endswith(" did not run, because its body never began")


def test_a_handler_that_is_a_generator_itself_had_nothing_before_it() -> None:
    """Not a line of it ran, so its `finally` guards nothing."""

    class Handler:
        async def method(self, event: Any, context: Any) -> AsyncIterator[str]:
            try:
                yield "one"
            finally:
                pass

    async def function(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            yield "one"
        finally:
            pass

    for handler in (function, Handler().method):
        assert stream_client(handler).sync.sweep("GET", fault=cancel).runs == 2


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_handler(kind: str) -> None:
    """Before chunk 0, behind each of three, and in the wait behind each; threads end before they are judged."""
    steps = Steps(3)
    client = virtual_client(steps.handler(kind))

    def open_bodies() -> int:
        return steps.log.count("begun") - (len(steps.log) - steps.log.count("begun"))

    assert client.sync.sweep("GET", leaks=open_bodies) == SweepReport(runs=14, positions=7)
    assert client.sync.sweep("GET", leaks=open_bodies, fault=cancel) == SweepReport(runs=7, positions=7)


def test_a_leak_in_a_wait_is_found_in_virtual_time() -> None:
    """At a `yield` a body sees GeneratorExit; only where it waits, CancelledError."""
    held: list[int] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        held.append(1)
        try:
            await asyncio.sleep(4)
        except asyncio.CancelledError:
            raise RuntimeError("passed over held.pop()") from None
        held.pop()
        yield "two"

    found = problems(virtual_client(handler), fault=cancel, leaks=lambda: len(held))

    assert found == ["cancel(at=seconds(2)) in the wait after chunk 0: the probe was 0 before and is 1 after"]


def test_a_wait_before_the_head_is_one_too() -> None:
    held: list[int] = []

    async def handler(event: Any, context: Any) -> StreamingResponse:
        held.append(1)
        await asyncio.sleep(4)
        held.pop()
        return text_stream("x")

    found = problems(virtual_client(handler), fault=cancel, leaks=lambda: len(held))

    assert found == ["cancel(at=seconds(2)) in the wait before the first chunk: the probe was 0 before and is 1 after"]


def test_a_sync_handler_that_sleeps_is_waited_for() -> None:
    """Its thread cannot be stopped in a sleep; it cleans up at its next write, and only then it is judged."""
    held: list[int] = []

    def handler(event: Any, context: Any) -> Iterator[str]:
        held.append(1)
        try:
            yield "one"
            time.sleep(3600)
            yield "two"
        finally:
            time.sleep(60)
            held.pop()

    assert virtual_client(handler).sync.sweep("GET", leaks=lambda: len(held)).positions == 5


def test_a_streamify_handler_leaks_between_its_head_and_its_first_write() -> None:
    """F2: position 0 of it is the call of from_."""
    held: list[int] = []

    @streamify_response
    async def handler(event: Any, stream: HttpResponseStream, context: Any) -> None:
        HttpResponseStream.from_(stream, {"statusCode": 200})
        held.append(1)
        await asyncio.sleep(0)
        try:
            await stream.write("one")
        finally:
            held.pop()
        stream.end()

    found = problems(stream_client(handler), fault=cancel, leaks=lambda: len(held))

    assert found == ["cancel(at=0) before the first chunk: the probe was 0 before and is 1 after"]


async def test_d1_a_task_that_nobody_holds_is_found_every_time() -> None:
    """D1: the garbage collector could take it away before it is looked for; here it would run at every turn."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        task = asyncio.create_task(asyncio.Event().wait())
        yield "one"
        task.cancel()

    async def collector() -> None:
        while True:
            if gc.isenabled():
                gc.collect()
            await asyncio.sleep(0)

    collecting = asyncio.create_task(collector())
    with pytest.raises(AssertionError, match="found 1 problem in 2 runs"):
        await stream_client(handler).sweep("GET", fault=cancel)
    collecting.cancel()

    assert gc.isenabled()


async def test_it_leaves_nothing_behind_itself() -> None:
    """What a handler left is cancelled once it is reported."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        task = asyncio.create_task(asyncio.Event().wait())
        yield "one"
        task.cancel()

    with pytest.raises(AssertionError, match="a task is left"):
        await stream_client(handler).sweep("GET", fault=cancel)

    assert asyncio.all_tasks() == {asyncio.current_task()}


# -- how it is asked for --------------------------------------------------------------------------


async def test_it_is_awaited_in_an_async_test_and_takes_the_keywords_of_a_request() -> None:
    events: list[dict[str, Any]] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        events.append(event)
        yield "one"

    report = await stream_client(handler).sweep("POST", "/x", json={"a": 1}, headers={"x-a": "b"}, params={"q": "1"})

    assert report == SweepReport(runs=4, positions=2)
    assert len(events) == 5 - 1  # in one run the body never began
    assert {event["rawPath"] + "?" + event["rawQueryString"] for event in events} == {"/x?q=1"}
    assert {event["body"] for event in events} == {'{"a": 1}'} or {event["body"] for event in events} == {'{"a":1}'}


def test_d2_all_runs_have_one_request_id_and_the_next_request_the_next() -> None:
    """D2: however many runs there were."""
    ids: list[str] = []

    async def handler(event: Any, context: Any) -> StreamingResponse:
        ids.append(context.aws_request_id)
        return text_stream(["one", "two"])

    client = stream_client(handler).sync
    client.sweep("GET")

    assert set(ids) == {"req_test_0001"}
    assert len(ids) == 7
    assert client.get().request_id == "req_test_0002"


def test_its_runs_do_not_count_for_strict_mode() -> None:
    """Nobody hears of their captures."""
    heard: list[StreamCapture] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise ValueError("late")

    client = stream_client(handler, on_capture=heard.append)

    assert client.sync.sweep("GET").runs == 4
    assert heard == []


def test_the_fault_may_be_a_function_of_your_own() -> None:
    """Here a slow client that leaves, under a limit; a disconnect in it means both profiles."""
    asked: list[Moment] = []

    def fault(at: Moment) -> list[Fault]:
        asked.append(at)
        return [slow_reader(4), disconnect(at), limit(1000)]

    report = virtual_client(Steps(1).with_await, limits=Limits()).sync.sweep("GET", fault=fault)

    assert asked[0] == 0
    assert (len(asked), report) == (3, SweepReport(runs=6, positions=3))


def test_d1_a_sweep_finds_the_same_every_time() -> None:
    """D1: word for word."""

    def message() -> list[str]:
        slots = Slots()
        return problems(virtual_client(slots.releases_at_the_end), leaks=lambda: slots.in_use)

    first = message()

    assert all(message() == first for _ in range(20))


def test_the_message_says_how_many_problems_in_how_many_runs() -> None:
    slots = Slots()

    with pytest.raises(AssertionError, match=r"^the sweep of GET /x found 2 problems in 3 runs:\n  cancel"):
        stream_client(slots.releases_at_the_end).sync.sweep("GET", "/x", fault=cancel, leaks=lambda: slots.in_use)


def test_a_request_that_fails_without_a_fault_is_no_sweep() -> None:
    """It would be clean, and prove nothing."""

    async def handler(event: Any, context: Any) -> None:
        raise ValueError("no such table")

    with pytest.raises(AssertionError, match=r"has nothing to disturb, because without a fault it fails: .*no such"):
        stream_client(handler).sync.sweep("GET")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fault": disconnect(at=2)}, r"write fault=disconnect, without a call, not disconnect\(at=2\)"),
        ({"fault": None}, "write fault=disconnect, without a call, not None"),
        ({"fault": lambda at: None}, "must make one for every position; it made none for 0"),
        ({"leaks": 3}, r"leaks must be a function without arguments, such as `lambda: pool\.in_use`, not 3"),
        ({"leaks": {"pool": 3}}, r"leaks\['pool'\] must be a function without arguments"),
    ],
    ids=["a fault", "no factory", "no fault", "no probe", "no probe in a mapping"],
)
def test_what_cannot_be_swept_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        stream_client(Slots().claims_in_the_body).sync.sweep("GET", "/", **options)
