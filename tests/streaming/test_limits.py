"""L2: `max_response_bytes`, and how a response over it fails."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming import HttpResponseStream, StreamingResponse, streamify_response
from apptheory_streaming.errors import PayloadTooLarge, ResponseTooLarge
from apptheory_testkit import Limits, StreamCapture, stream_client
from running import KINDS, Streaming

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def streaming(chunks: list[bytes], kind: str, log: list[str] | None = None) -> Callable[..., Any]:
    """A handler of a kind that streams these chunks and logs the chunks that it was asked for."""

    def body() -> Iterator[bytes]:
        for index, chunk in enumerate(chunks):
            if log is not None:
                log.append(f"chunk {index}")
            yield chunk

    if kind == "list":
        return lambda event, context: StreamingResponse(chunks)
    return Streaming(body).handler(kind)


async def capture_of(handler: Callable[..., Any], limit: int, **options: Any) -> StreamCapture:
    return await stream_client(handler, limits=Limits(max_response_bytes=limit), **options).get("/")


kinds = pytest.mark.parametrize("kind", [*KINDS, "list"])


@kinds
async def test_l2_an_exact_fit_passes(kind: str) -> None:
    """L2: the limit itself is allowed, and so are empty chunks behind it."""
    capture = await capture_of(streaming([b"12", b"345", b"", b""], kind), 5)
    assert capture.chunks == [b"12", b"345", b"", b""]
    assert capture.error is None


@kinds
async def test_l2_the_first_chunk_over_the_limit_is_a_413(kind: str) -> None:
    """L2, E2: an early error with code app.too_large."""
    capture = await capture_of(streaming([b"123456", b"x"], kind), 5)
    assert capture.status == 413
    assert b'"code":"app.too_large"' in capture.body
    assert capture.error is not None
    assert (capture.error.code, capture.error.late) == ("app.too_large", False)
    assert "chunk 0 would bring the body to 6 bytes; the limit is 5" in capture.error.message


@kinds
async def test_l2_a_later_chunk_over_the_limit_is_dropped_whole(kind: str) -> None:
    """L2, E3: a late error; no part of the chunk is sent, and nothing after it although it would fit."""
    capture = await capture_of(streaming([b"12", b"345", b"6", b""], kind), 5)
    assert (capture.status, capture.chunks) == (200, [b"12", b"345"])
    assert capture.stream_error_code == "app.too_large"
    assert capture.handler_outcome == "failed(app.too_large)"
    assert capture.error is not None
    assert "chunk 2 would bring the body to 6 bytes" in capture.error.message
    capture = await capture_of(streaming([b"12", b"3456", b"5"], kind), 5)
    assert capture.chunks == [b"12"]


@kinds
async def test_l2_an_empty_first_chunk_makes_the_error_late(kind: str) -> None:
    """L2, R3: the head left with the empty chunk, so no 413 can be sent any more."""
    capture = await capture_of(streaming([b"", b"123456"], kind), 5)
    assert (capture.status, capture.chunks, capture.stream_error_code) == (200, [b""], "app.too_large")


@kinds
async def test_l2_a_limit_of_nothing_lets_only_empty_chunks_pass(kind: str) -> None:
    """L2: zero is a limit like any other."""
    capture = await capture_of(streaming([b"", b""], kind), 0)
    assert (capture.chunks, capture.error) == ([b"", b""], None)
    assert (await capture_of(streaming([b"1"], kind), 0)).status == 413


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 70, 300])
async def test_l2_a_handler_in_a_thread_stops_where_one_on_the_loop_would(kind: str, count: int) -> None:
    """L2, D1: no chunk is asked for after the refused one, though a thread runs ahead of the loop."""
    log: list[str] = []
    chunks = [b"x"] * count + [b"too much"] + [b"x"] * 100
    capture = await capture_of(streaming(chunks, kind, log), count)
    assert log == [f"chunk {index}" for index in range(count + 1)]
    assert capture.chunks == [b"x"] * count


def with_prefix(prefix: object, body: object) -> Any:
    """An answer of AppTheory's shape."""
    fields = {"status": 200, "headers": {}, "cookies": [], "is_base64": False}
    return SimpleNamespace(**fields, body=prefix, body_stream=body)


async def test_l2_the_prefix_counts() -> None:
    """L2, R7: the prefix is chunk 0, for the limit too."""
    capture = await capture_of(lambda event, context: with_prefix(b"123", iter([b"45"])), 5)
    assert (capture.chunks, capture.error) == ([b"123", b"45"], None)
    capture = await capture_of(lambda event, context: with_prefix(b"123", iter([b"456"])), 5)
    assert (capture.chunks, capture.stream_error_code) == ([b"123"], "app.too_large")
    capture = await capture_of(lambda event, context: with_prefix(b"123456", iter([b"7"])), 5)
    assert capture.status == 413


@pytest.mark.parametrize("mode", ["RESPONSE_STREAM", "BUFFERED"])
async def test_l2_a_buffered_answer_is_held_to_the_limit(mode: str) -> None:
    """L2: the JSON of a value counts as it is sent; over the limit it is a 413."""
    capture = await capture_of(lambda event, context: [1, 2], 6, invoke_mode=mode)
    assert (capture.status, capture.body) == (200, b"[1, 2]")
    assert (await capture_of(lambda event, context: [1, 23], 6, invoke_mode=mode)).status == 413


