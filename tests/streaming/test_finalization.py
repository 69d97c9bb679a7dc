"""F1 to F6: when a head is final, and how every later change is found."""

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apptheory_streaming import Headers, HttpResponseStream, InvalidResponse, StreamingResponse, streamify_response
from apptheory_streaming.watch import HeadWatch
from apptheory_streaming.wire.transcript import EventKind, LateMutation
from apptheory_testkit import StreamCapture, stream_client

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

HERE = Path(__file__).name

Change = tuple[str, str | None, object, object]
"""Field, name, old and new value of one late mutation."""


def fresh() -> StreamingResponse:
    return StreamingResponse(headers={"Vary": ["accept"], "X-A": "1"}, cookies=["a=1", "b=2"])


# Each mutator is one statement, on the line below its `def`.


def set_status(response: Any) -> None:
    response.status = 201


def set_new_header(response: Any) -> None:
    response.headers["X-New"] = "v"


def set_header_again(response: Any) -> None:
    response.headers["x-A"] = ["2", "3"]


def append_to_header(response: Any) -> None:
    response.headers["vary"].append("origin")


def add_to_header(response: Any) -> None:
    response.headers["Vary"] += ["origin", "cookie"]


def extend_header(response: Any) -> None:
    response.headers["vary"].extend(["origin"])


def insert_into_header(response: Any) -> None:
    response.headers["vary"].insert(0, "origin")


def set_header_by_index(response: Any) -> None:
    response.headers["vary"][0] = "origin"


def set_header_by_slice(response: Any) -> None:
    response.headers["vary"][:] = ["x", "y"]


def delete_header_by_index(response: Any) -> None:
    del response.headers["vary"][0]


def clear_header(response: Any) -> None:
    response.headers["vary"].clear()


def pop_from_header(response: Any) -> None:
    response.headers["vary"].pop()


def update_headers(response: Any) -> None:
    response.headers.update({"X-A": "2", "x-new": "v"})


def merge_headers(response: Any) -> None:
    response.headers |= {"X-A": "2"}


def set_header_by_default(response: Any) -> None:
    response.headers.setdefault("x-new", "v")


def append_to_default(response: Any) -> None:
    response.headers.setdefault("x-new", []).append("v")


def delete_header(response: Any) -> None:
    del response.headers["X-A"]


def pop_header(response: Any) -> None:
    response.headers.pop("X-A")


def popitem_header(response: Any) -> None:
    response.headers.popitem()


def clear_headers(response: Any) -> None:
    response.headers.clear()


def rebind_headers(response: Any) -> None:
    response.headers = {"vary": "accept", "x-new": "v"}


def append_cookie(response: Any) -> None:
    response.cookies.append("c=3")


def add_cookies(response: Any) -> None:
    response.cookies += ["c=3"]


def extend_cookies(response: Any) -> None:
    response.cookies.extend(["c=3"])


def insert_cookie(response: Any) -> None:
    response.cookies.insert(0, "c=3")


def set_cookie_by_index(response: Any) -> None:
    response.cookies[-1] = "c=3"


def delete_cookie(response: Any) -> None:
    del response.cookies[0]


def remove_cookie(response: Any) -> None:
    response.cookies.remove("a=1")


def pop_cookie(response: Any) -> None:
    response.cookies.pop()


def clear_cookies(response: Any) -> None:
    response.cookies.clear()


def rebind_cookies(response: Any) -> None:
    response.cookies = ["c=3"]


Mutator = Callable[[Any], None]

