"""The event that a handler gets for a real HTTP request: payload format 2.0, as a Function URL makes it."""

import base64
import json
import time
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from apptheory_emulator import FunctionUrlFactory, ServedUrl
from apptheory_streaming import StreamingResponse
from raw_http import RawResponse, fetch

pytestmark = pytest.mark.streaming(clock="real")


async def echo(event: Any, context: Any) -> StreamingResponse:
    """Show the event and the request id of the context."""
    return StreamingResponse([json.dumps({"event": event, "context": context.aws_request_id})])


async def event_for(url: ServedUrl, *arguments: Any, **options: Any) -> Any:
    """The event that a request becomes."""
    return json.loads((await fetch(url, *arguments, **options)).body)["event"]


async def test_whole_event_of_a_plain_request(function_url: FunctionUrlFactory) -> None:
    """Every key of a GET without query, cookies and body; none that AWS leaves out."""
    url = await function_url(echo)
    before = time.time_ns() // 1_000_000

    response = await fetch(url, headers=[("User-Agent", "me/1")])

    event = json.loads(response.body)["event"]
    context = event["requestContext"]
    epoch = context["timeEpoch"]
    assert before <= epoch <= time.time_ns() // 1_000_000
    assert datetime.strptime(context["time"], "%d/%b/%Y:%H:%M:%S %z").timestamp() == epoch // 1000
    trace = event["headers"]["x-amzn-trace-id"]
    assert trace.startswith(f"Root=1-{epoch // 1000:08x}-")
    port = url.rsplit(":", 1)[1].strip("/")
    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "host": f"127.0.0.1:{port}",
            "user-agent": "me/1",
            "x-amzn-trace-id": trace,
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": port,
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "function",
            "domainName": "function.lambda-url.localhost",
            "domainPrefix": "function",
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "me/1",
            },
            "requestId": context["requestId"],
            "routeKey": "$default",
            "stage": "$default",
            "time": context["time"],
            "timeEpoch": epoch,
        },
        "isBase64Encoded": False,
    }


