"""The HTTP transport: the same requests over real sockets, with captures that equal the in-process ones (rule W7)."""

import asyncio
import gc
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_emulator import HttpTransport
from apptheory_emulator.keeper import Keeper
from apptheory_streaming import AppError, StreamingResponse, html_stream, streamify_response
from apptheory_streaming.errors import LoopError, TargetError, UsageError
from apptheory_testkit import Limits, RequestIds, StreamCapture, StreamClient, stream_client
from apptheory_testkit.comparison import compare_captures
from apptheory_testkit.faults import cancel, deadline, disconnect, limit, slow_reader, stall
from apptheory_testkit.sweeping.swept_test import SweptTest
from apptheory_testkit.virtual_time.loop import VirtualLoop
from live_handlers import Counting, turns
from parity_cases import CASES, Case

virtual = pytest.mark.streaming(clock="virtual")


def over_http(target: Any, **options: Any) -> StreamClient:
    """A client whose requests go over HTTP."""
    return stream_client(target, transport=HttpTransport, **options)


async def echo(event: dict[str, Any], context: Any) -> AsyncIterator[str]:
    yield json.dumps(event)


async def three(event: Any, context: Any) -> AsyncIterator[str]:
    for chunk in ("one", "", "three"):
        yield chunk


@pytest.mark.parametrize(
    ("case", "clock"),
    [
        *[pytest.param(case, VirtualLoop, id=f"{case.name}-virtual") for case in CASES],
        *[pytest.param(case, asyncio.new_event_loop, id=f"{case.name}-real") for case in CASES if not case.tells_time],
    ],
)
def test_w7_a_capture_over_http_equals_one_in_process(case: Case, clock: Any) -> None:
    """W7, D3: head, chunks with the empty ones, errors, outcomes; in virtual time the times too, in real time none."""

    async def capture(transport: Any) -> StreamCapture:
        client = stream_client(case.target, transport=transport, **case.options)
        return await client.request(case.method, case.path, headers=case.headers, content=case.body)

    async def both() -> tuple[StreamCapture, StreamCapture]:
        http = await capture(HttpTransport)
        in_process = await stream_client(case.target, **case.options).request(
            case.method, case.path, headers=case.headers, content=case.body
        )
        return in_process, http

    with asyncio.Runner(loop_factory=clock) as runner:
        in_process, http = runner.run(both())

    assert compare_captures(in_process, http) == []
    assert http.chunks == in_process.chunks
    assert http.request_id == in_process.request_id == "req_test_0001"
    assert http.notes == in_process.notes
    assert times(http) == times(in_process)


def times(capture: StreamCapture) -> list[Any]:
    """All times of a capture, without those that depend on how fast a client reads."""
    transcript = capture.transcript
    return [*((chunk.index, chunk.produced_at) for chunk in transcript.chunks), capture.ttfb, capture.duration]


@virtual
@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/a%20b/é?x=1&x=two%20words", {"params": {"y": ["1", "2"], "z": "ö ü"}}),
        ("POST", "/", {"json": {"text": "wörld"}, "headers": [("X-Tag", "a"), ("x-tag", "b")], "cookies": {"c": "1"}}),
        ("PUT", "/", {"content": b"\x00\xff" * 40_000, "headers": {"content-type": "image/png"}}),
        ("PATCH", "/", {"content": "text ☕"}),
        ("DELETE", "/", {"headers": {"Host": "shop.example", "user-agent": "mine", "x-word": "é"}}),
        ("OPTIONS", "/", {"headers": {"connection": "close, x-gone", "x-gone": "1", "te": "trailers"}}),
        ("POST", "/", {"data": {"a": "1 2", "b": ["x", "y"]}, "headers": {"expect": "100-continue"}}),
        ("propfind", "//elsewhere", {"headers": {"x-request-id": "mine", "x-forwarded-for": "10.0.0.1"}}),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)
