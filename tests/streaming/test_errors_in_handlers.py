"""E1 to E3: what a client, the capture and the log see of an error that a handler raised."""

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import AppError, InvalidResponse, StreamingResponse
from apptheory_streaming.errors import RuntimeExit
from apptheory_streaming.invocation import InvocationPolicy
from apptheory_streaming.wire.error_response import STATUS_BY_CODE
from apptheory_streaming.wire.front import ErrorProfile, FunctionUrlFront, InvokeMode
from apptheory_streaming.wire.outcome import Ending
from apptheory_streaming.wire.transcript import EventKind
from apptheory_testkit import stream_client
from running import KINDS, MemorySink, Streaming, invocation_of, run_handler

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


class Coded(Exception):  # noqa: N818 - stands for an exception of a handler's own
    def __init__(self, code: object, message: str = "why") -> None:
        super().__init__(message)
        self.code = code


def raising(error: BaseException, *, after: int) -> Streaming:
    """A behaviour that raises after so many chunks (-1: before there is a response)."""

    def body() -> Iterator[str]:
        yield from map(str, range(after))
        raise error

    def chunks() -> Iterator[str]:
        if after < 0:
            raise error
        return body()

    return Streaming(chunks, status=201, headers={"x-a": "1"}, cookies=["a=1"])


kinds = pytest.mark.parametrize("kind", KINDS)
early = pytest.mark.parametrize("after", [-1, 0], ids=["before the head", "before chunk 0"])


@kinds
@early
@pytest.mark.parametrize("code", [*STATUS_BY_CODE, "app.of_our_own", "teapot.short_and_stout.x2"])
async def test_e2_an_early_error_with_a_code_is_its_response(code: str, after: int, kind: str) -> None:
    """E2: status by the table, else 500; a JSON body with code, message and request id; the head is replaced."""
    handler = raising(AppError(code, "why é"), after=after).handler(kind)
    capture = await stream_client(handler).get("/", headers={"x-request-id": "req_7"})
    assert capture.status == STATUS_BY_CODE.get(code, 500)
    assert capture.headers == {"content-type": ["application/json; charset=utf-8"]}
    assert capture.cookies == []
    assert capture.body.decode() == f'{{"error":{{"code":"{code}","message":"why é","request_id":"req_7"}}}}'
    assert len(capture.chunks) == 1
    assert capture.stream_error_code is None
    assert capture.handler_outcome == f"failed({code})"
    assert capture.delivery_outcome == "complete"
    assert capture.error is not None
    assert (capture.error.code, capture.error.message, capture.error.late) == (code, "why é", False)
    assert type(capture.error.exception) is AppError


@kinds
@early
@pytest.mark.parametrize(
    "code",
    ["invalid_api_key", "", "App.Conflict", "app.", ".app", "app..x", "app conflict", "1.2", 409, None, b"app.x"],
)
async def test_e2b_a_code_that_is_no_dotted_name_never_reaches_a_client(code: object, after: int, kind: str) -> None:
    """E1, E2b: a provider's code and message stay private: the client sees 502 and nothing else."""
    handler = raising(Coded(code, "key sk-123 is wrong"), after=after).handler(kind)
    capture = await stream_client(handler).get("/")
    assert (capture.status, capture.headers) == (502, {"content-type": ["text/plain"]})
    assert (capture.body, capture.cookies) == (b"Internal Server Error", [])
    assert capture.stream_error_code is None
    assert capture.handler_outcome == "failed(app.internal)"
    assert capture.error is not None
    assert (capture.error.code, capture.error.message) == ("app.internal", "key sk-123 is wrong")
    assert isinstance(capture.error.exception, Coded)


async def test_e1_a_code_is_trimmed() -> None:
    """E1: blanks and line ends around a dotted name do not count."""
    capture = await stream_client(raising(Coded("  app.conflict\n"), after=-1).handler("async")).get("/")
    assert capture.status == 409
    assert capture.handler_outcome == "failed(app.conflict)"


