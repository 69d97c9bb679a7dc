"""`EventLog` and `replay`: a client that comes back misses nothing, and gets nothing twice."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from apptheory_streaming import (
    EventLog,
    EventsLost,
    EventStore,
    FrameInjection,
    InvalidResponse,
    ServerSentEvent,
    SseDecoder,
    StreamingResponse,
    last_event_id,
    replay,
    sse_stream,
)
from apptheory_streaming.errors import UsageError, WriteAfterEnd
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def filled(count: int, **options: Any) -> EventLog:
    """A log that has ended, with the events `event 1` to `event n`."""
    log = EventLog(**options)
    for number in range(1, count + 1):
        log.append(f"event {number}")
    log.end()
    return log


async def listed(events: AsyncIterator[ServerSentEvent]) -> list[tuple[str | None, object]]:
    """Ids and data of events until they end."""
    return [(event.id, event.data) async for event in events]


# -- what is kept -------------------------------------------------------------------------------


def test_an_event_gets_its_id_and_keeps_the_rest() -> None:
    """E36: numbers from 1, in the order of the calls, behind the prefix."""
    log = EventLog(prefix="chat-7-")

    assert log.append("a") == ServerSentEvent("a", id="chat-7-1")
    assert log.append({"b": 1}) == ServerSentEvent({"b": 1}, id="chat-7-2")
    assert log.append(ServerSentEvent("c", "e", retry=5)) == ServerSentEvent("c", "e", "chat-7-3", 5)
    assert log.newest == "chat-7-3"


@pytest.mark.parametrize("after", range(5))
def test_a_client_gets_what_is_behind_its_id(after: int) -> None:
    """E36: all of it, in order, and then the end."""
    log = filled(4)
    last = str(after) if after else ""

    assert run(listed(replay(log, last))) == [(str(number), f"event {number}") for number in range(after + 1, 5)]


@pytest.mark.parametrize(
    "unknown", ["5", "0", "01", "-1", "x", " 1", "1 ", "٣", "1_0", "9" * 5000, "other-1"], ids=lambda text: text[:9]
)
def test_an_id_of_another_log_is_refused(unknown: str) -> None:
    """E36: nothing is guessed: events of a log that was there before are lost."""
    with pytest.raises(EventsLost, match="are not kept, or no longer"):
        run(listed(replay(filled(4), unknown)))


def test_a_prefix_tells_logs_apart() -> None:
    """E36: an id of the log before the last start of the process is never taken for one of this."""
    with pytest.raises(EventsLost):
        run(listed(replay(filled(4, prefix="b-"), "a-2")))
    with pytest.raises(EventsLost):
        run(listed(replay(filled(4, prefix="b-"), "2")))
    assert run(listed(replay(filled(2, prefix="b-"), "b-1"))) == [("b-2", "event 2")]


def test_only_the_last_events_are_kept() -> None:
    """E36: what is gone is said to be, and never left out in silence."""
    log = filled(10, max_events=3)

    assert (log.oldest, log.newest) == ("7", "10")
    assert run(listed(replay(log, log.oldest))) == [(str(number), f"event {number}") for number in (8, 9, 10)]
    for gone in ("", "6"):
        with pytest.raises(EventsLost):
            run(listed(replay(log, gone)))


def test_an_empty_log_has_neither_oldest_nor_newest() -> None:
    """E36: both are the beginning."""
    assert (EventLog().oldest, EventLog().newest) == ("", "")


def test_a_log_is_over_for_a_client_that_has_all_of_it() -> None:
    """E36: not before the end, and for nobody else."""
    log = EventLog()
    log.append("a")
    assert not log.is_over("1")
    log.end()
    log.end()
    assert [log.is_over(last) for last in ("", "0", "1", "2")] == [False, False, True, False]


@pytest.mark.parametrize("options", [{"max_events": 0}, {"max_events": True}, {"max_events": 1.5}], ids=repr)
def test_a_log_that_keeps_nothing_is_refused(options: dict[str, Any]) -> None:
    """At the call, with what would be right."""
    with pytest.raises(UsageError, match="max_events must be a whole number from 1, not"):
        EventLog(**options)


@pytest.mark.parametrize("prefix", ["a\n", "é", "\0", " a", "a ", 7], ids=repr)
def test_a_prefix_that_no_header_can_have_is_refused(prefix: Any) -> None:
    """It comes back in a header of a request."""
    with pytest.raises(UsageError, match="prefix must be printable ASCII"):
        EventLog(prefix=prefix)


def test_what_cannot_be_sent_is_refused_where_it_is_appended() -> None:
    """W2: not where some client follows."""
    log = EventLog()
    with pytest.raises(FrameInjection, match=r"'\\n' \(position 1\)"):
        log.append(ServerSentEvent("x", event="a\nb"))
    with pytest.raises(InvalidResponse):
        log.append(object())
    with pytest.raises(UsageError, match="has 'mine' already"):
        log.append(ServerSentEvent("x", id="mine"))
    assert log.newest == ""


def test_nothing_is_appended_behind_the_end() -> None:
    """F4: WriteAfterEnd, as of any stream."""
    log = filled(1)
    with pytest.raises(WriteAfterEnd):
        log.append("late")
    assert log.newest == "1"


# -- following ----------------------------------------------------------------------------------


def test_a_client_that_follows_gets_each_event_when_it_happens() -> None:
    """E36: in virtual time, the end too, and with the heartbeats of a silent stream."""
    log = EventLog()

    async def produce() -> None:
        for pause in (1, 2, 16):
            await asyncio.sleep(pause)
            log.append(f"after {pause}")
        log.end()

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return sse_stream(replay(log, last_event_id(event)))

    async def main() -> StreamCapture:
        _, capture = await asyncio.gather(produce(), stream_client(handler).get())
        return capture

    capture = run(main())

    assert [(each.at, each.value.id, each.value.data) for each in capture.sse(positions=True)] == [
        (1, "1", "after 1"),
        (3, "2", "after 2"),
        (19, "3", "after 16"),
    ]
    assert [chunk for chunk in capture.chunks if chunk.startswith(b":")] == [b": keep-alive\n\n"]


def test_a_client_that_leaves_while_it_waits_is_forgotten() -> None:
    """E4: cancelled, it waits no more, and the others still do."""
    log = EventLog()

    async def main() -> list[tuple[str | None, object]]:
        leaving = asyncio.create_task(listed(replay(log)))
        staying = asyncio.create_task(listed(replay(log)))
        await asyncio.sleep(1)
        leaving.cancel()
        await asyncio.wait([leaving])
        log.append("a")
        log.end()
        assert leaving.cancelled()
        return await staying

    assert run(main()) == [("1", "a")]


def test_a_client_that_is_overtaken_is_told_so() -> None:
    """E36, E3: events that are dropped before it has them are a late error, and never a gap."""
    log = EventLog(max_events=2)
    log.append("event 1")

    async def overtaken(event: Any, context: Any) -> StreamingResponse:
        async def events() -> AsyncIterator[ServerSentEvent]:
            async for each in replay(log):
                yield each
                for number in range(2, 6):
                    log.append(f"event {number}")

        return sse_stream(events(), error_events=True)

    capture = run(stream_client(overtaken).get())

    assert capture.stream_error_code == "app.not_found"
    assert [event.event for event in capture.sse()] == ["message", "error"]


def test_an_id_that_is_lost_is_a_404() -> None:
    """E2: before the first event there is a status for it, which stops an EventSource."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return sse_stream(replay(filled(3), last_event_id(event)))

    capture = run(stream_client(handler).get(headers={"Last-Event-ID": "99"}))

    assert capture.status == 404
    capture.assert_error("app.not_found", late=False)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Let threads take turns as often as they can, so that what is not safe shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