async def test_a_handler_gets_the_very_event_that_it_gets_in_process(
    method: str, path: str, options: dict[str, Any]
) -> None:
    """Host, domain, port, source, ids, trace; in virtual time its time too."""
    in_process = await stream_client(echo).request(method, path, **options)
    http = await over_http(echo).request(method, path, **options)

    assert http.json() == in_process.json()


async def test_heads_are_those_of_the_wire_without_the_platforms() -> None:
    """W7: lists are joined, cookies stay apart and in order; an assertion on all headers holds on both paths."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return html_stream(["x"], headers={"vary": ["a", "b"], "date": "mine"}, cookies=["a=1", "b=2"])

    capture = await over_http(handler).get()

    assert capture.headers == {
        "content-type": ["text/html; charset=utf-8"],
        "vary": ["a,b"],
        "x-amzn-remapped-date": ["mine"],
    }
    assert capture.cookies == ["a=1", "b=2"]


async def test_chunks_of_megabytes_and_of_one_byte_stay_whole() -> None:
    """W7: what is read at once is never taken for a chunk."""
    sizes = [1, 5_000_000, 1, 1, 65_536, 3_000_000, 2]

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        for size in sizes:
            yield b"\r\n0\r\n\r\n"[: size % 8] + b"x" * (size - size % 8)

    capture = await over_http(handler).get()

    assert [len(chunk) for chunk in capture.chunks] == sizes


async def test_d2_request_ids_are_counted_in_the_order_of_the_calls() -> None:
    """Overlapping calls too, and clients that share a counter; the id of a request wins."""
    ids = RequestIds()
    one, other = over_http(three, request_ids=ids), over_http(three, request_ids=ids)

    captures = await asyncio.gather(one.get(), other.get(), one.get(headers={"X-Request-Id": "mine"}), other.get())

    assert [capture.request_id for capture in captures] == ["req_test_0001", "req_test_0002", "mine", "req_test_0003"]


async def test_d2_in_the_runs_of_a_swept_test_its_requests_keep_their_ids() -> None:
    """D2: those beside the swept one go over HTTP, and have the ids of the undisturbed run too."""
    client = over_http(three)
    ids: list[list[str]] = []
    sweep = SweptTest(cancel, {})

    async def test() -> None:
        ids.append([(await client.get(path)).request_id for path in ("/1", "/2", "/3")])

    with sweep.undisturbed():
        await test()
    for run in sweep.runs():
        with run:
            await test()

    assert ids == [["req_test_0001", "req_test_0002", "req_test_0003"]] * (1 + 3 * 4)
    assert (await client.get()).request_id == "req_test_0004"
    assert sweep.problems is None


async def test_requests_with_one_id_get_their_own_responses() -> None:
    """They are told apart by their connections."""

    async def handler(event: dict[str, Any], context: Any) -> AsyncIterator[str]:
        yield event["rawPath"]
        await turns(5)
        yield event["rawPath"]

    client = over_http(handler)
    paths = [f"/{number}" for number in range(20)]
    captures = await asyncio.gather(*(client.get(path, headers={"x-request-id": "same"}) for path in paths))

    assert [capture.chunks for capture in captures] == [[path.encode()] * 2 for path in paths]


async def test_times_are_virtual_on_a_virtual_loop_and_absent_on_a_real_one() -> None:
    """D3."""
    capture = await over_http(three).get()

    assert (capture.ttfb, capture.duration) == (None, None)
    assert [event.at for event in capture.transcript.events] == [None, None]
    assert [(chunk.produced_at, chunk.delivered_at) for chunk in capture.transcript.chunks] == [(None, None)] * 3


@virtual
async def test_a_quarter_of_an_hour_takes_no_time() -> None:
    """D1, D3: real sockets on a virtual loop, and each chunk has its time."""

    async def slow(event: Any, context: Any) -> AsyncIterator[str]:
        for _ in range(180):
            yield "x"
            await asyncio.sleep(5)

    capture = await over_http(slow).get()

    assert [chunk.produced_at for chunk in capture.transcript.chunks] == [5 * index for index in range(180)]
    assert capture.duration == 900


@virtual
async def test_d1_runs_over_http_give_equal_captures() -> None:
    """D1: times, ids and all, with a sync handler and one that sends megabytes between its waits."""

    def on_a_thread(event: Any, context: Any) -> Iterator[str]:
        yield from (f"{index}," for index in range(300))

    async def large(event: Any, context: Any) -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(2_000_000)
            await asyncio.sleep(1)

    async def run() -> list[StreamCapture]:
        ids = RequestIds()
        return [await over_http(handler, timeout=10, request_ids=ids).get() for handler in (on_a_thread, large)]

    first = await run()

    assert [await run() for _ in range(20)] == [first] * 20


async def test_env_is_set_while_a_call_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not between calls, although the server runs on."""
    import os

    monkeypatch.delenv("GREETING", raising=False)

    async def greets(event: Any, context: Any) -> AsyncIterator[str]:
        yield os.environ["GREETING"]

    client = over_http(greets, env={"GREETING": "hello"})

    assert (await client.get()).text == (await client.get()).text == "hello"
    assert "GREETING" not in os.environ