@kinds
async def test_l2_a_collected_stream_over_the_limit_is_a_413(kind: str) -> None:
    """L2: a BUFFERED URL has sent nothing when the limit is reached."""
    capture = await capture_of(streaming([b"123", b"456"], kind), 5, invoke_mode="BUFFERED")
    assert capture.status == 413
    assert capture.stream_error_code is None


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("then", ["returns", "ends", "writes on", "raises"])
async def test_l2_a_handler_cannot_catch_its_way_out(kind: str, then: str) -> None:
    """L2: the stream fails with app.too_large whatever a streamify handler makes of ResponseTooLarge."""

    def steps(stream: HttpResponseStream) -> None:
        stream.write(b"123")
        with pytest.raises(ResponseTooLarge):
            stream.write(b"456")
        if then == "writes on":
            with pytest.raises(ResponseTooLarge):
                stream.write(b"")
        if then == "ends":
            with pytest.raises(ResponseTooLarge):
                stream.end()
        if then == "raises":
            raise ValueError("something else")

    @streamify_response
    async def with_await(event: Any, stream: HttpResponseStream, context: Any) -> None:
        steps(stream)

    @streamify_response
    def sync(event: Any, stream: HttpResponseStream, context: Any) -> None:
        steps(stream)

    capture = await capture_of(sync if kind == "sync" else with_await, 5)
    assert capture.chunks == [b"123"]
    assert capture.stream_error_code == "app.too_large"
    assert capture.handler_outcome == "failed(app.too_large)"


async def test_l2_a_generator_that_goes_over_is_closed() -> None:
    """L2: its `finally` runs, and what that raises does not hide the reason."""
    log: list[str] = []

    def handler(event: Any, context: Any) -> Iterator[bytes]:
        try:
            yield b"123"
            yield b"456"
        finally:
            log.append("finally")
            raise ValueError("in finally")

    capture = await capture_of(handler, 5)
    assert log == ["finally"]
    assert capture.stream_error_code == "app.too_large"


async def test_l2_dropped_chunks_of_a_head_request_count_too() -> None:
    """L2, E6: a body that nobody sees may still not grow beyond the limit."""
    client = stream_client(streaming([b"123", b"456"], "async"), limits=Limits(max_response_bytes=5))
    capture = await client.head("/")
    assert (capture.status, capture.chunks, capture.stream_error_code) == (200, [], "app.too_large")


@settings(deadline=None)  # how long an example takes says nothing here
@given(st.lists(st.binary(max_size=8), max_size=12), st.integers(0, 40), st.sampled_from(["sync", "async", "list"]))
def test_l2_what_is_sent_is_the_longest_run_of_whole_chunks_that_fits(
    chunks: list[bytes], limit: int, kind: str
) -> None:
    """L2: for any chunks and any limit, in every kind of body."""
    fitting: list[bytes] = []
    for chunk in chunks:
        if chunk and sum(map(len, fitting)) + len(chunk) > limit:
            break
        fitting.append(chunk)
    client = stream_client(streaming(chunks, kind), limits=Limits(max_response_bytes=limit))
    capture = client.sync.get("/")
    if fitting or not chunks:
        assert capture.chunks == fitting
        assert (capture.stream_error_code == "app.too_large") is (len(fitting) < len(chunks))
    else:
        assert capture.status == 413


LAMBDA = Limits(max_buffered_bytes=5, max_streamed_bytes=8)


@kinds
async def test_l3_a_stream_over_lambdas_limit_is_cut(kind: str) -> None:
    """L3: what fits is delivered; the error is a function error without a code, and the delivery is cut."""
    fits = await stream_client(streaming([b"1234", b"5678", b""], kind), limits=LAMBDA).get("/")
    capture = await stream_client(streaming([b"1234", b"5678", b"9", b""], kind), limits=LAMBDA).get("/")

    assert (fits.chunks, fits.error) == ([b"1234", b"5678", b""], None)
    assert fits.delivery_outcome == "complete"
    assert capture.chunks == [b"1234", b"5678"]
    assert capture.handler_outcome == "failed(app.internal)"
    assert capture.delivery_outcome == "cut"
    assert capture.error is not None
    assert isinstance(capture.error.exception, PayloadTooLarge)


@kinds
async def test_l3_a_first_chunk_over_lambdas_limit_is_a_function_error(kind: str) -> None:
    """L3, E2b: nothing has left, so it is 502; a BUFFERED URL knows for longer."""
    first = await stream_client(streaming([b"123456789"], kind), limits=LAMBDA).get("/")
    buffered = stream_client(streaming([b"123", b"456"], kind), limits=LAMBDA, invoke_mode="BUFFERED")
    collected = await buffered.get("/")

    assert [(each.status, each.body) for each in (first, collected)] == [(502, b"Internal Server Error")] * 2
    assert all(each.error is not None and each.delivery_outcome == "complete" for each in (first, collected))


@pytest.mark.parametrize("mode", ["RESPONSE_STREAM", "BUFFERED"])
async def test_l3_a_buffered_answer_counts_as_the_runtime_sends_it(mode: str) -> None:
    """L3, R0: with the quotes of its JSON, whatever the URL makes of it."""
    fits = await stream_client(lambda event, context: "123", limits=LAMBDA, invoke_mode=mode).get("/")
    capture = await stream_client(lambda event, context: "1234", limits=LAMBDA, invoke_mode=mode).get("/")

    assert (fits.status, capture.status) == (200, 502)
    assert capture.error is not None
    assert capture.error.message == "Response payload size exceeded maximum allowed payload size (5 bytes)."


async def test_l3_the_smaller_of_two_limits_holds() -> None:
    """L2, L3: a test's own limit, with its code, or Lambda's."""
    own = Limits(max_response_bytes=2, max_streamed_bytes=3)
    lambdas = Limits(max_response_bytes=3, max_streamed_bytes=2)

    codes = [(await stream_client(streaming([b"12", b"3"], "list"), limits=each).get("/")) for each in (own, lambdas)]

    assert [each.stream_error_code for each in codes] == ["app.too_large", "app.internal"]
