"""How to test results that come as they are found: see README.md beside this file."""

import json
from pathlib import Path

import pytest

from apptheory_plugins.snapshot import StreamSnapshot
from apptheory_testkit import StreamCapture, StreamClientFactory
from apptheory_testkit.faults import disconnect

handler = f"{Path(__file__).with_name('results.py')}:handler"  # at home: from results import handler


def titles(capture: StreamCapture) -> list[str]:
    """Give the titles of the hits, without the count at the end."""
    return [json.loads(chunk)["title"] for chunk in capture.chunks[:-1]]


async def test_each_hit_is_sent_when_it_is_found(
    stream_client: StreamClientFactory, stream_snapshot: StreamSnapshot
) -> None:
    """The snapshot has each hit, and the time between two of them."""
    capture = await stream_client(handler).get("/?q=sea")

    assert capture == stream_snapshot


async def test_the_first_hit_does_not_wait_for_the_last(stream_client: StreamClientFactory) -> None:
    """It is there after one shelf of four."""
    capture = await stream_client(handler).get("/?q=sea")

    assert capture.ttfb == 0.4
    assert capture.duration == 1.6
    capture.assert_incremental()
    capture.assert_not_buffered()


async def test_a_client_with_a_limit_does_not_wait_for_more(stream_client: StreamClientFactory) -> None:
    """The search ends with the last hit that was asked for, two shelves early."""
    capture = await stream_client(handler).get("/?q=sea&limit=2")

    assert titles(capture) == ["Twenty Thousand Leagues under the Sea", "The Sea and the Mirror"]
    assert capture.duration == 0.8
    assert json.loads(capture.chunks[-1]) == {"hits": 2}


async def test_a_limit_may_end_within_a_shelf(stream_client: StreamClientFactory) -> None:
    """The third title of the first shelf has the word too."""
    capture = await stream_client(handler).get("/?q=the&limit=2")

    assert titles(capture) == ["The Odyssey", "Twenty Thousand Leagues under the Sea"]


async def test_nothing_found_is_an_answer_too(stream_client: StreamClientFactory) -> None:
    """The count is the only line."""
    capture = await stream_client(handler).get("/?q=desert")

    assert capture.chunks == [b'{"hits": 0}\n']


async def test_letters_are_compared_without_case(stream_client: StreamClientFactory) -> None:
    """In any script; what a client sends is percent-encoded UTF-8."""
    client = stream_client(handler)

    assert titles(await client.get("/", params={"q": "ÄLTESTEN"})) == ["Die Ältesten"]
    assert titles(await client.get("/", params={"q": "島"})) == ["あの島"]


@pytest.mark.streaming(transport="in-process")  # which alone has faults
async def test_the_search_stops_when_its_client_leaves(stream_client: StreamClientFactory) -> None:
    """Where a Function URL is told to cancel: after the first hit no other shelf is searched."""
    client = stream_client(handler, on_disconnect="cancel")
    capture = await client.get("/?q=sea", fault=disconnect(at=1))

    assert json.loads(capture.body)["title"] == "Twenty Thousand Leagues under the Sea"
    assert capture.handler_outcome == "cancelled"
    assert capture.duration == 0.4


async def test_wherever_a_client_leaves_nothing_is_left_behind(stream_client: StreamClientFactory) -> None:
    """The sweep leaves at every event, one run after the other."""
    report = await stream_client(handler).sweep("GET", "/?q=sea")

    assert report.runs > 5


@pytest.mark.parametrize("query", ["", "?q=", "?q=sea&limit=0", "?q=sea&limit=-1", "?q=sea&limit=many"])
async def test_what_makes_no_sense_is_a_bad_request(stream_client: StreamClientFactory, query: str) -> None:
    """Before the first hit the status can still say so."""
    capture = await stream_client(handler).get(f"/{query}")

    assert capture.status == 400
    assert capture.json()["error"]["code"] == "app.bad_request"
