"""A recording as an upstream of a test: its chunks at their times, and every fault."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit import (
    Recorded,
    StreamClientFactory,
    assert_rechunk_invariant,
    at_utf8,
    every_byte,
    everywhere,
    recorded,
)
from apptheory_testkit.faults import upstream_error
from apptheory_testkit.recordings import Ended, RecordedCut, Recording, TimedChunk, render_recording
from apptheory_testkit.virtual_time.loop import VirtualLoop

pytestmark = pytest.mark.streaming(clock="virtual")


def recording(*chunks: tuple[float, bytes], ended_at: float = 9.0, **fields: Any) -> Recording:
    """A recording of these times and chunks."""
    made: dict[str, Any] = {
        "id": "p0.recorded.chat",
        "name": "GET /chat, recorded",
        "handler": "chat",
        "request": HttpRequest(method="GET", path="/chat"),
        "head": Head(200, {"content-type": ("text/plain",)}, ("a=1",)),
        "chunks": tuple(TimedChunk(data, at) for at, data in chunks),
        "ended_at": ended_at,
    }
    return Recording(**{**made, **fields})


THREE = Recorded(recording((0.5, b"one "), (2.0, b"two "), (2.0, b"three")))


async def heard(stream: AsyncIterator[bytes] | Recorded) -> list[tuple[float, bytes]]:
    """What comes, and when, up to an error."""
    now = asyncio.get_running_loop().time
    began = now()
    got = [(round(now() - began, 9), data) async for data in stream]
    return [*got, (round(now() - began, 9), b"")]


async def heard_until(error: type[BaseException], stream: AsyncIterator[bytes] | Recorded) -> list[tuple[float, bytes]]:
    """What comes before an error, and when that is raised."""
    now = asyncio.get_running_loop().time
    began, got = now(), []
    try:
        async for data in stream:
            got.append((round(now() - began, 9), data))  # noqa: PERF401 - what came before the error is kept
    except error:
        return [*got, (round(now() - began, 9), b"")]
    raise AssertionError(f"{error.__name__} was not raised")


async def test_chunks_come_at_their_times_and_the_end_at_its_own() -> None:
    """D3: on the loop's clock, and each iteration begins anew."""
    for _ in range(2):
        assert await heard(THREE) == [(0.5, b"one "), (2.0, b"two "), (2.0, b"three"), (9.0, b"")]


async def test_times_are_exact_to_the_nanosecond_whenever_it_begins() -> None:
    """D1: neither floats that are added nor the resolution of timers make a chunk early or late."""
    gaps = [1, 999, 137_000_001, 7, 100_000_003, 1_234_567_891, 333_333_333, 10] * 40
    moments = [sum(gaps[: at + 1]) for at in range(len(gaps))]
    stream = Recorded(recording(*((ns / 1e9, b".") for ns in moments), ended_at=moments[-1] / 1e9))
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    for wait in (0, 0.1, 86_399.999_999_999):
        await asyncio.sleep(wait)
        began = loop.clock.now_ns

        assert [loop.clock.now_ns - began async for _ in stream] == moments


async def test_other_timers_change_no_time() -> None:
    """A timer that is a little earlier makes no chunk early: those of asyncio are, by their resolution."""
    stream = Recorded(recording((1.000_000_5, b"a"), ended_at=1.000_000_5))
    other = asyncio.create_task(asyncio.sleep(1))

    assert await heard(stream) == [(1.000_000_5, b"a"), (1.000_000_5, b"")]
    await other


async def test_a_handler_reads_it_in_the_place_of_its_model(stream_client: StreamClientFactory) -> None:
    """The capture has the times of the recording."""

    async def handler(event: Any, context: Any) -> AsyncIterator[bytes]:
        async for chunk in THREE:
            yield chunk.upper()

    capture = await stream_client(handler).get("/")

    assert capture.chunks == [b"ONE ", b"TWO ", b"THREE"]
    assert [chunk.delivered_at for chunk in capture.transcript.chunks] == [0.5, 2, 2]
    assert capture.duration == 9


