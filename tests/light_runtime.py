"""A Lambda runtime in a few lines, which starts in no time: `python -I -S light_runtime.py handler.py`.

A handler is a function `handler(event)` that gives bytes; each becomes a chunk.  Its file knows
`gate()`, which tells the test that it was reached, and returns when the test lets it go on.  It may
have `HEADERS` and `PRELUDE` of its own.  After an answer `afterwards()` is called, if it is there.
"""

import base64
import json
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

INTEGRATION = "application/vnd.awslambda.http-integration-response"
PRELUDE = b'{"statusCode": 200}' + bytes(8)
STREAMING = (
    f"Content-Type: {INTEGRATION}\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
    "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
)


def gate(name: str = "") -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["GATE"])
        connection.sendall(f"{name or os.getpid()}\n".encode())
        connection.recv(1)


class Api:
    """One connection to the Runtime API."""

    def __init__(self) -> None:
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def next(self) -> tuple[str, object]:
        self.send("GET", "invocation/next", "")
        headers, body = self.answer()
        return headers["lambda-runtime-aws-request-id"], json.loads(body)

    def respond(self, request_id: str, chunks: Iterator[bytes], *, headers: str, prelude: bytes) -> None:
        """Send nothing before the first chunk, so that an error can be reported up to then."""
        first = next(chunks, b"")
        self.send("POST", f"invocation/{request_id}/response", headers)
        if "chunked" not in headers:
            self.socket.sendall(prelude + first)
            self.answer()
            return
        trailers = ""
        try:
            self.chunk(prelude + first)
            for chunk in chunks:
                self.chunk(chunk)
        except ValueError as error:
            body = base64.b64encode(document_of(error)).decode()
            kind = type(error).__name__
            trailers = f"Lambda-Runtime-Function-Error-Type: {kind}\r\nLambda-Runtime-Function-Error-Body: {body}\r\n"
        self.socket.sendall(f"0\r\n{trailers}\r\n".encode())
        self.answer()

    def report(self, path: str, error: Exception) -> None:
        document = document_of(error)
        self.send("POST", path, f"Content-Length: {len(document)}\r\n", document)
        self.answer()

    def chunk(self, data: bytes) -> None:
        if data:
            self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def send(self, method: str, path: str, headers: str, body: bytes = b"") -> None:
        head = f"{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: runtime\r\n{headers}\r\n"
        self.socket.sendall(head.encode() + body)

    def answer(self) -> tuple[dict[str, str], bytes]:
        while b"\r\n\r\n" not in self.buffer:
            self.receive()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        headers: dict[str, str] = {}
        for line in head.decode().split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        length = int(headers.get("content-length", "0"))
        while len(self.buffer) < length:
            self.receive()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return headers, body

    def receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            sys.exit(0)  # the Runtime API is gone
        self.buffer += data


def document_of(error: Exception) -> bytes:
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__}).encode()


def main(path: str) -> None:
    api = Api()
    names: dict[str, Any] = {
        "gate": gate,
        "handler": None,
        "HEADERS": STREAMING,
        "PRELUDE": PRELUDE,
        "afterwards": lambda: None,
    }
    try:
        with open(path) as file:  # noqa: PTH123 - pathlib takes longer to load than all else
            exec(compile(file.read(), path, "exec"), names)
    except ValueError as error:
        api.report("init/error", error)
        sys.stderr.write(f"cannot start: {error}\n")
        sys.exit(1)
    while True:
        request_id, event = api.next()
        try:
            chunks = iter(names["handler"](event))
            api.respond(request_id, chunks, headers=names["HEADERS"], prelude=names["PRELUDE"])
        except ValueError as error:
            api.report(f"invocation/{request_id}/error", error)
        names["afterwards"]()


if __name__ == "__main__":
    main(sys.argv[1])
