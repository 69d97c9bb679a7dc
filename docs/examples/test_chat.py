"""How to test an answer that comes token by token: see README.md beside this file."""

import asyncio
import base64
import json
from pathlib import Path

import pytest

from apptheory_plugins.snapshot import StreamSnapshot
from apptheory_testkit import StreamClientFactory

handler = f"{Path(__file__).with_name('chat.py')}:handler"  # at home: from chat import handler


@pytest.fixture(autouse=True)
def fast_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between tokens, so no test waits."""
    monkeypatch.setenv("CHAT_TOKEN_SECONDS", "0")


def events(chunks: list[bytes]) -> list[tuple[str, dict[str, object]]]:
    """Give (event, data) of every chunk: sse_stream makes one chunk of an event."""
    lines = [chunk.decode().split("\n") for chunk in chunks]
    return [(each[0].removeprefix("event: "), json.loads(each[1].removeprefix("data: "))) for each in lines]


async def test_an_answer_is_a_start_then_tokens_then_done(stream_client: StreamClientFactory) -> None:
    """Every event is a chunk of its own, and the last one says that the answer is whole."""
    capture = await stream_client(handler).get("/chat", params={"q": "Why streams?"})

    assert capture.status == 200
    assert capture.headers["content-type"] == ["text/event-stream"]
    assert capture.headers["cache-control"] == ["no-cache"]
    capture.assert_headers_finalized_before_first_chunk()

    start, *tokens, done = events(capture.chunks)
    assert start == ("start", {"model": "rules-1", "request_id": capture.request_id})
    assert {name for name, _ in tokens} == {"token"}
    assert "“streams”" in "".join(str(data["text"]) for _, data in tokens)
    assert done == ("done", {"reason": "stop", "tokens": len(tokens)})


async def test_the_first_chunks_are_exactly_these_bytes(stream_client: StreamClientFactory) -> None:
    """Chunks compare as bytes, cut where the handler cut them; text beyond ASCII is UTF-8."""
    capture = await stream_client(handler).get("/chat", params={"q": "東京"}, headers={"x-request-id": "r-1"})

    assert capture.chunks[0] == b'event: start\ndata: {"model":"rules-1","request_id":"r-1"}\n\n'
    assert 'event: token\ndata: {"text":" “東京”"}\n\n'.encode() in capture.chunks


async def test_the_same_question_gets_the_same_answer(stream_client: StreamClientFactory) -> None:
    """A handler without randomness gives the same chunks in every run; another question gives others."""
    client = stream_client(handler)
    first, again, other = [(await client.get("/chat", params={"q": q})).chunks for q in ("one", "one", "two")]

    assert again[1:] == first[1:]  # all but the start, which names the request
    assert other[1:] != first[1:]


async def test_a_question_may_come_as_json(stream_client: StreamClientFactory) -> None:
    """POST with a message is answered as GET with a query is."""
    client = stream_client(handler)
    posted = await client.post("/chat", json={"message": "Grüße"})
    queried = await client.get("/chat", params={"q": "Grüße"})

    assert posted.chunks[1:] == queried.chunks[1:]


async def test_a_body_may_be_base64(stream_client: StreamClientFactory) -> None:
    """A Function URL encodes bodies that it does not take for text; `invoke` sends any event as it is."""
    body = base64.b64encode('{"message": "Grüße"}'.encode()).decode()
    capture = await stream_client(handler).invoke(
        {
            "rawPath": "/chat",
            "requestContext": {"http": {"method": "POST"}},
            "body": body,
            "isBase64Encoded": True,
        }
    )

    assert "“Grüße”" in capture.text


async def test_the_first_token_is_sent_before_the_second_is_there(
    stream_client: StreamClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live stream hands out each chunk when it is made: the second token is an hour away."""
    monkeypatch.setenv("CHAT_TOKEN_SECONDS", "3600")

    async with asyncio.timeout(30), stream_client(handler).stream("GET", "/chat?q=hello") as live:
        received = [await anext(live), await anext(live)]

    assert [name for name, _ in events(received)] == ["start", "token"]
    assert live.capture.handler_outcome == "cancelled"  # the test left, as a reader may


async def test_tokens_come_at_the_pace_of_the_model(
    stream_client: StreamClientFactory, stream_snapshot: StreamSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start, the tokens a quarter of a second apart, and the marker of the end last."""
    monkeypatch.setenv("CHAT_TOKEN_SECONDS", "0.25")

    capture = await stream_client(handler).get("/chat?q=hello")

    assert capture.cadence == "good"
    assert capture == stream_snapshot(view="events")


async def test_a_slow_model_keeps_nobody_waiting_for_the_first_word(
    stream_client: StreamClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With five seconds between two tokens the first comes at once; a buffered answer has them all at the end."""
    monkeypatch.setenv("CHAT_TOKEN_SECONDS", "5")
    streamed = await stream_client(handler).get("/chat?q=hello")
    buffered = await stream_client(handler, invoke_mode="BUFFERED").get("/chat?q=hello")
    tokens = streamed.text.count("event: token")

    assert (streamed.ttfb, streamed.at("event: token"), streamed.at("event: done")) == (0, 0, 5 * tokens)
    assert (buffered.ttfb, buffered.text.count("event: token")) == (5 * tokens, tokens)


@pytest.mark.parametrize("path", ["/chat", "/chat?q=", "/chat?q=%20"])
async def test_an_empty_question_is_a_bad_request(stream_client: StreamClientFactory, path: str) -> None:
    """An AppError before the first chunk becomes a JSON answer with the status of its code."""
    capture = await stream_client(handler).get(path)

    assert capture.status == 400
    assert capture.json()["error"] == {
        "code": "app.bad_request",
        "message": "The question is empty: ask something.",
        "request_id": "req_test_0001",
    }


@pytest.mark.parametrize("content", ["", "hello", "[]", "{}", '{"message": 1}', b"\xff"])
async def test_a_body_without_a_message_is_a_bad_request(
    stream_client: StreamClientFactory, content: str | bytes
) -> None:
    """Whatever a client sends, it is told what to send."""
    capture = await stream_client(handler).post("/chat", content=content)

    assert capture.status == 400
    assert '{"message": "hello"}' in capture.json()["error"]["message"]


async def test_other_paths_and_methods_are_refused(stream_client: StreamClientFactory) -> None:
    """`capture.error` shows what the handler raised."""
    client = stream_client(handler)
    missing = await client.get("/nowhere")
    refused = await client.delete("/chat")

    assert (missing.status, missing.json()["error"]["code"]) == (404, "app.not_found")
    assert (refused.status, refused.json()["error"]["code"]) == (405, "app.method_not_allowed")
    assert refused.error is not None
    assert refused.error.message == "/chat does not take DELETE."


async def test_the_page_is_served_by_the_same_handler(stream_client: StreamClientFactory) -> None:
    """GET / is the page that asks /chat."""
    capture = await stream_client(handler).get("/")

    assert capture.headers["content-type"] == ["text/html; charset=utf-8"]
    assert capture.body == Path(__file__).with_name("chat.html").read_bytes()
