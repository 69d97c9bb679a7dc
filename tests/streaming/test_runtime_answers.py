"""What a function in another process answers: it goes through the same writer as every other (rules R0, E2b, E3)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_streaming.errors import RuntimeExit, RuntimeFailure, Throttled
from apptheory_streaming.shapes import StreamedAnswer
from apptheory_streaming.wire.head import Head, make_head
from apptheory_streaming.wire.marshal import BufferedPayload
from apptheory_testkit import StreamClientFactory

PLAIN: Any = {"content-type": "text/plain"}


class Body:
    """Bytes as they come from elsewhere; `closed` says that nobody will read on."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self.closed = False
        self._parts = iter(parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        part = next(self._parts, None)
        if part is None:
            raise StopAsyncIteration
        if isinstance(part, Exception):
            raise part
        return part

    async def aclose(self) -> None:
        self.closed = True


async def test_answer_with_its_head_goes_through_as_it_is(stream_client: StreamClientFactory) -> None:
    """R0: head and chunks of a streamed answer are those of the response."""

    async def handler(_event: Any, _context: Any) -> StreamedAnswer:
        return StreamedAnswer(make_head(201, PLAIN, ["a=1"]), body=Body(b"one", b"two"), commit=True)

    capture = await stream_client(handler).get("/")

    assert (capture.status, capture.cookies, capture.chunks) == (201, ["a=1"], [b"one", b"two"])


@pytest.mark.parametrize("commit", [True, False])
async def test_head_that_is_committed_is_on_its_way_before_the_body_fails(
    stream_client: StreamClientFactory, *, commit: bool
) -> None:
    """E3: behind a committed head an error is late, without one it is early."""

    async def handler(_event: Any, _context: Any) -> StreamedAnswer:
        failure = RuntimeFailure("boom", error_type="TypeError", code="app.conflict")
        return StreamedAnswer(make_head(200, PLAIN), body=Body(failure), commit=commit)

    capture = await stream_client(handler).get("/")

    assert capture.status == (200 if commit else 409)
    assert capture.stream_error_code == ("app.conflict" if commit else None)
    assert capture.error is not None
    assert capture.error.type_name == "TypeError"


async def test_committed_head_is_sent_once_when_the_body_is_empty(stream_client: StreamClientFactory) -> None:
    """F6: a body of zero bytes keeps its head."""

    async def handler(_event: Any, _context: Any) -> StreamedAnswer:
        return StreamedAnswer(make_head(202, PLAIN), body=Body(), commit=True)

    capture = await stream_client(handler).get("/")

    assert (capture.status, capture.chunks) == (202, [])
    assert capture.delivery_outcome == "complete"


async def test_process_that_dies_behind_the_head_cuts_the_response(stream_client: StreamClientFactory) -> None:
    """E3b: delivery is cut, whatever happens to other late errors."""

    async def handler(_event: Any, _context: Any) -> StreamedAnswer:
        return StreamedAnswer(make_head(200, PLAIN), body=Body(b"one", RuntimeExit("exit status 1")), commit=True)

    capture = await stream_client(handler, strict=False).get("/")

    assert capture.chunks == [b"one"]
    assert capture.delivery_outcome == "cut"


async def test_one_too_many_is_answered_429(stream_client: StreamClientFactory) -> None:
    """A request that finds all environments busy is the platform's to answer, not the function's."""

    async def handler(_event: Any, _context: Any) -> None:
        raise Throttled("all 10 environments are busy")

    capture = await stream_client(handler).get("/")

    assert capture.status == 429
    assert capture.headers["x-amzn-errortype"] == ["TooManyRequestsException"]
    assert capture.json()["message"] == "Rate Exceeded."
    assert capture.error is not None
    assert capture.error.code == "app.rate_limited"


async def test_payload_of_a_runtime_is_shown_as_it_is(stream_client: StreamClientFactory) -> None:
    """R0: what a runtime made of a value is not made into JSON a second time."""

    async def handler(_event: Any, _context: Any) -> BufferedPayload:
        return BufferedPayload(b'{"a":1}', "application/json")

    capture = await stream_client(handler).get("/")

    assert (capture.body, capture.transcript.buffered) == (b'{"a":1}', True)


async def test_verbatim_answer_streams_on_a_streaming_url(stream_client: StreamClientFactory) -> None:
    """R0: without a prelude the bytes are the body, with status 200 and the runtime's content type."""

    async def handler(_event: Any, _context: Any) -> StreamedAnswer:
        return StreamedAnswer(Head(200, {"content-type": ("a/b",)}), body=Body(b"{", b"}"), commit=True, verbatim=True)

    capture = await stream_client(handler).get("/")

    assert (capture.status, capture.headers["content-type"], capture.chunks) == (200, ["a/b"], [b"{", b"}"])


async def test_verbatim_answer_is_inferred_on_a_buffered_url(stream_client: StreamClientFactory) -> None:
    """R0: a BUFFERED URL reads format 2.0 out of the whole of it."""

    async def handler(_event: Any, _context: Any) -> StreamedAnswer:
        head = Head(200, {"content-type": ("application/json",)})
        return StreamedAnswer(head, body=Body(b'{"statusCode":', b'418,"body":"tea"}'), commit=True, verbatim=True)

    capture = await stream_client(handler, invoke_mode="BUFFERED").get("/")

    assert (capture.status, capture.body) == (418, b"tea")


@pytest.mark.parametrize("mode", ["RESPONSE_STREAM", "BUFFERED"])
async def test_body_is_closed_when_it_is_over_and_when_it_is_not_read(
    stream_client: StreamClientFactory, mode: str
) -> None:
    """What comes from another process is always given back."""
    body = Body(b"one", ValueError("x"))

    async def handler(_event: Any, _context: Any) -> StreamedAnswer:
        return StreamedAnswer(make_head(), body=body, verbatim=True)

    await stream_client(handler, invoke_mode=mode, strict=False).get("/")

    assert body.closed