BOTH = ["a=1", "b=2"]
MUTATORS: list[tuple[Mutator, list[Change]]] = [
    (set_status, [("status", None, 200, 201)]),
    (set_new_header, [("header", "x-new", None, ["v"])]),
    (set_header_again, [("header", "x-a", ["1"], ["2", "3"])]),
    (append_to_header, [("header", "vary", ["accept"], ["accept", "origin"])]),
    (add_to_header, [("header", "vary", ["accept"], ["accept", "origin", "cookie"])]),
    (extend_header, [("header", "vary", ["accept"], ["accept", "origin"])]),
    (insert_into_header, [("header", "vary", ["accept"], ["origin", "accept"])]),
    (set_header_by_index, [("header", "vary", ["accept"], ["origin"])]),
    (set_header_by_slice, [("header", "vary", ["accept"], ["x", "y"])]),
    (delete_header_by_index, [("header", "vary", ["accept"], [])]),
    (clear_header, [("header", "vary", ["accept"], [])]),
    (pop_from_header, [("header", "vary", ["accept"], [])]),
    (update_headers, [("header", "x-a", ["1"], ["2"]), ("header", "x-new", None, ["v"])]),
    (merge_headers, [("header", "x-a", ["1"], ["2"])]),
    (set_header_by_default, [("header", "x-new", None, ["v"])]),
    (append_to_default, [("header", "x-new", None, []), ("header", "x-new", [], ["v"])]),
    (delete_header, [("header", "x-a", ["1"], None)]),
    (pop_header, [("header", "x-a", ["1"], None)]),
    (popitem_header, [("header", "vary", ["accept"], None)]),
    (clear_headers, [("header", "vary", ["accept"], None), ("header", "x-a", ["1"], None)]),
    (rebind_headers, [("header", "x-a", ["1"], None), ("header", "x-new", None, ["v"])]),
    (append_cookie, [("cookie", None, BOTH, [*BOTH, "c=3"])]),
    (add_cookies, [("cookie", None, BOTH, [*BOTH, "c=3"])]),
    (extend_cookies, [("cookie", None, BOTH, [*BOTH, "c=3"])]),
    (insert_cookie, [("cookie", None, BOTH, ["c=3", *BOTH])]),
    (set_cookie_by_index, [("cookie", None, BOTH, ["a=1", "c=3"])]),
    (delete_cookie, [("cookie", None, BOTH, ["b=2"])]),
    (remove_cookie, [("cookie", None, BOTH, ["b=2"])]),
    (pop_cookie, [("cookie", None, BOTH, ["a=1"])]),
    (clear_cookies, [("cookie", None, BOTH, [])]),
    (rebind_cookies, [("cookie", None, BOTH, ["c=3"])]),
]


def streaming_with(response: StreamingResponse, body: Any) -> Callable[[Any, Any], Any]:
    async def handler(event: Any, context: Any) -> Any:
        response.body = body
        return response

    return handler


def broken_body(kind: str, after_chunk: int, change: Callable[[], None]) -> Any:
    """Three chunks, with the change after one of them (-1: before the first)."""

    def sync() -> Iterator[str]:
        for number in range(-1, 3):
            if number >= 0:
                yield str(number)
            if number == after_chunk:
                change()

    async def with_await() -> AsyncIterator[str]:
        for chunk in sync():
            yield chunk

    return sync() if kind == "sync" else with_await()


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("after_chunk", [-1, 0, 2])
@pytest.mark.parametrize(("mutator", "changes"), MUTATORS, ids=[mutator.__name__ for mutator, _ in MUTATORS])
async def test_f3_every_way_in_is_recorded_with_the_code_that_did_it(
    mutator: Mutator, changes: list[Change], after_chunk: int, kind: str
) -> None:
    """F1, F3: field, name, old and new value, chunk, file and line; the wire keeps what was final."""
    response = fresh()
    body = broken_body(kind, after_chunk, lambda: mutator(response))
    capture = await stream_client(streaming_with(response, body)).get("/")
    where = f"{HERE}:{mutator.__code__.co_firstlineno + 1}"
    assert capture.late_mutations == [LateMutation(*change, after_chunk, where) for change in changes]
    assert (capture.status, capture.cookies) == (200, BOTH)
    assert capture.headers == {"vary": ["accept"], "x-a": ["1"], "content-type": ["application/octet-stream"]}
    assert capture.chunks == [b"0", b"1", b"2"]


@pytest.mark.parametrize("mutator", [mutator for mutator, _ in MUTATORS])
async def test_f1_the_same_change_before_the_return_is_no_mutation(mutator: Mutator) -> None:
    """F1: until the handler returns, the head is live and every way in works on it."""
    response = fresh()

    async def handler(event: Any, context: Any) -> Any:
        mutator(response)
        return response

    capture = await stream_client(handler).get("/")
    assert capture.late_mutations == []
    expected = {name: list(values) for name, values in response.headers.items() if values}
    assert capture.headers == {"content-type": ["application/octet-stream"]} | expected
    assert (capture.status, capture.cookies) == (response.status, list(response.cookies))
    untouched = fresh()
    assert (response.status, response.headers, response.cookies) != (
        untouched.status,
        untouched.headers,
        untouched.cookies,
    )


