"""The transcript of a response and its recorder: the log in its order, counts and times (F5)."""

import itertools

import pytest

from apptheory_streaming.errors import AppError
from apptheory_streaming.wire.head import make_head
from apptheory_streaming.wire.outcome import DeliveryKind, DeliveryOutcome, HandlerKind, HandlerOutcome
from apptheory_streaming.wire.recorder import TranscriptRecorder
from apptheory_streaming.wire.transcript import (
    ChunkRecord,
    Event,
    EventKind,
    HandlerError,
    LateMutation,
    Transcript,
)

FINALIZED, SUBSTITUTED, COMMITTED = EventKind.FINALIZED, EventKind.SUBSTITUTED, EventKind.COMMITTED


def conclude(recorder: TranscriptRecorder) -> Transcript:
    return recorder.finish(HandlerOutcome(), DeliveryOutcome())


def record(*steps: EventKind | int) -> Transcript:
    """Record these events, and chunks of these sizes, without times."""
    recorder = TranscriptRecorder("req")
    for step in steps:
        if isinstance(step, EventKind):
            recorder.event(step, None)
        else:
            recorder.chunk(step, None)
    return conclude(recorder)


def test_the_log_of_a_plain_response() -> None:
    """F5: finalized, committed, the chunks, then the two outcomes."""
    assert list(record(FINALIZED, COMMITTED, 3, 0).log()) == [
        "finalized",
        "committed",
        "chunk 0: 3 bytes",
        "chunk 1: 0 bytes",
        "handler: ended",
        "delivery: complete",
    ]


def test_the_log_of_an_early_error() -> None:
    """F5: a substituted head stands between finalized and committed."""
    log = list(record(FINALIZED, SUBSTITUTED, COMMITTED, 9).log())
    assert log[:4] == ["finalized", "substituted", "committed", "chunk 0: 9 bytes"]


def test_the_log_of_a_client_that_left_before_anything() -> None:
    """F5: the outcomes close every log, also an empty one."""
    recorder = TranscriptRecorder("req")
    gone = recorder.finish(
        HandlerOutcome(HandlerKind.FAILED, "app.conflict"), DeliveryOutcome(DeliveryKind.CLIENT_GONE, 0)
    )
    assert list(gone.log()) == ["handler: failed(app.conflict)", "delivery: client_gone(after 0 bytes)"]


def test_the_log_shows_times_where_there_was_a_clock() -> None:
    """F5: each line that has a time shows it, in seconds, to the microsecond."""
    recorder = TranscriptRecorder("req", started_at=0.0)
    recorder.event(FINALIZED, 0.25)
    recorder.event(COMMITTED, None)
    recorder.chunk(5, 10.0000014)
    recorder.chunk(5, 20.0)
    assert list(conclude(recorder).log())[:4] == [
        "finalized at 0.25 s",
        "committed",
        "chunk 0: 5 bytes at 10.000001 s",
        "chunk 1: 5 bytes at 20 s",
    ]


def test_an_event_behind_chunks_stands_behind_them() -> None:
    """F5: the log shows a broken order as it was, so that a reader sees what went wrong."""
    log = list(record(COMMITTED, 1, 2, FINALIZED, 3).log())
    assert log[:5] == ["committed", "chunk 0: 1 bytes", "chunk 1: 2 bytes", "finalized", "chunk 2: 3 bytes"]


@pytest.mark.parametrize(
    "steps",
    [
        (FINALIZED,),
        (FINALIZED, COMMITTED),
        (FINALIZED, COMMITTED, 1, 2),
        (FINALIZED, COMMITTED, 0),
        (FINALIZED, SUBSTITUTED),
        (FINALIZED, SUBSTITUTED, COMMITTED, 1),
    ],
)
def test_logs_in_the_order_of_the_contract(steps: tuple[EventKind | int, ...]) -> None:
    """F5: these are the orders in which the head was final before the first chunk."""
    assert record(*steps).head_final_before_first_chunk()


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (COMMITTED,),
        (COMMITTED, 1),
        (1,),
        (FINALIZED, 1),
        (1, FINALIZED, COMMITTED),
        (FINALIZED, 1, COMMITTED),
        (COMMITTED, 1, FINALIZED),
        (COMMITTED, FINALIZED, 1),
        (FINALIZED, COMMITTED, SUBSTITUTED, 1),
        (SUBSTITUTED, FINALIZED, COMMITTED, 1),
        (FINALIZED, COMMITTED, 1, SUBSTITUTED),
        (FINALIZED, FINALIZED, COMMITTED, 1),
        (FINALIZED, COMMITTED, COMMITTED, 1),
        (FINALIZED, COMMITTED, 1, FINALIZED),
    ],
)
def test_logs_that_break_the_order(steps: tuple[EventKind | int, ...]) -> None:
    """F5: every log with another order is found out, without a look at any clock."""
    assert not record(*steps).head_final_before_first_chunk()