@kinds
async def test_e3_a_late_error_keeps_head_and_chunks(kind: str) -> None:
    """E3: nothing more is sent; the capture has code, message and exception."""
    capture = await stream_client(raising(AppError("app.conflict", "late"), after=2).handler(kind)).get("/")
    assert (capture.status, capture.cookies, capture.headers["x-a"]) == (201, ["a=1"], ["1"])
    assert capture.chunks == [b"0", b"1"]
    assert capture.stream_error_code == "app.conflict"
    assert capture.handler_outcome == "failed(app.conflict)"
    assert capture.delivery_outcome == "complete"
    assert capture.error is not None
    assert (capture.error.message, capture.error.late) == ("late", True)
    assert str(capture.error) == "app.conflict: AppError: late"
    capture.assert_headers_finalized_before_first_chunk()


@kinds
@pytest.mark.parametrize("count", [1, 63, 64, 65, 500])
async def test_e3_every_chunk_before_a_late_error_arrives(kind: str, count: int) -> None:
    """E3: a thread that runs ahead and then fails loses none of its chunks, however many are on their way."""
    handler = raising(ValueError("late"), after=count).handler(kind)
    capture = await stream_client(handler).get("/")
    assert capture.chunks == [b"%d" % number for number in range(count)]
    assert capture.stream_error_code == "app.internal"

    async with stream_client(handler).stream("GET", "/") as live:
        taken = [chunk async for chunk in live]
    assert taken == capture.chunks
    assert live.capture.stream_error_code == "app.internal"


@kinds
async def test_e3_the_sink_is_told_of_a_late_error(kind: str) -> None:
    """E3: the front decides what the client sees, so it hears that the stream failed."""
    run = await run_handler(raising(ValueError("late"), after=1).handler(kind))
    assert run.sink.ending is Ending.FAILED
    run = await run_handler(raising(ValueError("early"), after=0).handler(kind))
    assert run.sink.ending is Ending.ENDED


async def test_e3_an_empty_first_chunk_makes_an_error_late() -> None:
    """E3, R3: the head left with the empty chunk, so it cannot be replaced any more."""
    capture = await stream_client(raising(AppError("app.conflict", "x"), after=0).handler("async")).get("/")
    assert capture.status == 409

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield ""
        raise AppError("app.conflict", "x")

    capture = await stream_client(handler).get("/")
    assert (capture.status, capture.chunks, capture.stream_error_code) == (200, [b""], "app.conflict")


@kinds
async def test_f5_an_early_error_after_the_head_was_final_is_a_substitution(kind: str) -> None:
    """F5: finalized, substituted, committed; without a head before it: finalized, committed."""
    capture = await stream_client(raising(ValueError(), after=0).handler(kind)).get("/")
    events = [event.kind for event in capture.transcript.events]
    assert events == [EventKind.FINALIZED, EventKind.SUBSTITUTED, EventKind.COMMITTED]
    capture = await stream_client(raising(ValueError(), after=-1).handler(kind)).get("/")
    assert [event.kind for event in capture.transcript.events] == [EventKind.FINALIZED, EventKind.COMMITTED]


@kinds
async def test_e2b_the_apptheory_profile_answers_500_with_app_internal(kind: str) -> None:
    """E2b: `internal error` and no text of the exception; an error with a code is answered as ever."""
    front = FunctionUrlFront(errors=ErrorProfile.APPTHEORY)
    run = await run_handler(raising(ValueError("secret"), after=-1).handler(kind), front=front)
    assert run.sink.head is not None
    assert run.sink.head.status == 500
    assert run.sink.head.content_type == "application/json; charset=utf-8"
    assert run.sink.chunks == [b'{"error":{"code":"app.internal","message":"internal error","request_id":"req_1"}}']
    run = await run_handler(raising(AppError("app.not_found", "gone"), after=-1).handler(kind), front=front)
    assert run.sink.head is not None
    assert run.sink.head.status == 404


async def test_e2c_our_own_errors_have_a_name_and_no_code() -> None:
    """E2c: a broken response is E2b; its name says what was wrong."""

    async def handler(event: Any, context: Any) -> Any:
        return StreamingResponse(["x"], headers={"bad name": "x"})

    capture = await stream_client(handler).get("/")
    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)
    assert capture.error.exception.name == "InvalidResponse"
    assert "'bad name'" in capture.error.message


