"""A client that raises late errors: the handler's own exception, with the capture on it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from apptheory_emulator import HttpTransport
from apptheory_streaming import AppError, HttpResponseStream, streamify_response, text_stream
from apptheory_streaming.errors import StreamTypeError, UsageError
from apptheory_streaming.handlers import Handler
from apptheory_testkit import StreamCapture, capture_of, stream_client
from apptheory_testkit.faults import disconnect, limit

VIRTUAL = pytest.mark.streaming(clock="virtual")


class Broken(Exception):  # noqa: N818 - what a handler may call its own
    pass


async def broken(event: Any, context: Any) -> AsyncIterator[str]:
    yield "chunk1\n"
    raise Broken("no more")


def broken_sync(event: Any, context: Any) -> Iterator[str]:
    yield "chunk1\n"
    raise Broken("no more")


async def early(event: Any, context: Any) -> AsyncIterator[str]:
    raise Broken("nothing yet")
    yield ""


async def refused(event: Any, context: Any) -> Any:
    raise AppError("app.not_found", "no such thing")


async def whole(event: Any, context: Any) -> AsyncIterator[str]:
    yield "all of it"


Ask = Callable[[Handler], StreamCapture]


def request(handler: Handler) -> StreamCapture:
    return stream_client(handler, raise_on_stream_error=True).sync.get("/")


def invoke(handler: Handler) -> StreamCapture:
    return stream_client(handler, raise_on_stream_error=True).sync.invoke({"any": "event"})


def take_live(handler: Handler) -> StreamCapture:
    async def main() -> StreamCapture:
        async with stream_client(handler, raise_on_stream_error=True).stream("GET", "/") as live:
            assert [chunk async for chunk in live]
        return live.capture

    return asyncio.run(main())


def over_http(handler: Handler) -> StreamCapture:
    client = stream_client(handler, raise_on_stream_error=True, clock="virtual", transport=HttpTransport)
    return client.sync.get("/")


EVERY_WAY = pytest.mark.parametrize("ask", [request, invoke, take_live, over_http])


@EVERY_WAY
@pytest.mark.parametrize("handler", [broken, broken_sync], ids=["async", "sync"])
def test_e3_a_late_error_is_raised_as_the_exception_that_it_is(ask: Ask, handler: Handler) -> None:
    """The head and the chunks so far are in the capture, which the exception has; strict mode has no more to say."""
    with pytest.raises(Broken, match="no more") as failure:
        ask(handler)

    capture = capture_of(failure.value)
    assert capture.unseen_problems() == []
    assert (capture.status, capture.chunks) == (200, [b"chunk1\n"])
    assert capture.stream_error_code == "app.internal"
    assert capture.error is not None
    assert capture.error.exception is failure.value


@EVERY_WAY
@pytest.mark.parametrize(("handler", "status"), [(early, 502), (refused, 404), (whole, 200)])
def test_e2_an_early_error_is_a_response_like_any_other(ask: Ask, handler: Handler, status: int) -> None:
    """A client gets a whole answer for it: the status says what happened, and `error` why."""
    capture = ask(handler)

    assert capture.status == status
    assert capture.delivery_outcome == "complete"


@pytest.mark.parametrize("handler", [broken, early])
def test_without_it_nothing_raises(handler: Handler) -> None:
    """Whatever happened, it is in the capture."""
    capture = stream_client(handler).sync.get("/")

    assert capture.error is not None
    assert isinstance(capture.error.exception, Broken)
    with pytest.raises(UsageError, match=r"Broken was not raised by a client for a stream that broke"):
        capture_of(capture.error.exception)


def test_the_exception_says_where_it_was_raised_and_what_came_before() -> None:
    """A failed test shows the line of the handler, and the note."""
    with pytest.raises(Broken) as failure:
        request(broken)

    assert failure.traceback[-1].name == "broken"
    assert failure.value.__notes__ == [
        "It broke the stream of req_test_0001 after 1 chunk (7 bytes): app.internal; see capture_of(error)."
    ]


async def untyped(event: Any, context: Any) -> AsyncIterator[Any]:
    yield "fine"
    yield 7


@streamify_response
async def left_open(event: Any, stream: HttpResponseStream, context: Any) -> None:
    await stream.write("fine")


async def mutated(event: Any, context: Any) -> Any:
    def body() -> Iterator[str]:
        yield "fine"
        response.headers["x-late"] = "yes"

    response = text_stream(body())
    return response


def test_r2_what_breaks_the_contract_late_is_raised_too() -> None:
    """The rule is `stream_error_code`: what sets it is raised."""
    with pytest.raises(StreamTypeError, match="chunk 1") as failure:
        request(untyped)

    assert capture_of(failure.value).chunks == [b"fine"]


@pytest.mark.parametrize("handler", [left_open, mutated], ids=["missing end", "late mutation"])
def test_problems_of_other_kinds_are_left_to_strict_mode(handler: Handler) -> None:
    """They are no stream errors: nothing is raised for them, and nothing counts as looked at."""
    capture = request(handler)

    assert len(capture.unseen_problems()) == 1


def test_a_late_error_keeps_the_cause_that_its_handler_gave_it() -> None:
    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise Broken("no more") from KeyError("model")

    with pytest.raises(Broken) as failure:
        request(handler)

    assert repr(failure.value.__cause__) == "KeyError('model')"


@dataclass(frozen=True)
class Frozen(Exception):  # noqa: N818 - as above
    why: str


def test_an_exception_that_takes_no_note_is_raised_all_the_same() -> None:
    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise Frozen("no more")

    with pytest.raises(Frozen) as failure:
        request(handler)

    with pytest.raises(UsageError):
        capture_of(failure.value)


def test_one_exception_that_broke_two_streams_has_the_last() -> None:
    again = Broken("always this one")

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise again

    client = stream_client(handler, raise_on_stream_error=True).sync
    for _ in range(2):
        with pytest.raises(Broken):
            client.get("/")

    assert capture_of(again).request_id == "req_test_0002"


async def later(event: Any, context: Any) -> Any:
    async def body() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{number}"
            await asyncio.sleep(1)
        raise Broken("at the end")

    return text_stream(body())


def test_e4_a_client_that_left_hears_nothing_of_it() -> None:
    """The handler runs on, as on AWS, and what it raises then is for its log."""
    capture = stream_client(later, raise_on_stream_error=True, clock="virtual").sync.get(fault=disconnect(at=1))

    assert capture.delivery_outcome == "client_gone(after 1 bytes)"
    assert capture.error is not None
    assert capture.error.message == "at the end"


def test_l2_an_error_that_a_fault_caused_is_one_as_well() -> None:
    with pytest.raises(Exception, match="the limit is 2") as failure:
        stream_client(later, raise_on_stream_error=True, clock="virtual").sync.get(fault=limit(2))

    assert capture_of(failure.value).stream_error_code == "app.too_large"


@VIRTUAL
async def test_a_live_stream_raises_when_its_block_is_left() -> None:
    """Its chunks come first; a client learns of the end once it has taken them all."""
    taken: list[bytes] = []
    live = stream_client(later, raise_on_stream_error=True).stream("GET", "/")
    with pytest.raises(Broken) as failure:
        async with live:
            taken += [chunk async for chunk in live]

    assert taken == [b"0", b"1", b"2"]
    assert capture_of(failure.value) == live.capture


@VIRTUAL
async def test_what_the_block_of_a_live_stream_raises_comes_first() -> None:
    """A failed assertion of the test says more."""
    with pytest.raises(AssertionError, match="mine"):
        async with stream_client(later, raise_on_stream_error=True).stream("GET", "/") as live:
            assert [chunk async for chunk in live] == [], "mine"


@VIRTUAL
@pytest.mark.parametrize("leave", ["return", "disconnect"])
async def test_a_test_that_leaves_a_live_stream_hears_nothing(leave: str) -> None:
    async with stream_client(later, raise_on_stream_error=True).stream("GET", "/") as live:
        await anext(live)
        if leave == "disconnect":
            await live.disconnect()

    assert live.capture.chunks == [b"0"]


def test_a_capture_is_heard_of_before_its_error_is_raised() -> None:
    """So whoever listens to a client misses none."""
    heard: list[StreamCapture] = []
    client = stream_client(broken, raise_on_stream_error=True, on_capture=heard.append)

    with pytest.raises(Broken) as failure:
        client.sync.get("/")

    assert [capture_of(failure.value)] == heard


def test_the_fixture_takes_the_option(pytester: pytest.Pytester) -> None:
    """A test that does not catch the exception fails with it, and strict mode adds nothing."""
    pytester.makepyfile(
        """
        import pytest

        async def handler(event, context):
            yield "chunk1"
            raise ValueError("Stream error")

        def test_caught(stream_client):
            with pytest.raises(ValueError, match="Stream error"):
                stream_client(handler, raise_on_stream_error=True).sync.get("/")

        def test_not_caught(stream_client):
            stream_client(handler, raise_on_stream_error=True).sync.get("/")
        """
    )

    result = pytester.runpytest("-p", "no:randomly", "-o", "asyncio_default_fixture_loop_scope=function")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*ValueError: Stream error", "*It broke the stream of req_test_0001 after 1 chunk (6 bytes): app.internal; *"]
    )
    result.stdout.no_fnmatch_line("*had problems that this test did not look at*")


def test_a_handler_that_waits_is_raised_for_when_it_fails() -> None:
    """Nothing is raised before the response is over, in virtual time too."""

    def handler(event: Any, context: Any) -> Iterator[str]:
        yield "one"
        time.sleep(600)
        raise Broken("after ten minutes")

    with pytest.raises(Broken) as failure:
        stream_client(handler, raise_on_stream_error=True, clock="virtual").sync.get("/")

    assert capture_of(failure.value).duration == 600