def test_the_order_is_judged_by_the_log_and_not_by_times() -> None:
    """F5: times that run backwards change no verdict."""
    recorder = TranscriptRecorder("req")
    recorder.event(FINALIZED, 9.0)
    recorder.event(COMMITTED, 5.0)
    recorder.chunk(1, 1.0)
    assert conclude(recorder).head_final_before_first_chunk()


def test_the_recorder_counts_chunks_and_bytes() -> None:
    """F5: empty chunks count as chunks, dropped ones are counted apart."""
    recorder = TranscriptRecorder("req_test_0001", started_at=1.0)
    for size in (3, 0, 4):
        recorder.chunk(size, None)
    recorder.dropped_chunks = 2
    recorder.head = make_head(201)
    recorder.note("something to know")
    transcript = recorder.finish(HandlerOutcome(), DeliveryOutcome(), ended_at=4.0)
    assert (transcript.chunk_count, transcript.body_bytes, transcript.dropped_chunks) == (3, 7, 2)
    assert [chunk.size for chunk in transcript.chunks] == [3, 0, 4]
    assert transcript.request_id == "req_test_0001"
    assert transcript.head == make_head(201)
    assert transcript.notes == ("something to know",)
    assert (transcript.started_at, transcript.ended_at) == (1.0, 3.0)


def test_each_chunk_has_two_times() -> None:
    """F5: `delivered` speaks for all chunks written so far; one that the sink never took has no time."""
    recorder = TranscriptRecorder("req")
    recorder.chunk(1, 0.1)
    recorder.chunk(2, 0.2)
    recorder.delivered(0.5)
    recorder.chunk(4, 0.6)
    recorder.delivered(0.7)
    recorder.delivered(0.8)
    recorder.chunk(8, 0.9)
    assert conclude(recorder).chunks == (
        ChunkRecord(0, 1, 0.1, 0.5),
        ChunkRecord(1, 2, 0.2, 0.5),
        ChunkRecord(2, 4, 0.6, 0.7),
        ChunkRecord(3, 8, 0.9, None),
    )


def test_times_count_from_the_request() -> None:
    """D1: so that two runs are equal whenever they were, for all the noise of floats and of a timer's nanosecond."""

    def run(start: float, late: float) -> Transcript:
        recorder = TranscriptRecorder("req", started_at=start)
        recorder.event(FINALIZED, start + 0.1 + late)
        recorder.chunk(1, start + 0.2 + late)
        recorder.delivered(start + 0.7 + late)
        return recorder.finish(HandlerOutcome(), DeliveryOutcome(), ended_at=start + 0.9 + late)

    first, second = run(0.0, 0.0), run(86400 * 400 + 0.7, 3e-9)
    assert first == second
    assert (second.started_at, second.ended_at) == (86400 * 400 + 0.7, 0.9)
    assert (second.events[0].at, second.chunks[0].produced_at, second.chunks[0].delivered_at) == (0.1, 0.2, 0.7)
    assert first != run(0.0, 1e-6)


def test_delivered_bytes_are_those_that_the_sink_took() -> None:
    """E4: what a client got before it left is known to the byte."""
    recorder = TranscriptRecorder("req")
    recorder.chunk(10, None)
    assert recorder.delivered_bytes == 0
    recorder.delivered(None)
    recorder.chunk(5, None)
    assert (recorder.delivered_bytes, recorder.body_bytes) == (10, 15)


