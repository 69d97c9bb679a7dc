"""Scenarios of the wire formats: writers and readers beside the same work in Go, where Go is on the PATH.

The works in Go are those of go/works.go.  Both sides make each value anew, and check how many
bytes or values came of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest import mock

import aiohttp

from apptheory_emulator import serve_function_url
from apptheory_streaming import NdjsonReader, NdjsonWriter, ServerSentEvent, SseWriter, StreamingResponse, sse_stream
from apptheory_streaming.wire import json_text, ndjson, sse
from apptheory_testkit import stream_client
from benchmarks.go_program import GoProgram, go_program
from benchmarks.scenario import Contender, Scenario
from benchmarks.size import Size

__all__ = ["format_scenarios"]

EVENT_BYTES = 43
LINE_BYTES = 38
BODY_BYTES = 5137
LINES = "\n".join(f'{{"text":"w {number}","type":"text_delta"}}' for number in range(1000)).encode()
LINES_BYTES = 36_889
READ_BYTES = 4096  # what a Scanner of Go begins with

Measure = Callable[[int], float]
"""Does so many rounds one after the other, and gives the nanoseconds of one."""


@contextmanager
def format_scenarios(size: Size) -> Iterator[Sequence[Scenario]]:
    """Make the contenders, and end the program in Go and the loop afterwards."""
    with ExitStack() as stack:
        go = stack.enter_context(go_program())
        runner = stack.enter_context(asyncio.Runner())
        frames = partial(_scenario, go=go, rounds=size.frames, unit="ns", unit_nanoseconds=1)
        streams = partial(_scenario, go=go, rounds=size.streams, unit="µs", unit_nanoseconds=1000)
        yield (
            frames(
                "SSE, an event of 43 bytes to a null sink",
                {"SseWriter": _events, "SseWriter without orjson": _without_orjson(_events)},
                {"Go, map": "sse-map", "Go, struct": "sse-struct"},
            ),
            frames(
                "NDJSON, a line of 38 bytes to a null sink",
                {"NdjsonWriter": _lines, "NdjsonWriter without orjson": _without_orjson(_lines)},
                {"Go, map": "ndjson-map", "Go, struct": "ndjson-struct"},
            ),
            streams(
                "SSE, 100 events and done in-process",
                {"stream_client": lambda rounds: runner.run(_captures(rounds))},
                {"Go, ResponseRecorder": "recorder"},
            ),
            streams(
                "SSE, 100 events and done over HTTP",
                {"serve_function_url": lambda rounds: runner.run(_responses(rounds))},
                {"Go, Server and Client": "http"},
            ),
            streams("NDJSON, 1000 lines read", {"NdjsonReader": _read}, {"Go, Scanner and Unmarshal": "reader"}),
        )


def _scenario(
    title: str,
    ours: Mapping[str, Measure],
    works_of_go: Mapping[str, str],
    *,
    go: GoProgram | None,
    rounds: int,
    unit: str,
    unit_nanoseconds: int,
) -> Scenario:
    measures = dict(ours)
    if go is not None:
        measures.update({name: partial(go.nanoseconds, work) for name, work in works_of_go.items()})

    def contender(name: str, measure: Measure) -> Contender:
        return Contender(name, lambda: measure(rounds) / unit_nanoseconds)

    contenders = [contender(name, measure) for name, measure in measures.items()]
    return Scenario(title, f"{unit} (less is better)", contenders, baselines=list(works_of_go) if go else [])


def _without_orjson(measure: Measure) -> Measure:
    def measured(rounds: int) -> float:
        with (
            mock.patch.object(sse, "encode_json", json_text._encode_plainly),
            mock.patch.object(ndjson, "encode_json_line", json_text._encode_line_plainly),
        ):
            return measure(rounds)

    return measured


def _check(what: str, found: int, wanted: int) -> None:
    """A contender that wrote or read something else did not do the same work."""
    if found != wanted:
        raise ValueError(f"{found} {what} instead of {wanted}")


# -- frames -----------------------------------------------------------------------------------


class NullSink:
    """Forgets all but the last thing that was written."""

    last = b""

    def write(self, data: bytes, /) -> None:
        """Keep it until the next comes."""
        self.last = data


def _events(rounds: int) -> float:
    sink = NullSink()
    writer = SseWriter(sink)
    began = time.perf_counter_ns()
    for _ in range(rounds):
        writer.write_event({"text": "Hello!"}, event="text_delta")
    nanoseconds = time.perf_counter_ns() - began
    _check("bytes", len(sink.last), EVENT_BYTES)
    return nanoseconds / rounds


def _lines(rounds: int) -> float:
    sink = NullSink()
    writer = NdjsonWriter(sink)
    began = time.perf_counter_ns()
    for _ in range(rounds):
        writer.write({"text": "Hello!", "type": "text_delta"})
    nanoseconds = time.perf_counter_ns() - began
    _check("bytes", len(sink.last), LINE_BYTES)
    return nanoseconds / rounds


# -- streams ----------------------------------------------------------------------------------


async def _hundred() -> AsyncIterator[ServerSentEvent]:
    for number in range(100):
        yield ServerSentEvent({"text": f"word number {number:02}"}, event="text_delta")


async def _answer(event: Any, context: Any) -> StreamingResponse:
    return sse_stream(_hundred(), done_event=ServerSentEvent({"finished": True}, event="done"))


async def _captures(rounds: int) -> float:
    client = stream_client(_answer)
    began = time.perf_counter_ns()
    for _ in range(rounds):
        _check("bytes", len((await client.get("/")).body), BODY_BYTES)
    return (time.perf_counter_ns() - began) / rounds


async def _responses(rounds: int) -> float:
    """Ask by one connection that is kept, from the loop of the server, as a test would."""
    async with serve_function_url(_answer) as url, aiohttp.ClientSession() as client:
        await _response(client, url)  # connects
        began = time.perf_counter_ns()
        for _ in range(rounds):
            await _response(client, url)
        return (time.perf_counter_ns() - began) / rounds


async def _response(client: aiohttp.ClientSession, url: str) -> None:
    async with client.get(url) as response:
        _check("bytes", len(await response.read()), BODY_BYTES)


def _read(rounds: int) -> float:
    _check("bytes of lines", len(LINES), LINES_BYTES)
    pieces = [LINES[start : start + READ_BYTES] for start in range(0, len(LINES), READ_BYTES)]
    began = time.perf_counter_ns()
    for _ in range(rounds):
        _check("lines", len(list(NdjsonReader(pieces))), 1000)
    return (time.perf_counter_ns() - began) / rounds
