"""Clients that leave and invocations that are cancelled: exact, in virtual time, for every kind of handler."""

import asyncio
from typing import Any

import pytest

from apptheory_streaming import AppError, HttpResponseStream, streamify_response
from apptheory_testkit import StreamCapture
from apptheory_testkit.faults import (
    Fault,
    cancel,
    disconnect,
    seconds,
    slow_reader,
)
from apptheory_testkit.virtual_time.loop import VirtualLoop
from disturbed import KINDS, Steps, get_disturbed, times_of, virtual_client

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@EVERY_KIND
@pytest.mark.parametrize("at", range(5))
def test_e4_a_client_that_leaves_has_exactly_so_many_chunks_and_the_handler_runs_on(kind: str, at: int) -> None:
    """E4: `continue`, as on AWS; at=4 is after the last chunk, before the handler is at its end."""
    steps = Steps()

    capture = get_disturbed(steps, kind, disconnect(at=at))

    assert capture.chunks == [b"no 0", b"no 1", b"no 2", b"no 3"][:at]
    assert capture.status == 201
    assert capture.delivery_outcome == f"client_gone(after {4 * at} bytes)"
    assert capture.handler_outcome == "ended"
    assert capture.transcript.dropped_chunks == 4 - at
    assert capture.duration == 4
    assert steps.log == ["begun", "came to its end"]


@EVERY_KIND
@pytest.mark.parametrize("at", range(1, 5))
def test_e4_where_it_was_asked_for_the_handler_is_cancelled_at_that_chunk(kind: str, at: int) -> None:
    """E4: `cancel`; a generator is closed at the `yield` of the chunk, and does not reach the next."""
    steps = Steps()

    capture = get_disturbed(steps, kind, disconnect(at=at), on_disconnect="cancel")

    assert len(capture.chunks) == at
    assert capture.handler_outcome == "cancelled"
    assert capture.delivery_outcome == f"client_gone(after {4 * at} bytes)"
    assert capture.duration == at - 1
    left_by = {"streamify": "CancelledError", "sync streamify": "ClientGone"}.get(kind, "GeneratorExit")
    assert steps.log == ["begun", left_by]


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("fault", [disconnect(at=0), cancel(at=0)], ids=str)
def test_f1_chunk_0_is_between_the_final_head_and_the_first_chunk_asked_for(kind: str, fault: Fault) -> None:
    """F1: the body is there and never begins: closing such a generator runs no `finally`."""
    steps = Steps()

    capture = get_disturbed(steps, kind, fault, on_disconnect="cancel")

    assert steps.log == []
    assert (capture.status, capture.chunks) == (201, [])
    assert capture.handler_outcome == "cancelled"
    assert [event.kind for event in capture.transcript.events] == ["finalized"]


@pytest.mark.parametrize("kind", ["streamify", "sync streamify"])
def test_f2_for_a_streamify_handler_it_is_the_call_of_from(kind: str) -> None:
    """F2: the head is final there, and the handler is stopped at the next thing it does."""
    steps = Steps()

    capture = get_disturbed(steps, kind, cancel(at=0))

    assert steps.log == ["begun", "ClientGone"]
    assert (capture.status, capture.chunks, capture.duration) == (201, [], 0)


@EVERY_KIND
def test_a_cancelled_invocation_is_cut(kind: str) -> None:
    """F5: the two outcomes of it."""
    steps = Steps()

    capture = get_disturbed(steps, kind, cancel(at=2))

    assert capture.chunks == [b"no 0", b"no 1"]
    assert capture.handler_outcome == "cancelled"
    assert capture.delivery_outcome == "cut"
    assert steps.log[0] == "begun"
    assert steps.log[1:] != ["came to its end"]


@EVERY_KIND
def test_a_moment_in_seconds_lies_between_two_chunks(kind: str) -> None:
    """E4: the handler is where it waits, not at a `yield`."""
    steps = Steps()

    capture = get_disturbed(steps, kind, cancel(at=seconds(2.5)))

    assert len(capture.chunks) == 3
    assert capture.duration == 2.5
    if kind in ("async", "streamify"):
        assert steps.log == ["begun", "CancelledError"]


def test_seconds_count_from_the_request() -> None:
    """Not from the beginning of the clock."""

    async def main() -> StreamCapture:
        await asyncio.sleep(100)
        return await virtual_client(Steps().with_await).get(fault=disconnect(at=seconds(1.5)))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert len(runner.run(main()).chunks) == 2


def test_a_prefix_is_chunk_0() -> None:
    """R7: at=0 is before it, at=1 behind it."""

    class Response:
        status, body, is_base64 = 200, b"prefix", False
        cookies = ()

        def __init__(self) -> None:
            self.headers: dict[str, str] = {}
            self.body_stream = iter([b"rest"])

    client = virtual_client(lambda event, context: Response()).sync

    assert client.get(fault=disconnect(at=0)).chunks == []
    assert client.get(fault=disconnect(at=1)).chunks == [b"prefix"]


def test_an_early_error_is_a_response_to_leave_too() -> None:
    """E2: there is no body, so chunk 0 is where the head would be sent."""

    async def fails(event: Any, context: Any) -> None:
        raise AppError("app.conflict", "taken")

    client = virtual_client(fails).sync

    assert client.get(fault=disconnect(at=0)).delivery_outcome == "client_gone(after 0 bytes)"
    assert client.get(fault=cancel(at=seconds(1))).delivery_outcome == "complete"


def test_a_fault_whose_moment_never_comes_is_noted() -> None:
    """A test that relies on it would prove nothing."""
    capture = get_disturbed(Steps(), "async", [disconnect(at=5), cancel(at=seconds(60))])

    assert capture.delivery_outcome == "complete"
    assert capture.notes == [
        "disconnect(at=5) did not happen: the response was over before",
        "cancel(at=seconds(60)) did not happen: the response was over before",
    ]


def test_writes_that_are_not_awaited_reach_the_client_one_by_one() -> None:
    """The handler may be ahead; what counts is what the client has."""

    @streamify_response
    async def ahead(event: Any, stream: HttpResponseStream, context: Any) -> None:
        for number in range(4):
            stream.write(str(number))
        stream.end()

    client = virtual_client(ahead).sync

    capture = client.get(fault=disconnect(at=2))
    slow = client.get(fault=slow_reader(1))

    assert capture.chunks == [b"0", b"1"]
    assert capture.delivery_outcome == "client_gone(after 2 bytes)"
    assert times_of(slow) == [(0, 1), (0, 2), (0, 3), (0, 4)]