async def test_threads_and_tasks_append_while_others_follow() -> None:
    """W1: 8 threads, 8 tasks, 4 clients: each client has every event once, in one and the same order."""
    log = EventLog(max_events=8_000)
    together = threading.Barrier(8)

    def thread(writer: int) -> None:
        together.wait(timeout=30)
        for number in range(500):
            log.append(f"{writer} {number}")

    async def task(writer: int) -> None:
        for number in range(500):
            log.append(f"{writer} {number}")
            await asyncio.sleep(0)

    followers = [asyncio.create_task(listed(replay(log))) for _ in range(4)]
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(8) as pool:
        threads = [loop.run_in_executor(pool, thread, writer) for writer in range(8)]
        await asyncio.gather(*threads, *(task(writer) for writer in range(8, 16)))
    log.end()
    results = await asyncio.gather(*followers)

    assert [identity for identity, _ in results[0]] == [str(number) for number in range(1, 8_001)]
    assert all(result == results[0] for result in results)
    data = [str(text) for _, text in results[0]]
    for writer in range(16):
        assert [text for text in data if text.startswith(f"{writer} ")] == [f"{writer} {n}" for n in range(500)]


def test_a_thread_wakes_a_loop_that_has_nothing_else_to_do() -> None:
    """W1: asyncio's debug mode would not let a thread touch the loop in any other way."""
    log = EventLog()

    def produce() -> None:
        log.append("a")
        log.end()

    async def main() -> list[tuple[str | None, object]]:
        following = asyncio.create_task(listed(replay(log)))
        await asyncio.sleep(0)  # it waits now
        thread = threading.Thread(target=produce)
        thread.start()
        async with asyncio.timeout(10):  # only a failure takes so long
            result = await following
        thread.join()
        return result

    with asyncio.Runner(debug=True) as runner:
        assert runner.run(main()) == [("1", "a")]