async def test_f3_what_changes_nothing_is_no_mutation() -> None:
    """F3: setting the value that is there already accuses nobody."""
    response = fresh()

    async def body() -> AsyncIterator[str]:
        response.status = 200
        response.headers["x-a"] = "1"
        response.headers["vary"] = ["accept"]
        response.headers = response.headers
        response.headers = {"vary": "accept", "X-A": "1"}
        response.cookies = response.cookies
        response.cookies = ["a=1", "b=2"]
        response.cookies += []
        yield "chunk"

    assert (await stream_client(streaming_with(response, body())).get("/")).late_mutations == []


def popped_header(response: StreamingResponse) -> Any:
    return response.headers.pop("vary")


def replaced_header(response: StreamingResponse) -> Any:
    old = response.headers["vary"]
    response.headers["vary"] = "accept"
    return old


def replaced_headers(response: StreamingResponse) -> Any:
    old = response.headers
    response.headers = {"vary": "accept"}
    return old.setdefault("x-new")


def replaced_cookies(response: StreamingResponse) -> Any:
    old = response.cookies
    response.cookies = ["c=3"]
    return old


@pytest.mark.parametrize("take_out", [popped_header, replaced_header, replaced_headers, replaced_cookies])
async def test_f3_what_was_taken_out_before_is_no_part_of_the_head(
    take_out: Callable[[StreamingResponse], Any],
) -> None:
    """F3: what the head no longer holds may change freely, and does not change the head."""
    response = fresh()
    taken = take_out(response)

    async def body() -> AsyncIterator[str]:
        taken.append("late")
        yield "chunk"

    capture = await stream_client(streaming_with(response, body())).get("/")
    assert capture.late_mutations == []
    assert "late" not in [*capture.cookies, *response.cookies, *response.headers.get("vary", ())]


@pytest.mark.parametrize("part", ["header", "cookies"])
async def test_f3_a_list_stays_live_when_something_is_added_to_it(part: str) -> None:
    """F1, F3: `+=` changes the list in place, so a name bound to it before still reaches the head."""
    response = fresh()
    values = response.headers["vary"] if part == "header" else response.cookies
    if part == "header":
        response.headers["vary"] += ["origin"]
    else:
        response.cookies += ["c=3"]  # type: ignore[operator]  # mypy does not look for __iadd__ behind a setter
    values.append("early")

    async def body() -> AsyncIterator[str]:
        values.append("late")
        yield "chunk"

    capture = await stream_client(streaming_with(response, body())).get("/")
    assert "early" in [*capture.headers["vary"], *capture.cookies]
    assert len(capture.late_mutations) == 1


async def test_f3_nothing_of_a_response_is_kept_by_the_object_that_it_was_made_of() -> None:
    """F3: a module-level response does not collect the watches of all requests that used it."""
    shared = StreamingResponse(["chunk"])

    async def handler(event: Any, context: Any) -> Any:
        return shared

    for _ in range(3):
        await stream_client(handler).get("/")
    gc.collect()
    assert [each for each in gc.get_objects() if isinstance(each, HeadWatch)] == []


async def test_f3_a_change_never_raises_inside_the_handler() -> None:
    """F3: even a value that no head could have is only recorded once the head is final."""
    response = fresh()

    async def body() -> AsyncIterator[str]:
        response.status = "teapot"
        response.headers["bad name\n"] = object()
        response.cookies.append(object())
        yield "still here"

    capture = await stream_client(streaming_with(response, body())).get("/")
    assert capture.chunks == [b"still here"]
    assert capture.error is None
    assert [mutation.field for mutation in capture.late_mutations] == ["status", "header", "cookie"]


async def test_f3_a_change_deep_inside_a_helper_names_the_helper() -> None:
    """F3: the place is the code that touched the head, not the generator that called it."""
    response = fresh()

    def helper() -> None:
        set_status(response)

    async def body() -> AsyncIterator[str]:
        helper()
        yield "chunk"

    (mutation,) = (await stream_client(streaming_with(response, body())).get("/")).late_mutations
    assert mutation.where == f"{HERE}:{set_status.__code__.co_firstlineno + 1}"


