"""A Runtime API of the tests' own: one socket, one step at a time, every byte border of a runtime's requests kept.

It does what a test says and nothing by itself, and every wait ends after WAIT_SECONDS.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "MODULE",
    "WAIT_SECONDS",
    "Gate",
    "RawRequest",
    "RawRuntimeApi",
    "RunningRuntime",
    "lambda_environment",
    "start_program",
    "start_runtime",
]

WAIT_SECONDS = 30
ACCEPTED = b'{"status":"OK"}\n'
MODULE = ("-m", "apptheory_streaming.runtime")


@dataclass
class RawRequest:
    """What a runtime sent: the request line, header lines in order, HTTP chunks, and trailer lines."""

    method: str
    path: str
    lines: tuple[tuple[str, str], ...]
    chunks: list[bytes] = field(default_factory=list)
    trailers: tuple[tuple[str, str], ...] = ()
    cut: bool = False

    def values(self, name: str) -> list[str]:
        """The values of all lines of a name, in any case."""
        return [value for each, value in self.lines if each.lower() == name.lower()]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


class RawRuntimeApi:
    """Listens on one loopback port for one runtime."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(WAIT_SECONDS)
        self._connection: socket.socket | None = None
        self._unread = b""
        self.connections = 0

    @property
    def address(self) -> str:
        host, port = self._server.getsockname()
        return f"{host}:{port}"

    def read_head(self) -> RawRequest:
        """Read a request up to its empty line; from a new connection where there is none."""
        if self._connection is None:
            self._accept()
        try:
            head = self._until(b"\r\n\r\n")
        except ConnectionError:
            self._accept()  # the runtime has opened another one
            head = self._until(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, path, version = first.split(" ")
        assert version == "HTTP/1.1"
        return RawRequest(method, path, _pairs(lines))

    def read_chunk(self) -> bytes | None:
        """Read one HTTP chunk; None for the last; raises ConnectionError where the connection ends before."""
        size = int(self._until(b"\r\n"), 16)
        if size == 0:
            return None
        data = self._exactly(size)
        assert self._exactly(2) == b"\r\n"
        return data

    def read_trailers(self) -> tuple[tuple[str, str], ...]:
        """Read the lines behind the last chunk."""
        lines: list[str] = []
        while line := self._until(b"\r\n").decode():
            lines.append(line)
        return _pairs(lines)

    def read_request(self) -> RawRequest:
        """Read a whole request, or as much of it as there is before the connection ends."""
        request = self.read_head()
        if request.values("transfer-encoding") == ["chunked"]:
            try:
                while (chunk := self.read_chunk()) is not None:
                    request.chunks.append(chunk)
                request.trailers = self.read_trailers()
            except ConnectionError:
                request.cut = True
        elif request.method == "POST":
            request.chunks.append(self._exactly(int(request.values("content-length")[0])))
        return request

    def read_next(self) -> RawRequest:
        """Read a request that must be one for the next invocation."""
        request = self.read_request()
        assert (request.method, request.path) == ("GET", "/2018-06-01/runtime/invocation/next"), request
        return request

    def answer(self, status: int = 202, body: bytes = ACCEPTED, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer the request that was read last."""
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers)]
        self.send("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self._connection is not None
        self._connection.sendall(data)

    def hand_out(self, event: bytes = b"{}", *, request_id: str = "r-1", **headers: str) -> None:
        """Answer `next` with an invocation; `headers` replace the usual ones, with `_` for `-`."""
        usual = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": "99999999999999",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:1:function:f",
            "Content-Type": "application/json",
        }
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer(200, event, [(name, value) for name, value in (usual | given).items() if value])

    def invoke(self, event: bytes = b"{}", **headers: str) -> RawRequest:
        """Hand out one invocation where `next` is asked for, and give the whole answer, which is accepted."""
        self.read_next()
        self.hand_out(event, **headers)
        request = self.read_request()
        if not request.cut:
            self.answer()
        return request

    @contextmanager
    def another_connection(self) -> Iterator[None]:
        """Talk over the next connection of the runtime, while the one there is stays open."""
        kept, unread = self._connection, self._unread
        self._connection, self._unread = None, b""
        try:
            yield
        finally:
            self.hang_up()
            self._connection, self._unread = kept, unread

    def hang_up(self, *, reset: bool = False) -> None:
        """Close the connection; the server goes on listening."""
        assert self._connection is not None
        if reset:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()
        self._connection = None

    def close(self) -> None:
        """Close everything."""
        if self._connection is not None:
            self._connection.close()
        self._server.close()

    def _accept(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, _ = self._server.accept()
        self._connection.settimeout(WAIT_SECONDS)
        self._unread = b""
        self.connections += 1

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._receive()
        found, _, self._unread = self._unread.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._receive()
        found, self._unread = self._unread[:size], self._unread[size:]
        return found

    def _receive(self) -> None:
        assert self._connection is not None
        data = self._connection.recv(65536)
        if not data:
            raise ConnectionError(f"the runtime closed the connection after {self._unread!r}")
        self._unread += data


class Gate:
    """Where a handler waits until the test lets it go on: it connects, and reads one byte."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(WAIT_SECONDS)
        self._waiting: list[socket.socket] = []

    @property
    def port(self) -> int:
        port: int = self._server.getsockname()[1]
        return port

    def wait(self, seconds: float = WAIT_SECONDS) -> None:
        """Wait until a handler stands at the gate; TimeoutError when none comes."""
        self._server.settimeout(seconds)
        self._waiting.append(self._server.accept()[0])

    def open(self) -> None:
        """Let the handler go on that stands there longest."""
        with self._waiting.pop(0) as connection:
            connection.sendall(b".")

    def close(self) -> None:
        """Close it; a handler that stands there goes on."""
        for connection in self._waiting:
            connection.close()
        self._server.close()


@dataclass
class RunningRuntime:
    """A runtime process and the Runtime API that it talks to."""

    process: subprocess.Popen[bytes]
    api: RawRuntimeApi

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self) -> tuple[int, str, str]:
        """Give the exit status, stdout and stderr of a process that ends."""
        stdout, stderr = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, stdout.decode(), stderr.decode()

    def log(self) -> str:
        """End the process, which waits for its next invocation, and give its stdout."""
        self.terminate()
        return self.wait()[1]


def lambda_environment(**more: str) -> dict[str, str]:
    """The variables that a runtime needs, and none of a Lambda that this machine might have."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "_", "LAMBDA_", "PYTHONUNB"))
    }
    return kept | {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13", "TZ": "UTC"} | more


@contextmanager
def start_program(command: Sequence[str], folder: Path, **environment: str) -> Iterator[RunningRuntime]:
    """Run a program that talks to a Runtime API in a folder until the block is left."""
    api = RawRuntimeApi()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=lambda_environment(AWS_LAMBDA_RUNTIME_API=api.address, **environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield RunningRuntime(process, api)
    finally:
        process.kill()
        process.communicate()
        api.close()


def start_runtime(
    handler: str, folder: Path, *, command: Sequence[str] = MODULE, **environment: str
) -> AbstractContextManager[RunningRuntime]:
    """Run a runtime client, ours or another module of this Python."""
    return start_program([sys.executable, *command, handler], folder, **environment)


def _pairs(lines: list[str]) -> tuple[tuple[str, str], ...]:
    parts = (line.partition(":") for line in lines)
    return tuple((name, value.strip()) for name, _, value in parts)
