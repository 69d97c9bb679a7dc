"""The client of the workers' benchmark takes responses as they are framed, and ends where they do."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from benchmarks.visit import Arrivals, Visitor

WAIT_SECONDS = 30
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Last: 0\r\n\r\n"


@contextmanager
def answering(*answers: Sequence[bytes]) -> Iterator[Visitor]:
    """A server that sends each of the answers, piece by piece, on one connection that it then closes."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            for pieces in answers:
                connection.recv(1024)
                for piece in pieces:
                    connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with Visitor(server.getsockname()[1], lambda path: f"GET {path}".encode()) as visitor:
                yield visitor
        finally:
            thread.join(WAIT_SECONDS)


def stamped(moment: int) -> bytes:
    """A chunk that was written then."""
    return b"%016x" % moment


def test_a_chunked_response_is_read_however_it_is_cut_and_the_next_one_too() -> None:
    """Two responses on one connection, the first of them byte by byte."""
    body = b"10\r\n" + stamped(1) + b"\r\n10\r\n" + stamped(2) + b"\r\n0\r\n\r\n"
    slow = [bytes([byte]) for byte in CHUNKED + body]
    with answering(slow, [CHUNKED, body]) as visitor:
        responses = [visitor.get("/"), visitor.get("/")]

    assert [bytes(each.body) for each in responses] == [stamped(1) + stamped(2)] * 2
    for response in responses:
        assert 0 < response.first_byte <= response.last_byte


def test_a_latency_is_from_the_time_in_the_chunk_to_its_last_byte() -> None:
    """What stands before the chunks does not count, and a chunk in two pieces came with the second."""
    arrivals = Arrivals(
        asked=0, body=bytearray(b"prelude" + stamped(5) + stamped(6)), ends=[10, 23, 39], times=[100, 200, 300]
    )

    assert arrivals.latencies(size=16, count=2) == [195, 294]
    assert (arrivals.first_byte, arrivals.last_byte) == (100, 300)


def test_a_response_of_known_length_ends_with_its_last_byte() -> None:
    """As a server answers that has all of it at once."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    with answering([head, b"a", b"bc"]) as visitor:
        assert visitor.get("/").body == b"abc"


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ([CHUNKED + b"1\r\nx\r\n"], ConnectionError),
        ([b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 1\r\n\r\nx"], ValueError),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], ValueError),
    ],
    ids=["cut", "status", "empty"],
)
def test_what_is_no_whole_response_spoils_the_figure(pieces: list[bytes], error: type[Exception]) -> None:
    """A contender that fails must not look fast."""
    with answering(pieces) as visitor, pytest.raises(error):
        visitor.get("/")