async def test_f3_a_sync_generator_far_ahead_of_its_client_still_names_the_exact_chunk() -> None:
    """F3: the thread of a sync generator runs ahead; the chunk is the one that it produced last."""
    response = fresh()

    def body() -> Iterator[str]:
        for number in range(200):
            yield str(number)
            if number % 50 == 7:
                response.headers["x-number"] = str(number)

    capture = await stream_client(streaming_with(response, body())).get("/")
    assert [mutation.after_chunk for mutation in capture.late_mutations] == [7, 57, 107, 157]


async def test_f3_a_change_in_the_cleanup_of_a_generator_counts() -> None:
    """F3: `finally` runs before the response is over."""
    response = fresh()

    async def body() -> AsyncIterator[str]:
        try:
            yield "chunk"
        finally:
            response.status = 500

    (mutation,) = (await stream_client(streaming_with(response, body())).get("/")).late_mutations
    assert (mutation.field, mutation.after_chunk) == ("status", 0)


async def test_f3_a_response_used_by_two_requests_accuses_nobody() -> None:
    """F3: the watch ends with a response, so a module-level one may be changed for the next request."""
    shared = StreamingResponse(["chunk"], headers={"x-count": "0"})

    async def handler(event: Any, context: Any) -> Any:
        shared.headers["x-count"] = str(int(shared.headers["x-count"][0]) + 1)
        shared.cookies.append("seen=1")
        return shared

    client = stream_client(handler)
    captures = [await client.get("/") for _ in range(3)]
    assert [capture.late_mutations for capture in captures] == [[], [], []]
    assert [capture.headers["x-count"] for capture in captures] == [["1"], ["2"], ["3"]]


async def test_f3_a_failed_response_is_watched_no_longer_either() -> None:
    """F3: the watch ends for a stream that broke off, too."""
    shared = fresh()

    async def body() -> AsyncIterator[str]:
        yield "chunk"
        raise ValueError("broken")

    capture = await stream_client(streaming_with(shared, body())).get("/")
    shared.status = 204
    assert capture.stream_error_code == "app.internal"
    assert capture.late_mutations == []


# -- foreign heads ----------------------------------------------------------------------------


@dataclass
class Foreign:
    """An object of AppTheory's shape, with plain containers."""

    status: int = 200
    headers: dict[str, Any] = field(default_factory=lambda: {"X-A": ["1"]})
    cookies: list[str] = field(default_factory=lambda: ["a=1"])
    body: bytes = b""
    body_stream: Any = None
    is_base64: bool = False


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("after_chunk", [-1, 0, 2])
async def test_f3_a_foreign_object_is_compared_after_each_chunk(kind: str, after_chunk: int) -> None:
    """F3: status, headers and cookies of AppTheory's shape; the place is not known."""
    response = Foreign()

    def change() -> None:
        response.status = 500
        response.headers["x-new"] = "v"
        response.headers["X-A"].append("2")
        response.cookies.append("b=2")

    response.body_stream = broken_body(kind, after_chunk, change)

    async def handler(event: Any, context: Any) -> Any:
        return response

    capture = await stream_client(handler).get("/")
    assert capture.late_mutations == [
        LateMutation("status", None, 200, 500, after_chunk),
        LateMutation("header", "x-a", ["1"], ["1", "2"], after_chunk),
        LateMutation("header", "x-new", None, ["v"], after_chunk),
        LateMutation("cookie", None, ["a=1"], ["a=1", "b=2"], after_chunk),
    ]
    assert (capture.status, capture.headers["x-a"], capture.cookies) == (200, ["1"], ["a=1"])