@pytest.mark.parametrize("keep", [0, 1, 3, 4, 9])
def test_a_bounded_recorder_counts_everything_and_keeps_the_first(keep: int) -> None:
    """F5: a front that keeps few records still has all counts, and its log says how many are missing."""
    recorder = TranscriptRecorder("req", keep=keep)
    recorder.event(FINALIZED, None)
    recorder.event(COMMITTED, None)
    for size in (1, 2, 4, 8):
        recorder.chunk(size, None)
        recorder.delivered(0.5)
    transcript = conclude(recorder)
    assert (transcript.chunk_count, transcript.body_bytes) == (4, 15)
    assert transcript.chunks == tuple(ChunkRecord(index, 2**index, None, 0.5) for index in range(min(keep, 4)))
    missing = [line for line in transcript.log() if "more chunks" in line]
    assert missing == ([] if keep >= 4 else [f"… {4 - keep} more chunks"])
    assert transcript.head_final_before_first_chunk()


def test_a_transcript_does_not_change_with_its_recorder() -> None:
    """F5: a transcript is a value; what is recorded later is not in it."""
    recorder = TranscriptRecorder("req")
    recorder.event(FINALIZED, None)
    early = conclude(recorder)
    recorder.event(COMMITTED, None)
    recorder.chunk(1, None)
    recorder.note("late")
    assert early == record(FINALIZED)


def test_the_error_code_of_a_stream_is_that_of_a_late_error_only() -> None:
    """E3: None for no error and for an early one."""
    error = AppError("app.conflict", "taken")
    recorder = TranscriptRecorder("req")
    assert conclude(recorder).stream_error_code is None
    recorder.error = HandlerError("app.conflict", "taken", error, late=False, type_name="AppError")
    assert conclude(recorder).stream_error_code is None
    recorder.error = HandlerError("app.conflict", "taken", error, late=True, type_name="AppError")
    assert conclude(recorder).stream_error_code == "app.conflict"


def test_errors_are_equal_by_what_they_say() -> None:
    """D1: two runs give equal errors although each raised an exception of its own."""
    first = HandlerError("app.internal", "boom", ValueError("boom"), type_name="ValueError")
    second = HandlerError("app.internal", "boom", ValueError("boom"), type_name="ValueError")
    assert first == second
    assert first != HandlerError("app.internal", "boom", KeyError("boom"), type_name="KeyError")
    assert str(first) == "app.internal: ValueError: boom"


@pytest.mark.parametrize(
    ("mutation", "text"),
    [
        (LateMutation("status", None, 200, 500, -1), "status changed from 200 to 500 before chunk 0"),
        (
            LateMutation("header", "x-a", None, ["1"], 2, "handlers.py:35"),
            "header 'x-a' changed from nothing to ['1'] after chunk 2, at handlers.py:35",
        ),
        (LateMutation("cookie", None, ["a=1"], [], 0), "cookie changed from ['a=1'] to [] after chunk 0"),
    ],
)
def test_a_late_mutation_says_what_when_and_where(mutation: LateMutation, text: str) -> None:
    """F3: field, name, old and new value, after which chunk, and the place of the code."""
    assert str(mutation) == text


def test_late_mutations_are_part_of_the_transcript() -> None:
    """F3: they stay in the order in which they happened."""
    mutations = (LateMutation("status", None, 200, 201, -1), LateMutation("status", None, 201, 202, 0))
    recorder = TranscriptRecorder("req")
    transcript = recorder.finish(HandlerOutcome(), DeliveryOutcome(), late_mutations=mutations)
    assert transcript.late_mutations == mutations


def test_every_order_of_the_three_events_is_judged() -> None:
    """F5: of all orders of the three events only the one of the contract passes."""
    passing = [
        kinds
        for kinds in itertools.permutations(EventKind)
        if Transcript(
            request_id="req",
            head=None,
            events=tuple(Event(kind, 0) for kind in kinds),
            chunks=(),
            chunk_count=0,
            body_bytes=0,
        ).head_final_before_first_chunk()
    ]
    assert passing == [(FINALIZED, SUBSTITUTED, COMMITTED)]