# -- live streams -----------------------------------------------------------------------------


async def test_a_live_stream_gives_each_chunk_before_the_next_is_made() -> None:
    """W7: what is not sent yet cannot have been read."""
    may_go_on = asyncio.Event()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "first"
        await may_go_on.wait()
        yield ""
        yield "second"

    async with over_http(handler).stream("GET", headers={"x-request-id": "mine"}) as live:
        assert live.head.headers == {"content-type": ["application/octet-stream"]}
        assert await anext(live) == b"first"
        may_go_on.set()
        assert [chunk async for chunk in live] == [b"second"]

    assert live.capture.chunks == [b"first", b"", b"second"]
    assert live.capture.request_id == "mine"
    assert live.capture.delivery_outcome == "complete"


@pytest.mark.parametrize(("on_disconnect", "outcome"), [("continue", "ended"), ("cancel", "cancelled")])
async def test_e4_disconnect_closes_the_connection_and_the_server_notices(on_disconnect: str, outcome: str) -> None:
    """E4: then the choice of the client decides."""
    gone = asyncio.Event()
    handler = Counting(last=2)

    async def waits(event: Any, context: Any) -> AsyncIterator[str]:
        async for chunk in handler(event, context):
            yield chunk
            if chunk == "1":
                await gone.wait()

    async with over_http(waits, on_disconnect=on_disconnect).stream("GET") as live:
        assert [await anext(live), await anext(live)] == [b"0", b"1"]
        await live.disconnect()
        await turns()
        gone.set()

    assert live.capture.chunks == [b"0", b"1"]
    assert live.capture.handler_outcome == outcome
    assert live.capture.delivery_outcome == "client_gone(after 2 bytes)"
    assert live.capture.unseen_problems() == []
    assert live.capture.transcript.dropped_chunks == (1 if outcome == "ended" else 0)


async def test_a_client_that_leaves_is_gone_although_the_server_had_sent_everything() -> None:
    """E4: what it did not take lay in the buffers of its connection."""
    async with over_http(three).stream("GET") as live:
        assert await anext(live) == b"one"
        await turns()
        await live.disconnect()

    assert live.capture.chunks == [b"one"]
    assert live.capture.handler_outcome == "ended"
    assert live.capture.delivery_outcome == "client_gone(after 3 bytes)"
    assert live.capture.notes == []


async def test_leaving_a_live_stream_early_cancels_the_handler() -> None:
    """As in-process: its client is gone, and nobody waits for it."""
    handler = Counting()

    async with over_http(handler).stream("GET") as live:
        assert await anext(live) == b"0"
        await turns()

    assert handler.left_by in ("GeneratorExit", "CancelledError")
    assert live.capture.chunks == [b"0"]
    assert live.capture.handler_outcome == "cancelled"
    assert live.capture.delivery_outcome == "client_gone(after 1 bytes)"  # taken; more lay in the connection