async def test_f3_a_dict_is_compared_after_each_chunk() -> None:
    """F3: a dict with a stream body may be changed in place, or get new parts; both are found."""
    fields: dict[str, Any] = {"statusCode": 200, "headers": {"X-A": "1"}, "multiValueHeaders": {"x-m": ["1"]}}

    async def body() -> AsyncIterator[str]:
        fields["headers"]["X-A"] = "2"
        yield "0"
        fields["headers"] = {"x-a": "2"}  # the same head in another case
        fields["multiValueHeaders"]["x-m"].append("2")
        yield "1"
        del fields["headers"]
        fields["statusCode"] = 503
        fields["cookies"] = ["late=1"]

    fields["body"] = body()

    async def handler(event: Any, context: Any) -> Any:
        return fields

    capture = await stream_client(handler).get("/")
    assert capture.late_mutations == [
        LateMutation("header", "x-a", ["1"], ["2"], -1),
        LateMutation("header", "x-m", ["1"], ["1", "2"], 0),
        LateMutation("status", None, 200, 503, 1),
        LateMutation("header", "x-a", ["2"], None, 1),
        LateMutation("cookie", None, [], ["late=1"], 1),
    ]


async def test_f3_a_foreign_object_that_breaks_does_not_fail_the_handler() -> None:
    """F3: comparing never raises into the stream, even when the object loses its fields."""
    response = SimpleNamespace(status=200, headers={}, cookies=[], body=b"", body_stream=None, is_base64=False)

    async def body() -> AsyncIterator[str]:
        yield "0"
        del response.status
        yield "1"

    response.body_stream = body()

    async def handler(event: Any, context: Any) -> Any:
        return response

    capture = await stream_client(handler).get("/")
    assert (capture.chunks, capture.error) == ([b"0", b"1"], None)


async def test_f2_the_metadata_of_from_is_copied_and_watched() -> None:
    """F2, F3: the head is what from_ received at that call; a later change of the dict is late."""
    metadata: dict[str, Any] = {"statusCode": 201, "headers": {"x-a": ["1"]}, "cookies": ["a=1"]}

    @streamify_response
    async def handler(event: Any, stream: Any, context: Any) -> None:
        out = HttpResponseStream.from_(stream, metadata)
        metadata["statusCode"] = 500
        metadata["headers"]["x-a"].append("2")
        metadata["cookies"].clear()
        await out.write("0")
        metadata["headers"]["x-b"] = "3"
        await out.end()

    capture = await stream_client(handler).get("/")
    assert (capture.status, capture.headers["x-a"], capture.cookies) == (201, ["1"], ["a=1"])
    assert capture.late_mutations == [
        LateMutation("status", None, 201, 500, -1),
        LateMutation("header", "x-a", ["1"], ["1", "2"], -1),
        LateMutation("cookie", None, ["a=1"], [], -1),
        LateMutation("header", "x-b", None, ["3"], 0),
    ]


# -- the assertion ----------------------------------------------------------------------------


async def test_f5_a_deliberately_broken_handler_fails_the_assertion() -> None:
    """F5: the message names the change, the line that made it, and shows the log."""
    response = StreamingResponse(status=200)
    response.body = broken_body("async", 0, lambda: set_new_header(response))
    capture = await stream_client(streaming_with(response, response.body)).get("/")
    with pytest.raises(AssertionError) as failure:
        capture.assert_headers_finalized_before_first_chunk()
    text = str(failure.value)
    assert "header 'x-new' changed from nothing to ['v'] after chunk 0" in text
    assert f"{HERE}:{set_new_header.__code__.co_firstlineno + 1}" in text
    assert text.index("finalized") < text.index("chunk 0: 1 bytes")


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_f5_a_change_before_the_first_yield_fails_the_assertion(kind: str) -> None:
    """F1, F5: the generator's own code runs after the head is final, even before its first yield."""
    response = fresh()
    body = broken_body(kind, -1, lambda: set_status(response))
    capture = await stream_client(streaming_with(response, body)).get("/")
    with pytest.raises(AssertionError, match="status changed from 200 to 201 before chunk 0"):
        capture.assert_headers_finalized_before_first_chunk()


def log_of(capture: StreamCapture) -> list[str]:
    return list(capture.transcript.log())


async def test_f5_the_log_has_finalized_committed_chunks_and_two_outcomes() -> None:
    """F5: in this order, an empty first chunk being the commit."""
    capture = await stream_client(streaming_with(fresh(), ["", "ab"])).get("/")
    assert log_of(capture) == [
        "finalized",
        "committed",
        "chunk 0: 0 bytes",
        "chunk 1: 2 bytes",
        "handler: ended",
        "delivery: complete",
    ]
    capture.assert_headers_finalized_before_first_chunk()


