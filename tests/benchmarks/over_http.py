"""Scenarios over HTTP: the emulator beside a raw aiohttp handler, in a process of their own."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.connection import Connection
from benchmarks.scenario import Contender, Scenario
from benchmarks.size import Size

__all__ = ["http_scenarios"]

STOP_SECONDS = 10.0
_SERVER = Path(__file__).with_name("server.py")


@contextmanager
def http_scenarios(size: Size) -> Iterator[Sequence[Scenario]]:
    """Start the server, keep one connection a contender, and stop both at the end."""
    with ExitStack() as stack:
        ports = stack.enter_context(_server())
        connections = {name: stack.enter_context(Connection(port)) for name, port in ports.items()}
        yield (
            _scenario(
                "HTTP, chunks of 16 bytes", "chunks/s (more is better)", connections, _rate(16, size.small_chunks)
            ),
            _scenario(
                "HTTP, chunks of 64 KiB", "chunks/s (more is better)", connections, _rate(65536, size.large_chunks)
            ),
            _scenario("HTTP, time to first byte", "µs (less is better)", connections, _first_byte(size.http_requests)),
        )


def _scenario(
    title: str,
    unit: str,
    connections: Mapping[str, Connection],
    measure: Callable[[Connection], float],
) -> Scenario:
    def contender(name: str, connection: Connection) -> Contender:
        return Contender(name, lambda: measure(connection))

    contenders = [contender(name, connection) for name, connection in connections.items()]
    return Scenario(title, unit, contenders, baselines=[contenders[0].name])


def _rate(size: int, count: int) -> Callable[[Connection], float]:
    """Chunks a second of one response, from the request to the last byte."""
    return lambda connection: count / connection.get(size=size, count=count)[1]


def _first_byte(requests: int) -> Callable[[Connection], float]:
    """Microseconds to the first byte of a one-chunk body, the median of many requests."""
    return lambda connection: statistics.median(connection.get(size=16, count=1)[0] for _ in range(requests)) * 1e6


@contextmanager
def _server() -> Iterator[dict[str, int]]:
    with subprocess.Popen([sys.executable, str(_SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()  # the server's word to stop
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
