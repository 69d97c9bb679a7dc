"""Response headers on the wire: what the platform adds, renames and keeps to itself."""

import re
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import StreamingResponse
from raw_http import RawHead, fetch

pytestmark = pytest.mark.streaming(clock="real")


async def head_of(function_url: FunctionUrlFactory, **answer: Any) -> RawHead:
    """The head that a response of the function becomes."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse([b"body"], **answer)

    response = await fetch(await function_url(handler))
    assert (response.frames, response.cut) == ([b"body"], False)
    return response.head


async def test_platform_adds_its_headers_and_no_other(function_url: FunctionUrlFactory) -> None:
    """A streamed response without headers of its own: the default type, ids, framing and date; no Server."""
    head = await head_of(function_url)

    assert sorted(name.lower() for name, _ in head.lines) == [
        "content-type",
        "date",
        "transfer-encoding",
        "x-amzn-requestid",
        "x-amzn-trace-id",
    ]
    assert head.value("content-type") == "application/octet-stream"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Sampled=0", head.value("x-amzn-trace-id") or "")


@pytest.mark.parametrize("status", [200, 404, 502])
async def test_no_server_header_is_added(function_url: FunctionUrlFactory, status: int) -> None:
    """A Function URL does not name its software."""
    assert (await head_of(function_url, status=status)).values("server") == []


async def test_server_header_of_the_function_is_kept(function_url: FunctionUrlFactory) -> None:
    """R5: a function may name itself."""
    assert (await head_of(function_url, headers={"server": "mine/1"})).value("server") == "mine/1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-length", "4"),
        ("content-length", "400000"),
        ("Content-Length", "0"),
        ("transfer-encoding", "chunked"),
        ("Transfer-Encoding", "gzip, chunked"),
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("upgrade", "h2c"),
        ("trailer", "x-sum"),
        ("te", "trailers"),
    ],
)
async def test_header_of_the_connection_is_renamed(function_url: FunctionUrlFactory, name: str, value: str) -> None:
    """A function cannot break the framing: its own value is shown as `x-amzn-Remapped-…`."""
    head = await head_of(function_url, headers={name: value})

    assert head.value(f"x-amzn-Remapped-{name.lower()}") == value
    assert head.values("transfer-encoding") == ["chunked"]
    assert head.values("content-length") == []
    assert head.values("connection") == []
    assert len(head.values("date")) == 1


async def test_ids_of_the_platform_win(function_url: FunctionUrlFactory) -> None:
    """A function cannot pass off another request id; each stands once."""
    head = await head_of(function_url, headers={"x-amzn-requestid": "mine", "X-Amzn-Trace-Id": "mine"})

    assert head.value("x-amzn-requestid") not in (None, "mine")
    assert head.value("x-amzn-trace-id") not in (None, "mine")


async def test_values_of_one_header_are_joined(function_url: FunctionUrlFactory) -> None:
    """W7: a list of values is one line, joined by a comma."""
    head = await head_of(function_url, headers={"X-Own": ["a", "b, c"], "x-own": 3, "vary": "accept"})

    assert head.value("x-own") == "a,b, c,3"
    assert head.value("vary") == "accept"


async def test_every_cookie_has_a_line_of_its_own(function_url: FunctionUrlFactory) -> None:
    """R6: explicit cookies first, then those of the header, never joined."""
    head = await head_of(
        function_url, cookies=["a=1; Path=/", "b=2"], headers={"set-cookie": ["c=3; Expires=Thu, 01 Jan 1970", "d=4"]}
    )

    assert head.values("set-cookie") == ["a=1; Path=/", "b=2", "c=3; Expires=Thu, 01 Jan 1970", "d=4"]


async def test_header_value_beyond_ascii_is_utf_8(function_url: FunctionUrlFactory) -> None:
    """R5: text is text."""
    assert (await head_of(function_url, headers={"x-own": "é☕"})).value("x-own") == "é☕"


async def test_control_characters_in_a_value_become_blanks(function_url: FunctionUrlFactory) -> None:
    """R5 forbids those that split a header; HTTP forbids the others too, so none of them is sent."""
    head = await head_of(function_url, headers={"x-own": "a\x01b\x7fc\td"}, cookies=["k=\x1bv"])

    assert head.value("x-own") == "a b c\td"
    assert head.values("set-cookie") == ["k= v"]


async def test_encoding_of_the_function_is_not_touched(function_url: FunctionUrlFactory) -> None:
    """Bytes that a function compressed itself pass as they are."""
    assert (await head_of(function_url, headers={"content-encoding": "gzip"})).value("content-encoding") == "gzip"


async def test_buffered_answer_has_its_type(function_url: FunctionUrlFactory) -> None:
    """R0: JSON of a RESPONSE_STREAM URL, and the function's own type on a BUFFERED one."""

    async def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 201, "headers": {"Content-Type": "text/csv"}, "body": "a,b", "cookies": ["a=1"]}

    verbatim = await fetch(await function_url(handler))
    inferred = await fetch(await function_url(handler, invoke_mode="BUFFERED"))

    assert (verbatim.status, verbatim.head.value("content-type")) == (200, "application/json")
    assert verbatim.head.values("set-cookie") == []
    assert (inferred.status, inferred.head.value("content-type")) == (201, "text/csv")
    assert (inferred.body, inferred.head.values("set-cookie")) == (b"a,b", ["a=1"])
