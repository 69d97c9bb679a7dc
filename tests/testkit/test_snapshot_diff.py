"""Two snapshots: first what kind of difference it is, then where."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.outcome import HandlerKind, HandlerOutcome
from apptheory_streaming.wire.transcript import ChunkRecord, Transcript
from apptheory_testkit.snapshots.diff import diff_snapshots
from apptheory_testkit.snapshots.views import render_capture

SSE = [b"data: a\n\n", b"data: b\n\n", b"data: c\n\n"]


def snapshot(
    chunks: Sequence[bytes], times: Sequence[float] = (), *, view: str = "chunks", taken: float = 0, **fields: object
) -> str:
    """A snapshot of chunks that were made at `times`, and taken `taken` later."""
    records = [ChunkRecord(index, len(chunk)) for index, chunk in enumerate(chunks)]
    if times:
        pairs = zip(records, times, strict=True)
        records = [replace(record, produced_at=at, delivered_at=at + taken) for record, at in pairs]
    transcript = Transcript(
        request_id="r",
        head=Head(200, {"x-a": ("1",)}),
        events=(),
        chunks=tuple(records),
        chunk_count=len(chunks),
        body_bytes=0,
        started_at=0.0 if times else None,
        ended_at=times[-1] if times else None,
    )
    return render_capture(replace(transcript, **fields), chunks, view)  # type: ignore[arg-type]


FAILED = HandlerOutcome(HandlerKind.FAILED, "app.internal")
OTHER_HEAD = Head(200, {"x-a": ("2",)})
EVENTS_AT = {
    at: snapshot(SSE, at, view="events") for at in [(1, 2, 3), (1, 17, 18), (16, 17, 18), (0.5, 1.5, 2.5), (1, 3, 7)]
}


@pytest.mark.parametrize(
    ("got", "expected", "verdict"),
    [
        (snapshot([b"ab", b"c"]), snapshot([b"a", b"bc"]), "same bytes, boundaries moved"),
        (snapshot(["é".encode()]), snapshot([b"\xc3", b"\xa9"]), "same bytes, boundaries moved"),
        (snapshot([b"a", b"\n"]), snapshot([b"a\n"]), "same bytes, boundaries moved"),
        (snapshot([b"a", b"", b"b"]), snapshot([b"a", b"b"]), "same bytes, empty chunks differ"),
        (snapshot([b"a\r\n", b"b"]), snapshot([b"a\n", b"b"]), "same text, line ends differ: chunk 0 differs"),
        (snapshot([b"a", b"b", b"c"]), snapshot([b"a", b"b", b"d"]), "chunk 2 differs"),
        (snapshot([b"\xff" * 300]), snapshot([b"\xff" * 299 + b"\xfe"]), "chunk 0 differs"),
        (snapshot([b"a"]), snapshot([b"a", b"b"]), "chunk 1 is missing"),
        (snapshot([b"a"]), snapshot([b"a", b"b", b"c"]), "chunks 1 to 2 are missing"),
        (snapshot([b"a", b"b"]), snapshot([b"a"]), "chunk 1 is not expected"),
        (snapshot([b"a"], head=OTHER_HEAD), snapshot([b"a"]), "head differs"),
        (snapshot([b"b"], head=OTHER_HEAD), snapshot([b"a"]), "head differs; chunk 0 differs"),
        (snapshot([b"a"], handler=FAILED), snapshot([b"a"]), "how it ended differs"),
        (snapshot([b"a"], view="body"), snapshot([b"b"], view="body"), "the body differs"),
        (snapshot([b"a"], view="timing"), snapshot([b"ab"], view="timing"), "chunk 0 differs"),
        (snapshot(SSE, view="events"), snapshot(SSE[:2], view="events"), "event 2 is not expected"),
        (
            snapshot([b"data: a\n"], view="events"),
            snapshot([b"data: b\n"], view="events"),
            "the unfinished event differs",
        ),
        (EVENTS_AT[16, 17, 18], EVENTS_AT[1, 2, 3], "same events, later by 15 s"),
        (EVENTS_AT[0.5, 1.5, 2.5], EVENTS_AT[1, 2, 3], "same events, earlier by 0.5 s"),
        (EVENTS_AT[1, 17, 18], EVENTS_AT[1, 2, 3], "same events, later by 15 s from event 1 on"),
        (EVENTS_AT[1, 3, 7], EVENTS_AT[1, 2, 3], "same events, at other times from event 1 on"),
        (snapshot(SSE, (1, 2, 3)), snapshot(SSE), "same chunks, with times"),
        (snapshot(SSE), snapshot(SSE, (1, 2, 3)), "same chunks, without times"),
        (snapshot(SSE, (1, 2, 3), taken=1), snapshot(SSE, (1, 2, 3)), "same chunks, taken at other times"),
        (snapshot(SSE, (1, 2, 3), ended_at=9.0), snapshot(SSE, (1, 2, 3)), "the same, ended at another time"),
        (
            snapshot([], view="body"),
            snapshot([]),
            "not the same view: got '# stream v1, body', expected '# stream v1, chunks'",
        ),
        (snapshot([b"a"]) + "=== x\n", snapshot([b"a"]), "how it ended differs"),
        ("", snapshot([b"a"]), "not the same view: got '', expected '# stream v1, chunks'"),
    ],
)
def test_the_first_line_says_what_kind_of_difference_it_is(got: str, expected: str, verdict: str) -> None:
    assert diff_snapshots(got, expected)[0] == verdict


def stream_of(chunks: Sequence[bytes], times: Sequence[float] = (), *, view: str = "chunks") -> str:
    """The snapshot of an event stream."""
    return snapshot(chunks, times, view=view, head=Head(200, {"content-type": ("text/event-stream; charset=utf-8",)}))


TWO = [b"data: a\n\n", b"data: b\n\n"]
TWO_CRLF = [b"data: a\r\n\r\n", b"data: b\r\n\r\n"]


@pytest.mark.parametrize(
    ("got", "expected", "verdict"),
    [
        (stream_of(TWO_CRLF), stream_of(TWO), "same text, line ends differ: chunk 0 differs"),
        (stream_of([b"".join(TWO_CRLF)]), stream_of(TWO), "same text, line ends differ, boundaries moved"),
        (stream_of([b"".join(TWO)]), stream_of(TWO), "same bytes, boundaries moved"),
        (stream_of([*TWO, b""]), stream_of(TWO), "same bytes, empty chunks differ"),
        (
            stream_of([b": on\n\n", *TWO]),
            stream_of(TWO),
            "same events, written otherwise: chunk 0 differs",
        ),
        (
            stream_of([b": on\n", *TWO], view="body"),
            stream_of(TWO, view="body"),
            "same events, written otherwise: the body differs",
        ),
        (stream_of([*TWO, b"data: c"]), stream_of(TWO), "chunk 2 is not expected"),
        (stream_of(TWO[:1]), stream_of(TWO), "chunk 1 is missing"),
        (stream_of(TWO, (16, 17)), stream_of(TWO, (1, 2)), "same chunks, later by 15 s"),
        (
            stream_of(TWO_CRLF, (16, 17)),
            stream_of(TWO, (1, 2)),
            "same text, line ends differ: chunk 0 differs; same events, later by 15 s",
        ),
        (
            stream_of([b"data: a\n", b"\ndata: b\n\n"], (0, 17)),
            stream_of(TWO, (2, 2)),
            "same bytes, boundaries moved; same events, later by 15 s",
        ),
        (
            stream_of([b"data: a\n\nd", b"ata: b\n\n"], (1, 17)),
            stream_of(TWO, (1, 2)),
            "same bytes, boundaries moved; same events, later by 15 s from event 1 on",
        ),
    ],
)
def test_an_event_stream_is_compared_by_its_events_too(got: str, expected: str, verdict: str) -> None:
    """W3: neither cuts, nor line ends, nor comments change what a client gets."""
    assert diff_snapshots(got, expected)[0] == verdict


def test_another_type_is_no_event_stream_although_it_looks_like_one() -> None:
    assert diff_snapshots(snapshot([b": on\n\n", *SSE]), snapshot(SSE))[0] == "chunk 0 differs"


def test_equal_snapshots_have_no_difference() -> None:
    assert diff_snapshots(snapshot(SSE), snapshot(SSE)) == []


def test_the_lines_that_differ_stand_between_those_around_them() -> None:
    """- for what was expected, + for what was got."""
    assert diff_snapshots(snapshot([b"a\n", b"b\n", b"c\n"]), snapshot([b"a\n", b"x\n", b"c\n"]))[1:] == [
        "    …",
        "    | a",
        "    --- chunk 1  text 2 B",
        "  - | x",
        "  + | b",
        "    --- chunk 2  text 2 B",
        "    | c",
    ]


def test_a_long_difference_is_cut() -> None:
    """A stream of thousands of chunks must not take minutes to explain, nor pages."""
    got, expected = [b"a%d" % number for number in range(5000)], [b"b%d" % number for number in range(5000)]

    lines = diff_snapshots(snapshot(got), snapshot(expected))

    assert len(lines) < 120
    assert lines[0] == "chunk 0 differs"
    assert lines[-1].endswith("got")