@kinds
async def test_e3_an_error_while_a_buffered_url_collects_is_early(kind: str) -> None:
    """E2b: nothing has left a BUFFERED URL before the end, so the client sees a clean 502."""
    run = await run_handler(
        raising(ValueError("x"), after=5).handler(kind), front=FunctionUrlFront(InvokeMode.BUFFERED)
    )
    assert run.sink.head is not None
    assert (run.sink.head.status, run.sink.chunks) == (502, [b"Internal Server Error"])
    assert run.transcript.stream_error_code is None


# -- exceptions of unusual kinds --------------------------------------------------------------


@kinds
@pytest.mark.parametrize("error", [TimeoutError("t"), RuntimeError("r"), ExceptionGroup("g", [ValueError("v")])])
async def test_e2b_builtin_exceptions_are_function_errors(error: Exception, kind: str) -> None:
    """E2b: a handler's own TimeoutError is not the deadline, a group is one error."""
    capture = await stream_client(raising(error, after=-1).handler(kind), timeout=60).get("/")
    assert capture.status == 502
    assert capture.error is not None
    assert capture.error.exception is error
    assert capture.handler_outcome == "failed(app.internal)"


@kinds
@pytest.mark.parametrize("after", [-1, 0, 1])
@pytest.mark.parametrize("error", [StopIteration("s"), StopAsyncIteration("s")], ids=["sync", "async"])
async def test_e2b_a_stray_stop_iteration_is_an_error_and_no_end(error: Exception, after: int, kind: str) -> None:
    """E2b, E3: StopIteration out of a handler never looks like the end of a stream, nor hangs it."""
    capture = await stream_client(raising(error, after=after).handler(kind)).get("/")
    assert capture.chunks == ([b"0"] if after > 0 else [b"Internal Server Error"])
    assert capture.handler_outcome == "failed(app.internal)"
    assert capture.stream_error_code == ("app.internal" if after > 0 else None)


async def test_e2b_an_exception_without_a_readable_message_does_not_hang_the_response() -> None:
    """E2b: `__str__` is the handler's code too, and may raise."""

    class Unspeakable(Exception):  # noqa: N818 - a handler's own
        def __str__(self) -> str:
            raise RuntimeError

    capture = await stream_client(raising(Unspeakable(), after=-1).handler("async")).get("/")
    assert capture.status == 502
    assert capture.error is not None
    assert "RuntimeError" in capture.error.message


class NotForUs(BaseException):  # like KeyboardInterrupt, for nobody to catch
    pass


@kinds
@pytest.mark.parametrize("after", [-1, 0, 2])
async def test_e1_what_is_no_exception_comes_out_of_the_call(after: int, kind: str) -> None:
    """E1: a BaseException propagates, and the response is cut."""
    handler = raising(NotForUs("out"), after=after).handler(kind)
    with pytest.raises(NotForUs, match="out"):
        await stream_client(handler).get("/")
    sink = MemorySink()
    with pytest.raises(NotForUs):
        await invocation_of(handler, sink).run()
    assert sink.misuse == []
    assert sink.ending in {Ending.CUT, Ending.ENDED}


@kinds
def test_e1_sys_exit_ends_a_test_process_unless_it_is_contained(kind: str) -> None:
    """E1: SystemExit comes out of the testkit as it would out of any function call."""
    with pytest.raises(SystemExit) as exit_:
        stream_client(raising(SystemExit(3), after=-1).handler(kind)).sync.get("/")
    assert exit_.value.code == 3


@kinds
@pytest.mark.parametrize("after", [-1, 0, 2])
@pytest.mark.parametrize(
    ("error", "words"),
    [(SystemExit(3), "sys.exit(3)"), (NotForUs("x"), "NotForUs"), (asyncio.CancelledError(), "CancelledError")],
    ids=["SystemExit", "BaseException", "CancelledError"],
)
async def test_e1_what_would_end_a_server_is_contained_on_demand(
    error: BaseException, words: str, after: int, kind: str
) -> None:
    """E1: with contain_exit it is a function error, RuntimeExit, whose message and cause say what it was."""
    run = await run_handler(raising(error, after=after).handler(kind), policy=InvocationPolicy(contain_exit=True))
    assert run.transcript.error is not None
    assert isinstance(run.transcript.error.exception, RuntimeExit)
    assert run.transcript.error.exception.__cause__ is error
    assert words in run.transcript.error.message
    assert run.sink.head is not None
    assert run.sink.head.status == (201 if after > 0 else 502)
    assert run.transcript.error.late is (after > 0)