async def test_a_handler_that_is_ahead_of_its_client_is_held_back_by_the_connection() -> None:
    """Some megabytes of buffers lie between them, and no more."""
    produced = 0

    async def endless(event: Any, context: Any) -> AsyncIterator[bytes]:
        nonlocal produced
        while True:
            yield bytes(1024 * 1024)
            produced += 1

    async with over_http(endless).stream("GET") as live:
        assert len(await anext(live)) == 1024 * 1024
        await turns(500)
        assert produced < 100

    assert live.capture.handler_outcome == "cancelled"


async def test_a_live_head_request_and_an_early_error_have_their_heads() -> None:
    """E2, E6."""

    async def conflict(event: Any, context: Any) -> None:
        raise AppError("app.conflict", "taken")

    async with over_http(conflict).stream("GET") as live:
        assert live.head.status == 409
        assert b"app.conflict" in b"".join([chunk async for chunk in live])
    async with over_http(three).stream("HEAD") as head:
        assert [chunk async for chunk in head] == []

    assert live.capture.error is not None
    assert (head.capture.status, head.capture.chunks) == (200, [])


# -- the limits of HTTP -----------------------------------------------------------------------


async def test_invoke_runs_in_process() -> None:
    """No HTTP request makes an event of any shape; the ids go on counting."""
    client = over_http(echo)

    assert (await client.get()).request_id == "req_test_0001"
    capture = await client.invoke({"any": "shape"})

    assert capture.json() == {"any": "shape"}
    assert capture.request_id == "req_test_0002"


@virtual
async def test_e5_l2_faults_of_the_function_work_over_http_too() -> None:
    """E5, L2: they are bounds of the server; what they end is no problem of the handler."""

    async def endless(event: Any, context: Any) -> AsyncIterator[str]:
        while True:
            yield "12345"
            await asyncio.sleep(1)

    client = over_http(endless)
    timed_out, too_large = await client.get(fault=deadline(2.5)), await client.get(fault=limit(12))
    async with client.stream("GET", fault=deadline(1.5)) as live:
        chunks = [chunk async for chunk in live]

    assert [capture.unseen_problems() for capture in (timed_out, too_large, live.capture)] == [[], [], []]
    assert (timed_out.chunks, str(timed_out.handler_outcome)) == ([b"12345"] * 3, "timed_out")
    assert timed_out.delivery_outcome == "cut"
    assert (too_large.chunks, too_large.stream_error_code) == ([b"12345"] * 2, "app.too_large")
    assert chunks == [b"12345"] * 2


@virtual
@pytest.mark.parametrize("fault", [disconnect(at=1), cancel(at=1), stall(at=1, seconds=1), slow_reader(10)], ids=str)
async def test_faults_that_depend_on_what_a_client_has_run_in_process(fault: Any) -> None:
    """Sockets hold bytes, so over HTTP no such moment is exact; the same test runs on both paths."""
    expected = await stream_client(three, request_ids=RequestIds()).get(fault=fault)
    capture = await over_http(three).get(fault=fault)
    async with over_http(three).stream("GET", fault=fault) as live:
        chunks = [chunk async for chunk in live]

    assert capture == expected
    assert chunks == expected.chunks


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"content-length": "10"}, "content-length is 10 and the body has 3 bytes"),
        ({"x-long": "x" * 1_050_000}, "the server answered 400 before any function saw the request"),
    ],
    ids=["wrong length", "too long"],
)
async def test_a_request_that_http_cannot_carry_is_a_usage_error(headers: dict[str, str], message: str) -> None:
    """And never a request that hangs."""
    with pytest.raises(UsageError, match=message):
        await over_http(three).post(content=b"abc", headers=headers)


async def test_a_live_stream_that_http_cannot_carry_is_a_usage_error_at_the_call() -> None:
    with pytest.raises(UsageError, match="content-length is 10"):
        over_http(three).stream("GET", headers={"content-length": "10"})


async def test_a_target_that_cannot_be_had_is_raised_by_the_call() -> None:
    """As in-process, not answered by a 502."""
    with pytest.raises(TargetError, match="no module 'no_such_module'"):
        await over_http("no_such_module:handler").get()
    with pytest.raises(TargetError):
        over_http("no_such_module:handler").stream("GET")