async def test_request_id_is_one_and_the_same_everywhere(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Event, context, response header, transcript and log line name the request alike, and each request anew."""
    caplog.set_level("INFO")
    url = await function_url(echo)

    ids = []
    for _ in range(2):
        response = await fetch(url)
        await url.settled()
        seen = json.loads(response.body)
        request_id = response.head.value("x-amzn-RequestId")
        assert request_id
        assert seen["context"] == seen["event"]["requestContext"]["requestId"] == request_id
        assert url.exchanges[-1].transcript.request_id == request_id
        assert request_id in caplog.text
        ids.append(request_id)
    assert ids[0] != ids[1]


async def test_trace_id_of_the_client_is_kept(function_url: FunctionUrlFactory) -> None:
    """A trace goes on; without one it begins here and the response shows it."""
    url = await function_url(echo)

    event = await event_for(url, headers=[("X-Amzn-Trace-Id", "Root=1-00000000-abc")])
    response: RawResponse = await fetch(url)
    begun = json.loads(response.body)["event"]["headers"]["x-amzn-trace-id"]

    assert event["headers"]["x-amzn-trace-id"] == "Root=1-00000000-abc"
    assert (response.head.value("X-Amzn-Trace-Id") or "").startswith(begun)


async def test_path_is_raw_and_decoded(function_url: FunctionUrlFactory) -> None:
    """`rawPath` keeps its escapes, `requestContext.http.path` is decoded, what is no escape stays."""
    event = await event_for(await function_url(echo), target="/capture/space%20value/%C3%A9/a%2Fb/%2Fth/%zz")

    assert event["rawPath"] == "/capture/space%20value/%C3%A9/a%2Fb/%2Fth/%zz"
    assert event["requestContext"]["http"]["path"] == "/capture/space value/é/a/b//th/%zz"


async def test_query_is_raw_and_decoded(function_url: FunctionUrlFactory) -> None:
    """`rawQueryString` is the query as sent; parameters are decoded, repeats joined by a comma, blanks kept."""
    event = await event_for(await function_url(echo), target="/?a=1&b=%C3%A9+x&a=2&empty=&c%5B%5D=/d,e")

    assert event["rawQueryString"] == "a=1&b=%C3%A9+x&a=2&empty=&c%5B%5D=/d,e"
    assert event["queryStringParameters"] == {"a": "1,2", "b": "é x", "empty": "", "c[]": "/d,e"}


async def test_repeated_headers_are_joined_under_lower_case_names(function_url: FunctionUrlFactory) -> None:
    """Names in lower case, repeats joined by a comma without a blank, connection headers left out."""
    headers = [
        ("X-Own", "first"),
        ("x-own", "second"),
        ("Accept", "a, b"),
        ("Connection", "close"),
        ("TE", "trailers"),
    ]

    event = await event_for(await function_url(echo), headers=headers)

    assert event["headers"]["x-own"] == "first,second"
    assert event["headers"]["accept"] == "a, b"
    assert not {"connection", "te"} & set(event["headers"])


async def test_header_in_utf_8_is_read_as_such(function_url: FunctionUrlFactory) -> None:
    """Header bytes beyond ASCII are text in UTF-8."""
    event = await event_for(await function_url(echo), headers=[("X-Own", "é☕".encode().decode("latin-1"))])

    assert event["headers"]["x-own"] == "é☕"


async def test_cookies_are_listed_and_the_header_stays(function_url: FunctionUrlFactory) -> None:
    """`cookies` splits the header, which a Function URL keeps."""
    event = await event_for(await function_url(echo), headers=[("Cookie", "a=1; b=2"), ("Cookie", "c=3")])

    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert event["headers"]["cookie"] == "a=1; b=2; c=3"


async def test_address_of_a_proxy_is_put_behind_those_before_it(function_url: FunctionUrlFactory) -> None:
    """`x-forwarded-for` grows by the client's address; `sourceIp` is that address."""
    event = await event_for(await function_url(echo), headers=[("X-Forwarded-For", "203.0.113.7")])

    assert event["headers"]["x-forwarded-for"] == "203.0.113.7,127.0.0.1"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("application/json", b'{"a": "\xc3\xa9"}', True),
        ("text/plain; charset=utf-8", b"hi", True),
        ("application/xml", b"<a/>", True),
        ("text/plain", b"\xff", False),
        ("application/octet-stream", b"hi", False),
        ("application/x-www-form-urlencoded", b"a=1", False),
        ("multipart/form-data; boundary=x", b"--x--", False),
        ("image/png", b"\x89PNG", False),
        (None, b"hi", False),
    ],
)
async def test_body_is_text_or_base64_by_its_content_type(
    function_url: FunctionUrlFactory, content_type: str | None, body: bytes, text: bool
) -> None:
    """Text types stand as text, all others as base64; nothing is lost."""
    headers = [("Content-Type", content_type)] if content_type else []

    event = await event_for(await function_url(echo), "POST", headers=headers, body=body)

    assert event["isBase64Encoded"] is not text
    assert event["body"] == (body.decode() if text else base64.b64encode(body).decode())
    assert event["headers"]["content-length"] == str(len(body))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_reaches_the_handler(function_url: FunctionUrlFactory, method: str) -> None:
    """OPTIONS too, since no CORS is configured."""
    event = await event_for(await function_url(echo), method)

    assert event["requestContext"]["http"]["method"] == method
    assert "body" not in event


async def test_protocol_is_the_clients(function_url: FunctionUrlFactory) -> None:
    """`requestContext.http.protocol` says HTTP/1.0 for an old client."""
    event = await event_for(await function_url(echo), version="HTTP/1.0")

    assert event["requestContext"]["http"]["protocol"] == "HTTP/1.0"


async def test_request_of_a_real_client_comes_through(function_url: FunctionUrlFactory) -> None:
    """The way in which a real client sends parameters, cookies and JSON."""
    url = await function_url(echo)

    async with (
        aiohttp.ClientSession(cookies={"session": "s1"}) as session,
        session.post(f"{url}path with blank", params={"q": "a b"}, json={"é": 1}) as response,
    ):
        event = (await response.json(content_type=None))["event"]

    assert event["rawPath"] == "/path%20with%20blank"
    assert event["queryStringParameters"] == {"q": "a b"}
    assert json.loads(event["body"]) == {"é": 1}
    assert event["cookies"] == ["session=s1"]