async def test_f5_a_substituted_head_stands_in_the_log() -> None:
    """F5: an early error after the head was final puts another in its place, before any chunk."""

    async def body() -> AsyncIterator[str]:
        raise ValueError("early")
        yield "never"

    capture = await stream_client(streaming_with(fresh(), body())).get("/")
    assert log_of(capture)[:3] == ["finalized", "substituted", "committed"]
    assert capture.headers == {"content-type": ["text/plain"]}
    capture.assert_headers_finalized_before_first_chunk()


async def test_f5_an_error_before_there_was_a_head_substitutes_nothing() -> None:
    """F5: the error response is then the first and only head."""

    async def handler(event: Any, context: Any) -> Any:
        raise ValueError("early")

    capture = await stream_client(handler).get("/")
    kinds = [event.kind for event in capture.transcript.events]
    assert kinds == [EventKind.FINALIZED, EventKind.COMMITTED]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_f6_a_body_of_no_bytes_keeps_its_head(kind: str) -> None:
    """F6: status, headers and cookies arrive although there is no chunk."""

    def nothing() -> Iterator[str]:
        yield from ()

    async def nothing_async() -> AsyncIterator[str]:
        for chunk in nothing():
            yield chunk

    for body in (None, nothing() if kind == "sync" else nothing_async()):
        capture = await stream_client(streaming_with(fresh(), body)).get("/")
        assert (capture.status, capture.chunks, capture.cookies) == (200, [], BOTH)
        assert capture.headers["x-a"] == ["1"]
        capture.assert_headers_finalized_before_first_chunk()


async def test_f6_a_streamify_handler_that_only_ends_keeps_its_head() -> None:
    """F6: from_ and end without a write answer with the head of from_."""

    @streamify_response
    async def handler(event: Any, stream: Any, context: Any) -> None:
        await HttpResponseStream.from_(stream, {"statusCode": 302, "headers": {"location": "/x"}}).end()

    capture = await stream_client(handler).get("/")
    assert (capture.status, capture.headers["location"], capture.chunks) == (302, ["/x"], [])


# -- the containers ---------------------------------------------------------------------------


def test_r5_headers_read_as_lists_in_any_case() -> None:
    """R5: names are case-insensitive; variants merge in sorted order; one value is a list of one."""
    headers = Headers({"x-A": "lower", "X-A": ["UPPER", "again"], "B": 1})
    assert dict(headers) == {"x-a": ["UPPER", "again", "lower"], "b": [1]}
    assert headers["X-a"] == headers["x-a"]
    assert "x-A" in headers
    assert "absent" not in headers
    assert repr(headers) == "{'x-a': ['UPPER', 'again', 'lower'], 'b': [1]}"


def test_r5_setdefault_gives_the_live_list() -> None:
    """R5: the common `setdefault(name, []).append(value)` keeps the value."""
    headers = Headers()
    headers.setdefault("Vary", []).append("accept")
    headers.setdefault("vary", []).append("origin")
    assert dict(headers) == {"vary": ["accept", "origin"]}


@pytest.mark.parametrize("headers", [[("x", "y")], "x: y", 7])
def test_r5_headers_that_are_no_mapping_are_invalid(headers: Any) -> None:
    """R5: refused at once, with the type in the message."""
    with pytest.raises(InvalidResponse, match=type(headers).__name__):
        StreamingResponse(headers=headers)


@pytest.mark.parametrize("cookies", ["a=1", b"a=1", {"a": "1"}, 7])
def test_r6_cookies_that_are_no_list_are_invalid(cookies: Any) -> None:
    """R6: one text is not taken apart into characters."""
    with pytest.raises(InvalidResponse, match="list of Set-Cookie values"):
        StreamingResponse(cookies=cookies)
    with pytest.raises(InvalidResponse, match="list of Set-Cookie values"):
        fresh().cookies = cookies


def test_r6_no_cookies_may_be_none() -> None:
    """R6: None is the empty list."""
    assert StreamingResponse(cookies=None).cookies == []  # type: ignore[arg-type]
