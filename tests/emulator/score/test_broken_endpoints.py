"""No case of the score card holds at an endpoint that gets it wrong, and what came is told."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from apptheory_emulator.score.card import Score, Verdict
from apptheory_emulator.score.case import Group
from apptheory_emulator.score.endpoint import Expect, Patience
from apptheory_emulator.score.handler import NoScoreHandler
from apptheory_emulator.score.run import ScoreOptions, score_endpoint
from apptheory_emulator.score.table import CASES
from apptheory_streaming import StreamingResponse
from apptheory_streaming.wire.event_stream import encode_message
from broken_endpoint import WRONG_ANSWERS, Visit, broken_endpoint, fixed
from lambda_api import control_port

pytestmark = pytest.mark.streaming(clock="real")

QUICK = Patience(timeout=1.0, pauses=(0.05,))
OF_SDK = tuple(name for name, case in CASES.items() if case.group is Group.SDK)
DEPLOYED = {"pace"}


async def score_url(url: str, case: str, *, patience: Patience = QUICK) -> Score:
    """The score of one case."""
    expect = Expect.DEPLOYED if case in DEPLOYED else Expect.EMULATOR
    options = ScoreOptions(url=url, handler="node", only=(case,), expect=expect, patience=patience)
    (score,) = (await score_endpoint(options)).scores
    return score


@pytest.mark.parametrize("case", [name for name in CASES if name not in OF_SDK])
async def test_a_case_does_not_hold_where_it_is_answered_wrongly(case: str) -> None:
    """Each has a wrong answer of its own, which is close to the right one."""
    async with broken_endpoint(WRONG_ANSWERS[case]) as url:
        score = await score_url(url, case)

    assert score.verdict is Verdict.FAILS
    assert score.came
    assert score.came != score.expected


async def hangs(_visit: Visit) -> None:
    await asyncio.Event().wait()


async def leaves(visit: Visit) -> None:
    visit.writer.transport.abort()


async def speaks_something_else(visit: Visit) -> None:
    visit.writer.write(b"220 smtp.example ready\r\n\r\n")


async def never_ends(visit: Visit) -> None:
    await visit.head(200, ["content-type: text/plain; charset=utf-8", "transfer-encoding: chunked"])
    await visit.frame(b"before")
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (hangs, "no answer"),
        (leaves, "a connection that ended before an answer"),
        (never_ends, "no end"),
        (speaks_something_else, "an answer that is not HTTP"),
    ],
    ids=["hangs", "leaves", "never ends", "no HTTP"],
)
async def test_an_endpoint_that_does_not_answer_fails_in_words(answer: Any, came: str) -> None:
    """None of them stops the run."""
    async with broken_endpoint(answer) as url:
        score = await score_url(url, "late-error", patience=Patience(timeout=0.2))

    assert (score.verdict, score.came) == (Verdict.FAILS, came)


async def floods(visit: Visit) -> None:
    """Events of a stream whose end never comes."""
    await visit.head(200, ["content-type: application/vnd.amazon.eventstream"])
    event = {":message-type": "event", ":event-type": "PayloadChunk", ":content-type": "application/octet-stream"}
    while True:
        visit.writer.write(encode_message(event, b"x"))
        await visit.writer.drain()
        await asyncio.sleep(0)


async def test_an_invoke_api_that_never_ends_fails_in_words() -> None:
    """Its time ends as that of a URL does, although every part of the answer comes at once."""
    patience = Patience(timeout=0.2, pauses=(0.05,))
    async with broken_endpoint(floods) as url:
        options = ScoreOptions(invoke=url, name="score", handler="node", only=("sdk-prelude",), patience=patience)
        (score,) = (await score_endpoint(options)).scores

    assert score.verdict is Verdict.FAILS
    assert score.came.endswith("no end after 0.4 s")


async def test_a_stream_that_is_slow_to_begin_is_given_a_longer_pause() -> None:
    """Order proves it, not speed: an answer that takes longer than the first pause still holds."""

    async def slow(visit: Visit) -> None:
        await asyncio.sleep(0.05)
        count, pause = int(visit.query["count"]), float(visit.query["ms"]) / 1000
        await visit.head(200, ["content-type: text/plain", "transfer-encoding: chunked"])
        for number in range(count):
            await asyncio.sleep(pause if number else 0)
            await visit.frame(b"abcdefghij"[number : number + 1] * int(visit.query["size"]))
        await visit.frame(b"")

    async with broken_endpoint(slow) as url:
        one = await score_url(url, "first-byte", patience=Patience(pauses=(0.01,)))
        more = await score_url(url, "first-byte", patience=Patience(pauses=(0.01, 0.6)))

    assert (one.verdict, more.verdict) == (Verdict.FAILS, Verdict.HOLDS)


async def test_what_is_not_the_score_handler_is_no_endpoint_to_score() -> None:
    """The message says what came, and what to do."""
    async with broken_endpoint(fixed(404, b"nothing here")) as url:
        with pytest.raises(NoScoreHandler, match="what came is status 404, b'nothing here': serve one of the files"):
            await score_endpoint(ScoreOptions(url=url, patience=QUICK))


async def test_an_object_that_is_no_event_is_none() -> None:
    """Nothing holds of what is not there."""
    events = tuple(name for name, case in CASES.items() if case.handler == "event")
    empty = json.dumps({"requestContext": {"http": {}, "nothing": None}, "headers": {}, "cookies": None})
    for body in (empty, '{"errorMessage": "no"}', "[]"):
        async with broken_endpoint(fixed(200, body.encode())) as url:
            card = await score_endpoint(ScoreOptions(url=url, handler="node", only=events, patience=QUICK))

        assert {score.case.id for score in card.scores if score.verdict is Verdict.FAILS} == set(events)
        if body == empty:
            assert card.scores[0].came.count("missing") == 9


async def test_no_case_of_an_sdk_holds_where_every_path_answers_200() -> None:
    """Some emulators do: an SDK yields no event then, and no error."""
    async with broken_endpoint(fixed(200, b"hello")) as url:
        options = ScoreOptions(invoke=url, name="score", handler="node", patience=QUICK, only=OF_SDK)
        card = await score_endpoint(options)

    assert {score.case.id for score in card.scores if score.verdict is Verdict.FAILS} == set(OF_SDK)


async def collects(event: Any, _context: Any) -> StreamingResponse:
    query = event["queryStringParameters"]
    count, size = int(query["count"]), int(query["size"])
    await asyncio.sleep(float(query["ms"]) / 1000 * (count - 1))
    return StreamingResponse(letter * size for letter in "abcdefghij"[:count])


def answers(body: bytes | str) -> Callable[..., StreamingResponse]:
    return lambda _event, _context: StreamingResponse(iter([body]))


WRONG_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sdk-stream": answers("to"),
    "sdk-progressive": collects,
    "sdk-prelude": answers("two"),
    "sdk-binary": answers(bytes(range(255))),
    "sdk-late-error": answers("before"),
    "sdk-early-error": answers("fine"),
    "sdk-invoke": answers("two"),
    "sdk-invoke-error": answers("fine"),
}


@pytest.mark.parametrize("case", WRONG_FUNCTIONS)
async def test_a_case_of_an_sdk_does_not_hold_where_the_function_does_something_else(case: str) -> None:
    """The Invoke API itself is right here."""
    async with control_port(WRONG_FUNCTIONS[case], name="score") as api:
        options = ScoreOptions(invoke=api.server.url, name="score", handler="node", patience=QUICK, only=(case,))
        (score,) = (await score_endpoint(options)).scores

    assert score.verdict is Verdict.FAILS
    assert "payload" in score.came or "chunk 1 after" in score.came
