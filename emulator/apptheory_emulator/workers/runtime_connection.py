"""One connection of a runtime to its Runtime API: HTTP/1.1 with trailers, read as fast as the consumer takes it."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from apptheory_streaming.wire.runtime_replies import CONTINUE, TRUNCATED, RuntimeReply, bad_request
from apptheory_streaming.wire.runtime_routes import RuntimeCall, read_call

__all__ = ["Receiver", "RuntimeConnection", "Service", "Turn"]

MAX_SILENT_BYTES = 1024 * 1024 + 64 * 1024
"""So many bytes may come without a head, a piece of a body or its end: 1 MiB of trailers, and what stands around."""
MAX_TURNS = 16
"""So many requests may be sent ahead of their answers."""


class Receiver(Protocol):
    """Takes the body of one request; exactly one of `ended` and `lost` is called, as the last."""

    @property
    def full(self) -> bool:
        """Whether no more bytes should be read for now."""
        ...

    def data(self, data: bytes) -> None:
        """Take a piece."""

    def ended(self, trailers: Mapping[str, str]) -> None:
        """The body is whole."""

    def lost(self, problem: str) -> None:
        """The body will never be whole."""


class Service(Protocol):
    """Decides what requests mean."""

    def connected(self, connection: "RuntimeConnection") -> None:
        """A connection was opened."""

    def call(self, call: RuntimeCall, turn: "Turn") -> Receiver | None:
        """Take a request, to answer it now or later; None drops its body."""
        ...

    def disconnected(self, connection: "RuntimeConnection") -> None:
        """A connection is gone."""


class Turn:
    """The place of one request in the order of answers."""

    def __init__(self, connection: "RuntimeConnection", *, keep_alive: bool, with_body: bool) -> None:
        """Belong to a connection; `with_body` is false for HEAD."""
        self.complete = False
        self.out = b""
        self.answered = False
        self.keep_alive = keep_alive
        self.asking = False  # the client waits for leave to send its body
        self._with_body = with_body
        self._connection = connection

    @property
    def open(self) -> bool:
        """Whether an answer would still reach somebody."""
        return not self.answered and not self._connection.gone

    def answer(self, reply: RuntimeReply) -> None:
        """Send the answer when it is this request's turn; a second one is dropped."""
        if self.answered:
            return
        self.answered = True
        if self.asking:
            # Whether the client sends its body after a refusal is its own choice: nothing behind it can be read.
            self.keep_alive = False
            self.complete = True
        self.out += reply.encode(keep_alive=self.keep_alive, with_body=self._with_body)
        self._connection.flush()

    def go_on(self) -> None:
        """Let a client send the body that it asked about."""
        self.asking = False
        self.out += CONTINUE
        self._connection.flush()

    def read_on(self) -> None:
        """Read from the connection again if there is room."""
        self._connection.pace()


@dataclass(slots=True)
class _Message:
    """The request that is being read."""

    target: bytes = b""
    headers: dict[str, list[str]] = field(default_factory=dict)
    trailers: dict[str, list[str]] = field(default_factory=dict)
    turn: Turn | None = None
    receiver: Receiver | None = None