@kinds
async def test_e1_what_python_itself_needs_is_never_contained(kind: str) -> None:
    """E1: GeneratorExit comes out whatever the policy; KeyboardInterrupt takes the same way."""
    with pytest.raises(GeneratorExit):
        await run_handler(raising(GeneratorExit(), after=-1).handler(kind), policy=InvocationPolicy(contain_exit=True))


@kinds
async def test_e1_a_handler_that_raises_cancelled_error_by_itself_is_not_hidden(kind: str) -> None:
    """E1: CancelledError is no Exception; nobody asked for it, so the caller hears of it."""
    with pytest.raises(asyncio.CancelledError):
        await run_handler(raising(asyncio.CancelledError(), after=-1).handler(kind))


# -- bodies that fail while they are closed ----------------------------------------------------


def failing_in_finally(kind: str, log: list[str]) -> Any:
    def sync() -> Iterator[Any]:
        try:
            yield "a"
            yield 17
        finally:
            log.append("finally")
            raise ValueError("in finally")

    async def with_await() -> AsyncIterator[Any]:
        try:
            yield "a"
            yield 17
        finally:
            log.append("finally")
            raise ValueError("in finally")

    return sync() if kind == "sync" else with_await()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_r2_the_first_error_is_the_answer_when_closing_fails_too(kind: str) -> None:
    """R2, E3: the wrong chunk stays the error; what `finally` raised is a note on it."""
    log: list[str] = []
    capture = await stream_client(lambda event, context: failing_in_finally(kind, log)).get("/")
    assert log == ["finally"]
    assert capture.error is not None
    assert "chunk 1 is of type int" in capture.error.message
    assert any("in finally" in note for note in capture.error.exception.__notes__)


async def test_r2_a_generator_that_ignores_its_closing_hangs_nothing() -> None:
    """R2: the response ends with the error that came first."""

    def handler(event: Any, context: Any) -> Iterator[Any]:
        try:
            yield 17
        except GeneratorExit:
            yield "I stay"

    capture = await stream_client(handler).get("/")
    assert capture.status == 502
    assert capture.error is not None
    assert "chunk 0 is of type int" in capture.error.message
    assert any("ignored GeneratorExit" in note for note in capture.error.exception.__notes__)


async def test_e3_an_iterator_whose_close_fails_at_the_end_is_a_late_error() -> None:
    """E3: the body was whole, and the function failed after it."""

    class Cursor:
        def __init__(self) -> None:
            self.rows = ["a", "b"]

        def __iter__(self) -> Iterator[str]:
            return self

        def __next__(self) -> str:
            if not self.rows:
                raise StopIteration
            return self.rows.pop(0)

        def close(self) -> None:
            raise OSError("connection lost")

    capture = await stream_client(lambda event, context: StreamingResponse(Cursor())).get("/")
    assert capture.chunks == [b"a", b"b"]
    assert capture.stream_error_code == "app.internal"
    assert capture.error is not None
    assert isinstance(capture.error.exception, OSError)


async def test_r1_an_iterable_that_fails_to_give_an_iterator_is_an_early_error() -> None:
    """R1, E2b: `__iter__` and `__aiter__` are code of the handler as well."""

    class Broken:
        def __iter__(self) -> Iterator[str]:
            raise LookupError("no rows")

    class BrokenAsync:
        def __aiter__(self) -> AsyncIterator[str]:
            raise LookupError("no rows")

    for body in (Broken(), BrokenAsync()):
        capture = await stream_client(functools.partial(lambda body, *_: StreamingResponse(body), body)).get("/")
        assert capture.status == 502
        assert capture.error is not None
        assert isinstance(capture.error.exception, LookupError)