def test_a_client_whose_loop_is_closed_disturbs_nobody() -> None:
    """W1: whoever appends goes on."""
    log = EventLog()
    loop = asyncio.new_event_loop()
    left = loop.create_task(listed(replay(log)))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    assert log.append("a").id == "1"
    left.get_coro().close()
    left._log_destroy_pending = False  # type: ignore[attr-defined]


# -- coming back --------------------------------------------------------------------------------


@pytest.mark.parametrize("lost_after", range(8))
def test_a_client_that_is_cut_off_anywhere_loses_nothing_and_gets_nothing_twice(lost_after: int) -> None:
    """E36: after each number of chunks, a comment among them, half a frame at the cut, back with the last id it had."""
    log = filled(6, prefix="p")

    async def handler(event: Any, context: Any) -> StreamingResponse:
        async def events() -> AsyncIterator[object]:
            yield ServerSentEvent(comment="welcome")
            async for each in replay(log, last_event_id(event)):
                yield each

        return sse_stream(events())

    async def main() -> list[tuple[str, str]]:
        client = stream_client(handler)
        decoder = SseDecoder()
        got = []
        whole = (await client.get()).chunks
        kept = b"".join(whole[:lost_after]) + b"".join(whole[lost_after:])[:9]
        got += decoder.feed(kept)
        decoder.close()
        back = await client.get(headers={"last-event-id": decoder.last_event_id} if decoder.last_event_id else {})
        got += decoder.feed(back.body)
        return [(event.id, event.data) for event in got]

    assert run(main()) == [(f"p{number}", f"event {number}") for number in range(1, 7)]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"last-event-id": "7"}, "7"),
        ({"Last-Event-ID": "7"}, "7"),
        ({"accept": "text/event-stream"}, ""),
        ({}, ""),
        (None, ""),
    ],
    ids=repr,
)
def test_the_id_is_read_from_the_request(headers: Any, expected: str) -> None:
    """E36: in any case; nothing for a client that is new."""
    assert last_event_id({"headers": headers}) == expected
    assert last_event_id({}) == ""


def test_what_is_no_event_has_no_id() -> None:
    """E36: the mistake is the handler's, and said at the call."""
    with pytest.raises(UsageError, match="event must be the event of the request, a mapping, not of type NoneType"):
        last_event_id(None)  # type: ignore[arg-type]


# -- a store of one's own -----------------------------------------------------------------------


class Table:
    """A store that gives two events at a time, as a page of a database."""

    def __init__(self, rows: list[ServerSentEvent]) -> None:
        self._rows = rows

    async def events_after(self, last_event_id: str, /) -> Sequence[ServerSentEvent]:
        await asyncio.sleep(0.5)
        ids = [""] + [str(row.id) for row in self._rows]
        return self._rows[ids.index(last_event_id) :][:2]


def test_any_store_can_be_replayed() -> None:
    """E36: an EventStore has one method, and ids of its own."""
    rows = [ServerSentEvent(letter, id=f"key-{letter}") for letter in "abcde"]
    store: EventStore = Table(rows)

    assert run(listed(replay(store, "key-b"))) == [("key-c", "c"), ("key-d", "d"), ("key-e", "e")]


@pytest.mark.parametrize("identity", [None, ""])
def test_a_store_that_gives_no_id_is_told_so(identity: str | None) -> None:
    """It would be asked for the same events for ever."""
    with pytest.raises(UsageError, match="Table gave an event without an id"):
        run(listed(replay(Table([ServerSentEvent("a", id=identity)]))))