class RuntimeConnection(asyncio.Protocol):
    """Reads requests one behind the other and answers them in their order.

    The methods `on_…` are for the parser alone.
    """

    def __init__(self, service: Service) -> None:
        """Speak for a service."""
        self.gone = False
        self._service = service
        self._parser = HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._message: _Message | None = None
        self._turns: deque[Turn] = deque()
        self._silent_bytes = 0
        self._deaf = False  # what still comes is not read as HTTP
        self._write_full = False
        self.paused = False

    @property
    def number(self) -> int:
        """The file number of its socket; -1 when that is closed."""
        return -1 if self._transport is None else cast(int, self._transport.get_extra_info("socket").fileno())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods alone
        self._service.connected(self)

    def data_received(self, data: bytes) -> None:
        """Read bytes."""
        if self._deaf:
            return
        self._silent_bytes += len(data)
        try:
            self._feed(data)
        except HttpParserCallbackError as error:
            raise error.__context__ or error from None  # a defect of ours, not of the runtime
        except HttpParserError as error:
            self._break(f"what it sent is no HTTP ({error})", bad_request(str(error)))
        if self._silent_bytes > MAX_SILENT_BYTES:
            problem = f"it sent more than {MAX_SILENT_BYTES} bytes of headers, trailers or chunk extensions"
            self._break(problem, bad_request(problem))
        self.pace()

    def eof_received(self) -> None:
        """Close: a runtime that has closed its half takes no further invocation."""
        if self._message is not None and self._message.turn is not None:
            self._break("its connection ended", TRUNCATED)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - every end is the same
        """End."""
        self.gone = True
        self._transport = None
        self._lose("its connection ended")
        self._service.disconnected(self)

    def pause_writing(self) -> None:
        """Read no more requests of a client that does not read the answers."""
        self._write_full = True
        self.pace()

    def resume_writing(self) -> None:
        """Read on."""
        self._write_full = False
        self.pace()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def flush(self) -> None:
        """Send what is ready of the answers, in the order of the requests."""
        while self._turns and self._transport is not None:
            turn = self._turns[0]
            if turn.out:
                self._transport.write(turn.out)
                turn.out = b""
            if not (turn.answered and turn.complete):
                break
            self._turns.popleft()
            if not turn.keep_alive:
                self._close()
                return
        self.pace()

    def pace(self) -> None:
        """Read, or stop reading, as there is room for what would come."""
        receiver = self._message.receiver if self._message is not None else None
        full = self._write_full or len(self._turns) > MAX_TURNS or (receiver is not None and receiver.full)
        if full is self.paused or self._transport is None:
            return
        self.paused = full
        if full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._message = _Message()

    def on_url(self, url: bytes) -> None:
        """A piece of its target."""
        if self._message is not None:
            self._message.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or behind the body a trailer."""
        message = self._message
        if message is None:
            return
        fields = message.headers if message.turn is None else message.trailers
        # Joined at the end, once: a head may have as many lines of one name as it has room for.
        fields.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "replace").strip())

    def on_headers_complete(self) -> None:
        """The head is whole."""
        message = self._message
        if message is None or self._deaf:
            return
        self._silent_bytes = 0
        method = self._parser.get_method().decode("latin-1")
        keep_alive = self._parser.should_keep_alive()
        message.turn = turn = Turn(self, keep_alive=keep_alive, with_body=method != "HEAD")
        self._turns.append(turn)
        call = read_call(method, message.target.decode("utf-8", "replace"), _joined(message.headers))
        if self._parser.should_upgrade() and (call.has_body or method == "CONNECT"):
            # The parser takes the body of an upgrade for another protocol; without one the wish can be overheard.
            self._refuse(turn, bad_request("it asks for another protocol than HTTP/1.1"))
            return
        turn.asking = call.headers.get("expect", "").lower() == "100-continue"
        message.receiver = self._service.call(call, turn)
        if turn.asking and turn.answered:
            self._deafen()
        elif turn.asking:
            turn.go_on()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._silent_bytes = 0
        if self._message is not None and self._message.receiver is not None:
            self._message.receiver.data(data)

    def on_message_complete(self) -> None:
        """The request is whole."""
        message, self._message = self._message, None
        if message is None or message.turn is None:
            return
        self._silent_bytes = 0
        message.turn.complete = True
        if message.receiver is not None:
            message.receiver.ended(_joined(message.trailers))
        self.flush()

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
            else:
                return

    def _refuse(self, turn: Turn, reply: RuntimeReply) -> None:
        turn.keep_alive = False
        turn.complete = True
        self._deafen()
        turn.answer(reply)

    def _break(self, problem: str, reply: RuntimeReply) -> None:
        """End a connection on which nothing can be read any more; polls that wait on it end with it."""
        if self._deaf:
            return
        turn = self._message.turn if self._message is not None else None
        self._lose(problem)
        if turn is not None:
            self._refuse(turn, TRUNCATED)
        elif not self._turns:
            turn = Turn(self, keep_alive=False, with_body=True)
            self._turns.append(turn)
            self._refuse(turn, reply)
        self._close()

    def _lose(self, problem: str) -> None:
        message, self._message = self._message, None
        if message is not None and message.receiver is not None:
            message.receiver.lost(problem)

    def _deafen(self) -> None:
        self._deaf = True
        self._message = None

    def _close(self) -> None:
        self._deaf = True
        if self._transport is not None:
            self._transport.close()


def _joined(fields: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The lines of each name as one value (RFC 9110, section 5.3)."""
    return {name: ", ".join(values) for name, values in fields.items()}
