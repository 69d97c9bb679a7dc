"""Scenarios of one stream, from a handler in a worker to a client, through several emulators."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from benchmarks.emulated import emulated, node_server
from benchmarks.peers import PEERS, RIE
from benchmarks.scenario import Contender, Scenario
from benchmarks.stage import MissingError, Stage
from benchmarks.visit import Visitor
from benchmarks.worker_size import Setting, WorkerSize

__all__ = ["stream_scenarios"]

SMALL = 16
LARGE = 64 * 1024
SLOW_MS = 10
PACE_MS = 2
MAX_BUFFERED_BYTES = 6 * 1024 * 1024
MS = "ms (less is better)"
US = "µs (less is better)"
RATE = "chunks/s (more is better)"

Visitors = Mapping[str, Visitor]


@contextmanager
def stream_scenarios(setting: Setting) -> Iterator[Sequence[Scenario]]:
    """Start every contender that can be had, and end them afterwards."""
    with ExitStack() as stack:
        visitors = dict(_visitor(stack, each) for each in _ours())
        visitors.update(_peers(stack, setting))
        yield tuple(_scenarios(setting.size, visitors))


def _ours() -> Iterable[AbstractContextManager[Stage]]:
    return (
        node_server("Node's own server"),
        emulated("emulator, Node worker", "stream.mjs:handler"),
        emulated("emulator, Python worker", "stream.py:handler"),
        emulated("emulator, Python in-process", "stream.py:handler", "--in-process"),
    )


def _peers(stack: ExitStack, setting: Setting) -> Iterator[tuple[str, Visitor]]:
    """Start what is to be had of others, and answers; one of ours must not be left out like this."""
    if setting.peers is None:
        return
    for name, peer in PEERS.items():
        try:
            yield _visitor(stack, peer(setting.peers, setting.scratch))
        except (MissingError, OSError, ValueError) as error:
            setting.note(f"{name} is left out: {error}")


def _visitor(stack: ExitStack, stage: AbstractContextManager[Stage]) -> tuple[str, Visitor]:
    """Start a contender, and ask it for the first time."""
    started = stack.enter_context(stage)
    visitor = stack.enter_context(Visitor(started.port, started.question))
    visitor.get(f"/{SMALL}x1")
    return started.name, visitor


def _scenarios(size: WorkerSize, visitors: Visitors) -> Iterator[Scenario]:
    slow = f"/{SMALL}x{size.slow_chunks}x{SLOW_MS}"
    steps = f"{size.slow_chunks} chunks, one each {SLOW_MS} ms"
    yield _scenario(f"{steps}: time to first byte", MS, visitors, lambda each: each.get(slow).first_byte / 1e6)
    yield _scenario(f"{steps}: time to last byte", MS, visitors, lambda each: each.get(slow).last_byte / 1e6)
    steps = f"{size.paced_chunks} chunks, one each {PACE_MS} ms: from the write to the client"
    yield _scenario(f"{steps}, median", US, visitors, _latency(size.paced_chunks, statistics.median))
    yield _scenario(f"{steps}, slowest of 20", US, visitors, _latency(size.paced_chunks, _slowest_of_twenty))
    yield _scenario(f"{size.small_chunks} chunks of 16 bytes", RATE, visitors, _rate(SMALL, size.small_chunks))
    if LARGE * size.large_chunks > MAX_BUFFERED_BYTES:  # more than an emulator takes that keeps it all
        visitors = {name: each for name, each in visitors.items() if name != RIE}
    yield _scenario(f"{size.large_chunks} chunks of 64 KiB", RATE, visitors, _rate(LARGE, size.large_chunks))


def _scenario(title: str, unit: str, visitors: Visitors, measure: Callable[[Visitor], float]) -> Scenario:
    def contender(name: str, visitor: Visitor) -> Contender:
        return Contender(name, lambda: measure(visitor))

    contenders = [contender(name, visitor) for name, visitor in visitors.items()]
    return Scenario(title, unit, contenders, baselines=[contenders[0].name])


def _latency(count: int, pick: Callable[[Sequence[int]], float]) -> Callable[[Visitor], float]:
    """Microseconds of the chunk that is picked from those of one response."""

    def measure(visitor: Visitor) -> float:
        arrivals = visitor.get(f"/{SMALL}x{count}x{PACE_MS}")
        return pick(arrivals.latencies(size=SMALL, count=count)) / 1e3

    return measure


def _slowest_of_twenty(values: Sequence[int]) -> float:
    return sorted(values)[(len(values) - 1) * 19 // 20]


def _rate(size: int, count: int) -> Callable[[Visitor], float]:
    """Chunks a second of one response, from the request to the last byte."""

    def measure(visitor: Visitor) -> float:
        arrivals = visitor.get(f"/{size}x{count}")
        if not arrivals.body.endswith(b"x" * size * count):
            raise ValueError(f"{len(arrivals.body)} bytes came instead of {size * count}")
        return count / arrivals.last_byte * 1e9

    return measure