async def test_a_handler_that_blocks_reads_it_too(stream_client: StreamClientFactory) -> None:
    """Its thread sleeps, which in virtual time takes none."""

    def handler(event: Any, context: Any) -> Iterator[bytes]:
        began = time.monotonic()
        yield from THREE.blocking()
        assert round(time.monotonic() - began, 6) == 9

    capture = await stream_client(handler).get("/")

    assert capture.handler_outcome == "ended"
    assert [chunk.delivered_at for chunk in capture.transcript.chunks] == [0.5, 2, 2]


async def test_blocking_is_cut_as_well(stream_client: StreamClientFactory) -> None:
    """By the same error."""

    def handler(event: Any, context: Any) -> Iterator[bytes]:
        with pytest.raises(RecordedCut, match="behind 1 chunk"):
            yield from THREE.cut(1).blocking()

    assert (await stream_client(handler).get("/")).chunks == [b"one "]


async def test_its_handler_answers_with_head_chunks_and_times(stream_client: StreamClientFactory) -> None:
    """Any request gets the recorded response; the head has no type that nobody sent."""
    made = recording((3.0, b"hi"), head_at=1.0, head=Head(201, {"x-one": ("a", "b")}, ("c=1", "d=2")))

    capture = await stream_client(Recorded(made).handler).post("/anything", json={})

    assert (capture.status, capture.headers, capture.cookies) == (201, {"x-one": ["a", "b"]}, ["c=1", "d=2"])
    assert (capture.chunks, capture.ttfb, capture.duration) == ([b"hi"], 3, 9)
    assert list(capture.transcript.log())[:2] == ["finalized at 1 s", "committed at 1 s"]


async def test_e3_a_stream_that_was_cut_raises_where_it_was() -> None:
    """E3: what clients of a cut connection see is a ConnectionError."""
    cut = Recorded(recording((0.5, b"one"), ended=Ended.CUT, ended_at=4.0))

    assert await heard_until(ConnectionError, cut) == [(0.5, b"one"), (4.0, b"")]


async def test_one_that_was_stopped_ends() -> None:
    """Nobody knows what would have come."""
    stopped = Recorded(recording((0.5, b"one"), ended=Ended.STOPPED, ended_at=4.0))

    assert await heard(stopped) == [(0.5, b"one"), (4.0, b"")]


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        (0, [(0.5, b"")]),
        (1, [(0.5, b"one "), (2.0, b"")]),
        (3, [(0.5, b"one "), (2.0, b"two "), (2.0, b"three"), (9.0, b"")]),
    ],
)
async def test_a_cut_takes_the_place_of_a_chunk(at: int, seen: list[tuple[float, bytes]]) -> None:
    """Behind the last one, that of the end."""
    assert await heard_until(RecordedCut, THREE.cut(at)) == seen


async def test_an_error_of_your_own_takes_the_place_of_a_chunk() -> None:
    """Such as a client library raises."""
    assert await heard_until(TimeoutError, THREE.error(1, TimeoutError())) == [(0.5, b"one "), (2.0, b"")]


async def test_a_stall_makes_a_chunk_and_all_behind_it_late() -> None:
    """And the end."""
    assert await heard(THREE.stall(1, seconds=10)) == [(0.5, b"one "), (12.0, b"two "), (12.0, b"three"), (19.0, b"")]


async def test_upstream_error_takes_it_too() -> None:
    """It is an upstream like any other."""
    stream = upstream_error(THREE, at=1, error=TimeoutError())

    assert await heard_until(TimeoutError, stream) == [(0.5, b"one "), (0.5, b"")]


CUTS: dict[str, tuple[Callable[[], Recorded], list[tuple[float, bytes]]]] = {
    "a way": (lambda: THREE.rechunk(lambda body: [body[:2], body[2:6], body[6:]]), [(0.5, b"on"), (2, b"e tw")]),
    "every byte": (lambda: THREE.rechunk(every_byte), [(0.5, b"o"), (0.5, b"n")]),
    "empty chunks": (lambda: THREE.rechunk(lambda body: [b"", body[:4], b"", body[4:]]), [(0.5, b""), (0.5, b"one ")]),
    "two in one": (lambda: THREE.rechunk(lambda body: [body]), [(2.0, b"one two three"), (9.0, b"")]),
    "a later fault": (lambda: THREE.rechunk(every_byte).stall(1, seconds=1), [(0.5, b"o"), (1.5, b"n")]),
}