def test_without_a_loop_it_says_what_it_needs() -> None:
    with pytest.raises(LoopError, match=r"client\.sync"):
        over_http(three).stream("GET")


@pytest.mark.parametrize("early", [True, False], ids=["early", "late"])
async def test_e1_what_is_no_exception_comes_out(early: bool) -> None:
    """E1: such as what `pytest.fail` raises in a handler; a server would make an answer of it."""

    async def fails(event: Any, context: Any) -> AsyncIterator[str]:
        if not early:
            yield "one"
        pytest.fail("in the handler")

    with pytest.raises(pytest.fail.Exception, match="in the handler"):
        await over_http(fails).get()


async def test_a_limit_on_requests_is_held_also_for_those_that_are_still_being_sent() -> None:
    """L1: 413, although the client is not done."""
    capture = await over_http(three, limits=Limits(max_request_bytes=10)).post(content=b"x" * 10_000_000)

    assert capture.status == 413
    assert capture.stream_error_code is None


# -- nothing is left behind -------------------------------------------------------------------


async def test_cancelling_a_call_cancels_its_handler() -> None:
    """As in-process: it does not run on in the background."""
    entered, left = asyncio.Event(), asyncio.Event()

    async def waits(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            entered.set()
            await asyncio.Event().wait()
            yield "never"
        finally:
            left.set()

    call = asyncio.create_task(over_http(waits).get())
    await entered.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert left.is_set()


async def test_a_call_that_is_cancelled_at_any_step_leaves_the_server_to_the_others() -> None:
    """Also before the server serves, and before the request is read."""
    handler = Counting(last=0)
    client = over_http(handler)
    for steps in range(40):
        call = asyncio.create_task(client.get())
        await turns(steps)
        call.cancel()
        await asyncio.wait({call})

    assert (await client.get()).chunks == [b"0"]


async def test_a_server_that_was_ended_is_started_again() -> None:
    """As the plugin ends it between two examples of hypothesis; nothing of it is left."""
    keepers: list[Keeper[int]] = []

    def transport(*arguments: Any, **options: Any) -> HttpTransport:
        return HttpTransport(*arguments, on_server=keepers.append, **options)

    before = asyncio.all_tasks()
    client = stream_client(three, transport=transport)
    for _ in range(2):
        assert (await client.get()).status == 200
        assert (await client.get()).status == 200
        await keepers[-1].end()

    assert len(keepers) == 2
    assert all(keeper.ended for keeper in keepers)
    assert asyncio.all_tasks() == before


async def test_a_server_whose_client_is_forgotten_lives_as_long_as_its_loop() -> None:
    """A loop knows its tasks weakly: collected, it would leave a port open, and a warning."""
    await over_http(three).get()
    gc.collect()

    assert [task.get_coro().__qualname__ for task in asyncio.all_tasks()].count("Keeper._keep") == 1  # type: ignore[union-attr]


def test_each_sync_call_has_a_server_on_its_own_loop() -> None:
    """It ends with that loop."""
    ports: list[int] = []

    def handler(event: Any, context: Any) -> Iterator[str]:
        yield "one"
        yield "two"

    class Noting(HttpTransport):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, on_server=self.note, **options)

        def note(self, keeper: Keeper[int]) -> None:
            keeper.loop.create_task(self.port_of(keeper))

        async def port_of(self, keeper: Keeper[int]) -> None:
            ports.append(await keeper.start())

    client = stream_client(handler, transport=Noting).sync

    assert client.get().chunks == client.get().chunks == [b"one", b"two"]
    assert len(ports) == 2
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


async def test_a_streamify_handler_that_works_on_after_its_end_is_waited_for() -> None:
    """As in-process: a capture is complete when the handler is at its end."""
    done: list[str] = []

    @streamify_response
    async def handler(event: Any, stream: Any, context: Any) -> None:
        stream.write("all")
        stream.end()
        await turns()
        done.append("cleaned up")

    capture = await over_http(handler).get()

    assert (capture.chunks, done) == ([b"all"], ["cleaned up"])
