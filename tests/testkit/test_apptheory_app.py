"""Applications of AppTheory for Python in a test: the same captures, faults and transports as any handler."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from apptheory_emulator import HttpTransport
from apptheory_fixtures import load
from apptheory_stand_in import App, Response
from apptheory_streaming import AppError, AppTheoryHandler
from apptheory_streaming import apptheory as apptheory_of_streaming
from apptheory_streaming.apptheory_app import AppRequest
from apptheory_streaming.errors import InvalidResponse, TargetError, UsageError
from apptheory_testkit import StreamClientFactory, apptheory, stream_client
from apptheory_testkit.comparison import compare_captures
from apptheory_testkit.faults import disconnect

HTML = {"content-type": ["text/html; charset=utf-8"]}
closed: list[str] = []


def page(_request: Any) -> Response:
    """A prefix, and a stream that takes its time."""

    def parts() -> Iterator[bytes | str]:
        try:
            for part in ("<h1>", b"Hi", "</h1>"):
                yield part
                time.sleep(5)
        finally:
            closed.append("page")

    return Response(201, dict(HTML), ["a=1; Path=/"], b"<!doctype html>", body_stream=parts())


def failing(_request: Any) -> Response:
    """A late error with a code."""

    def parts() -> Iterator[str]:
        yield "before"
        raise AppError("app.conflict", "too late")

    return Response(headers=dict(HTML), body_stream=parts())


def changing(_request: Any) -> Response:
    """A header that comes too late."""
    response = Response(headers=dict(HTML))

    def parts() -> Iterator[str]:
        yield "one"
        response.headers["x-late"] = ["1"]
        yield "two"

    response.body_stream = parts()
    return response


@pytest.fixture
def app() -> App:
    """An application with a path for each of them."""
    closed.clear()
    app = App()
    for handler in (page, failing, changing):
        app.get(f"/{handler.__name__}", handler)
    app.get("/buffered", lambda _request: Response(headers=dict(HTML), body=b"aGk=", is_base64=True))
    app.get("/nothing", lambda _request: None)
    app.get("/explode", lambda _request: 1 / 0)
    return app


def test_one_function_for_tests_and_for_lambda() -> None:
    assert apptheory is apptheory_of_streaming


async def test_r7_a_page_streams_behind_its_prefix(stream_client: StreamClientFactory, app: App) -> None:
    """R0, R2, R6: chunks are exactly what the stream gave, and sleeps of its thread take no time."""
    capture = await stream_client(apptheory(app)).get("/page")

    assert capture.status == 201
    assert capture.headers["content-type"] == ["text/html; charset=utf-8"]
    assert capture.cookies == ["a=1; Path=/"]
    assert capture.chunks == [b"<!doctype html>", b"<h1>", b"Hi", b"</h1>"]
    assert [chunk.produced_at for chunk in capture.transcript.chunks] == [0, 0, 5, 10]
    assert capture.duration == 15
    assert closed == ["page"]


async def test_w7_it_is_the_same_over_http(app: App) -> None:
    handler = apptheory(app)

    here = await stream_client(handler, clock="real").get("/changing")
    there = await stream_client(handler, transport=HttpTransport, clock="real").get("/changing")

    compare_captures(here, there)


async def test_the_request_is_in_applications_form(stream_client: StreamClientFactory, app: App) -> None:
    """Lists of values, cookies as a header, the body as the event has it, and whose word the address is."""
    await stream_client(apptheory(app)).post(
        "/caf%C3%A9",
        params=[("q", "a b"), ("q", "c"), ("empty", "")],
        headers={"X-One": "1", "content-type": "application/octet-stream"},
        cookies={"session": "s1", "theme": "dark"},
        content=b"\xff\x00",
    )

    [request] = app.requests
    assert isinstance(request, AppRequest)
    assert (request.method, request.path) == ("POST", "/caf%C3%A9")
    assert request.query == {"q": ["a b", "c"], "empty": [""]}
    assert request.headers["x-one"] == ["1"]
    assert request.headers["cookie"] == ["session=s1", "theme=dark"]
    assert (request.body, request.is_base64) == (b"/wA=", True)
    assert request.source_provenance == {
        "source_ip": "127.0.0.1",
        "provider": "lambda-url",
        "source": "provider_request_context",
        "valid": True,
    }


@pytest.mark.parametrize(
    ("front", "provider"),
    [("function_url", "lambda-url"), ("http_api", "apigw-v2"), ("rest_api", "apigw-v1"), ("alb", None)],
)
async def test_the_events_of_every_front_are_requests(
    stream_client: StreamClientFactory, app: App, front: str, provider: str | None
) -> None:
    """Paths, methods and headers arrive; what a load balancer says of the address is a header, and no proof."""
    cases = load(f"events/{front}.json")
    event = cases[0]["event"]

    await stream_client(apptheory(app)).invoke(event)

    [request] = app.requests
    assert request.method == event.get("httpMethod", event["requestContext"].get("http", {}).get("method"))
    assert request.path == event.get("path", event.get("rawPath"))
    assert all(isinstance(values, list) for values in request.headers.values())
    assert request.source_provenance.get("provider") == provider


async def test_e3_a_late_error(stream_client: StreamClientFactory, app: App) -> None:
    capture = await stream_client(apptheory(app)).get("/failing")

    assert (capture.status, capture.chunks) == (200, [b"before"])
    assert capture.stream_error_code == "app.conflict"


async def test_f3_a_change_that_comes_too_late(stream_client: StreamClientFactory, app: App) -> None:
    """A response of theirs is compared after each chunk."""
    capture = await stream_client(apptheory(app)).get("/changing")

    assert "x-late" not in capture.headers
    [late] = capture.late_mutations
    assert (late.field, late.name, late.new, late.after_chunk) == ("header", "x-late", ["1"], 0)


async def test_e4_a_client_that_leaves(stream_client: StreamClientFactory, app: App) -> None:
    """What it has got stays, and the stream is told to stop."""
    client = stream_client(apptheory(app), on_disconnect="cancel")

    capture = await client.get("/page", fault=disconnect(at=2))

    assert capture.chunks == [b"<!doctype html>", b"<h1>"]
    assert str(capture.handler_outcome) == "cancelled"


async def test_r8_a_buffered_body_in_base64(stream_client: StreamClientFactory, app: App) -> None:
    assert (await stream_client(apptheory(app)).get("/buffered")).body == b"hi"


async def test_its_own_answers_pass_through(stream_client: StreamClientFactory, app: App) -> None:
    """An application answers what it does not know by itself."""
    capture = await stream_client(apptheory(app)).get("/unknown")

    assert (capture.status, capture.json()["error"]["code"]) == (404, "app.not_found")
    assert capture.error is None


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [("/nothing", InvalidResponse, "not NoneType"), ("/explode", ZeroDivisionError, "division")],
)
async def test_e2b_what_is_no_response(
    stream_client: StreamClientFactory, app: App, path: str, error: type[Exception], words: str
) -> None:
    capture = await stream_client(apptheory(app)).get(path)

    assert capture.status == 502
    assert capture.error is not None
    assert isinstance(capture.error.exception, error)
    assert words in capture.error.message


async def test_an_event_that_is_no_request(stream_client: StreamClientFactory, app: App) -> None:
    capture = await stream_client(apptheory(app)).invoke({"Records": []})

    assert capture.error is not None
    assert isinstance(capture.error.exception, UsageError)
    assert "not one of a Function URL" in capture.error.message


def test_what_is_no_application() -> None:
    with pytest.raises(TargetError, match=r"a method serve\(request\); 7 has none"):
        apptheory(7)
    with pytest.raises(TargetError, match="names no attribute"):
        apptheory("app")


def test_a_target_is_imported_when_it_is_needed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it names has to be an application."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "shop_of_test.py").write_text("from apptheory_stand_in import App\napp = App()\nnone = 5\n")

    handler = apptheory("shop_of_test:app")

    assert isinstance(handler, AppTheoryHandler)
    assert handler.function_name == "shop_of_test"
    assert type(handler.load()).__name__ == "App"
    with pytest.raises(TargetError, match="'shop_of_test:none' has none"):
        apptheory("shop_of_test:none").load()