@pytest.mark.parametrize(("make", "first"), CUTS.values(), ids=list(CUTS))
async def test_w6_cut_anew_a_chunk_comes_with_its_last_byte(
    make: Callable[[], Recorded], first: list[tuple[float, bytes]]
) -> None:
    """W6: the same bytes, at the times at which they could be known."""
    stream = make()

    assert (await heard(stream))[:2] == first
    assert b"".join(stream.chunks) == b"one two three"


async def test_w6_a_seed_and_a_character_cut_in_two() -> None:
    """W6: the ways of `rechunk`, for a parser behind it."""
    stream = Recorded(recording((1.0, "é€".encode()), ended_at=1.0))

    assert stream.rechunk(seed=4).chunks == stream.rechunk(seed=4).chunks
    assert stream.rechunk(at_utf8).chunks == [b"\xc3", b"\xa9\xe2", b"\x82", b"\xac"]
    assert_rechunk_invariant(b"".join, stream.recording.body)


async def test_faults_combine_and_leave_the_first_one_alone() -> None:
    """Each is another stream."""
    both = THREE.stall(1, seconds=1).cut(2)

    assert await heard_until(RecordedCut, both) == [(0.5, b"one "), (3.0, b"two "), (3.0, b"")]
    assert await heard_until(TimeoutError, THREE.error(1, TimeoutError()).faster(2)) == [(0.25, b"one "), (1.0, b"")]
    assert THREE.times == [0.5, 2, 2]


async def test_speed_changes_every_time() -> None:
    """The end too; `at_once` leaves none."""
    assert await heard(THREE.faster(2)) == [(0.25, b"one "), (1.0, b"two "), (1.0, b"three"), (4.5, b"")]
    assert await heard(THREE.at_once()) == [(0, b"one "), (0, b"two "), (0, b"three"), (0, b"")]


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a chunk that never comes": (lambda: THREE.cut(4), r"cut\(at=4\): at is the number of a chunk.*has 3 chunks"),
    "a place before the first": (lambda: THREE.stall(-1, seconds=1), r"stall\(at=-1\)"),
    "a stall of no length": (lambda: THREE.stall(1, seconds=float("nan")), "a stall takes seconds"),
    "an error that is none": (lambda: THREE.error(1, "timeout"), "error must be an exception"),  # type: ignore[arg-type]
    "a stall that no clock can count": (lambda: THREE.stall(1, seconds=1e300), "no more than a year"),
    "a speed that no clock can count": (lambda: THREE.faster(1e-310), "a speed is a number above 0"),
    "no path": (lambda: recorded(5), "recorded takes the path of a file"),  # type: ignore[arg-type]
    "no speed": (lambda: THREE.faster(0), "a speed is a number above 0"),
    "many ways at once": (lambda: THREE.rechunk(everywhere), "gives one list of chunks"),
    "another body": (lambda: THREE.rechunk(lambda body: [body, b"!"]), "joined they must be its body"),
    "no way and no seed": (THREE.rechunk, "one of a way"),
}


@pytest.mark.parametrize(("call", "text"), WRONG.values(), ids=list(WRONG))
def test_what_would_prove_nothing_is_refused(call: Callable[[], object], text: str) -> None:
    """With what would be right."""
    with pytest.raises(UsageError, match=text):
        call()


def test_a_path_counts_from_the_file_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And from the current folder where there is no such file beside it."""
    (tmp_path / "chat.stream.json").write_text(render_recording(THREE.recording))
    code = compile(
        "from apptheory_testkit import recorded\nstream = recorded('chat.stream.json')", tmp_path / "t.py", "exec"
    )
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["stream"].chunks == THREE.chunks

    monkeypatch.chdir(tmp_path)
    assert recorded("chat.stream.json").times == THREE.times
