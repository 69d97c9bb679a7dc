"""Reads an HTTP/1.1 response from bytes as they come: the head, and each frame of a chunked body."""

from collections.abc import Sequence

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from apptheory_emulator.recorder.errors import NotHttp
from apptheory_streaming.wire.head import Head

__all__ = ["ResponseReader"]

MOST_STATUS = 599


class ResponseReader:
    """The response to one request; pure, it is fed with what was received.

    A frame of a chunked body is a chunk; of any other body, what came at once is.
    """

    def __init__(self, *, head_only: bool = False) -> None:
        """`head_only` for the response to a HEAD request, which has no body."""
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.has_head = False
        self.complete = False
        self.broken: str | None = None
        """Why no more can be read, when the server broke HTTP behind the head."""
        self._head_only = head_only
        self._parser = HttpResponseParser(self)
        self._in_frame = False
        self._part = bytearray()
        self._chunks: list[bytes] = []

    def feed(self, data: bytes) -> Sequence[bytes]:
        """Take bytes and give the chunks that are whole now; raises NotHttp where there was no head."""
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade, HttpParserCallbackError) as error:
            self._fail(error)
        if self.has_head and self.status > MOST_STATUS:
            raise NotHttp(f"the status {self.status} is none that HTTP has, so no document can hold it")
        chunks, self._chunks = self._chunks, []
        return chunks

    def end(self) -> bytes:
        """Take the end of the connection, and give what came of a frame that never became whole."""
        if self.has_head and not self._has_border and not self.broken:
            self.complete = True
        rest, self._part = bytes(self._part), bytearray()
        return rest

    def head(self) -> Head:
        """Give the head, with all headers; there must be one."""
        headers: dict[str, tuple[str, ...]] = {}
        for name, value in self.headers:
            headers[name] = (*headers.get(name, ()), value)
        cookies = headers.pop("set-cookie", ())
        return Head(self.status, headers, cookies)

    @property
    def _has_border(self) -> bool:
        """Whether the body shows by itself where it ends (RFC 9112, section 6.3)."""
        return any(name in ("content-length", "transfer-encoding") for name, _ in self.headers)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, HttpParserUpgrade):
            raise NotHttp("the server switched to another protocol, which has no response to record") from error
        if self.complete:  # what stands behind a response belongs to nobody
            return
        if not self.has_head:
            raise NotHttp(f"what answered does not speak HTTP/1.1: {error}") from error
        self.broken = str(error)

    # -- what the parser calls ----------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin: a head that came before was one of the 1xx."""
        if not self.complete:
            self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head, or of a trailer, which is not kept."""
        if not self.has_head:
            self.headers.append((name.decode("latin-1").lower(), value.decode("utf-8", "replace").strip()))

    def on_headers_complete(self) -> None:
        """Take the status; another head follows those of 100 and 103."""
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        self.has_head = self.status >= 200
        if self.has_head and self._head_only:
            self.complete = True

    def on_chunk_header(self) -> None:
        """Begin a frame."""
        self._in_frame = True

    def on_body(self, data: bytes) -> None:
        """Take bytes of a frame, or of a body without frames; what stands behind a response is none of it."""
        if self.complete:
            return
        if self._in_frame:
            self._part += data
        else:
            self._chunks.append(data)

    def on_chunk_complete(self) -> None:
        """End a frame; the last one is empty."""
        self._in_frame = False
        if self._part:
            self._chunks.append(bytes(self._part))
            self._part.clear()

    def on_message_complete(self) -> None:
        """End the response."""
        self.complete = self.has_head
