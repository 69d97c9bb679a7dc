"""W3, E36: EventSource in a real browser reads every case, and loses nothing when it is cut off again and again."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import (
    SSE_HEADERS,
    EventLog,
    ServerSentEvent,
    StreamingResponse,
    html_stream,
    last_event_id,
    replay,
    sse_stream,
)
from apptheory_streaming.wire.sse import encode_event
from sse_cases import READ, SENT

pytestmark = pytest.mark.streaming(clock="real")

COUNT = 12
EACH = 3
EVERY = [f"event {number}: é ☕ 🌍" for number in range(1, COUNT + 1)]

PAGE = """<!doctype html>
<ol></ol>
<script>
    const source = new EventSource("/events");
    const got = [];
    source.addEventListener("step", (event) => {
        got.push([event.lastEventId, event.data]);
        document.querySelector("ol").append(document.createElement("li"));
    });
</script>
"""

expect.set_options(timeout=10_000)  # only a failure takes so long


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """An empty page of a real browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if "chromium" in os.environ.get("REQUIRE_RUNTIMES", "").split(","):
            pytest.fail("no chromium on the PATH")
        pytest.skip("no chromium on the PATH")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield await browser.new_page()
        await browser.close()


class Steps:
    """Serves a page, and the events of a log, EACH a connection, whose end is of a kind."""

    def __init__(self, ending: str) -> None:
        self.log = EventLog(prefix="run-7-")
        for text in EVERY:
            self.log.append(ServerSentEvent(text, "step", retry=1))
        self.log.end()
        self.asked: list[str] = []
        self._ending = ending

    async def __call__(self, event: Any, context: Any) -> StreamingResponse:
        if event["rawPath"] != "/events":
            return html_stream(PAGE)
        last = last_event_id(event)
        self.asked.append(last)
        if self.log.is_over(last):
            return StreamingResponse(status=204)
        return sse_stream(self._events(last))

    async def _events(self, last: str) -> AsyncIterator[object]:
        sent = 0
        async for each in replay(self.log, last):
            if sent == EACH:
                if self._ending != "end":  # in the middle of the next one, which the browser must forget
                    yield encode_event(each)[:-1]
                break
            yield each
            sent += 1
        else:
            return
        if self._ending == "cut":
            raise ConnectionError("cut off")


@pytest.mark.parametrize("ending", ["end", "half", "cut"])
async def test_nothing_is_lost_and_nothing_comes_twice(
    page: Page, function_url: FunctionUrlFactory, ending: str
) -> None:
    """W3: however the connection ends: cleanly, inside an event, or broken off there; 204 ends it for good."""
    steps = Steps(ending)
    await page.goto(await function_url(steps, late_errors="abort"))

    await page.wait_for_function("source.readyState === EventSource.CLOSED")

    await expect(page.locator("li")).to_have_count(COUNT)
    assert await page.evaluate("got") == [[f"run-7-{number}", text] for number, text in enumerate(EVERY, 1)]
    if ending == "cut":  # which may take from the browser what it has not read yet, and it asks for that again
        assert len(steps.asked) >= 5
        assert (steps.asked[0], steps.asked[-1]) == ("", "run-7-12")
    else:
        assert steps.asked == ["", "run-7-3", "run-7-6", "run-7-9", "run-7-12"]


async def test_an_id_that_is_no_longer_kept_stops_it_for_good(page: Page, function_url: FunctionUrlFactory) -> None:
    """E2: a 404 tells the page to load its state anew, instead of a gap that nobody sees."""
    steps = Steps("end")
    steps.log = EventLog(max_events=2, prefix="run-8-")
    asked = steps.asked

    async def forgetful(event: Any, context: Any) -> StreamingResponse:
        if event["rawPath"] == "/events" and not asked:
            asked.append(last_event_id(event))
            return sse_stream([steps.log.append(ServerSentEvent("seen", "step", retry=1))])
        for number in range(5):
            steps.log.append(ServerSentEvent(f"{number}, not seen", "step"))
        return await steps(event, context)

    await page.goto(await function_url(forgetful))
    await page.wait_for_function("source.readyState === EventSource.CLOSED")

    assert len(asked) == 2
    assert await page.evaluate("got") == [[asked[1], "seen"]]


READ_CASES = """async ([paths, names]) => {
    const read = (path) => new Promise((resolve) => {
        const source = new EventSource(path);
        const events = [];
        const listen = (event) => events.push([event.data, event.type, event.lastEventId]);
        for (const name of names) source.addEventListener(name, listen);
        source.addEventListener("error", (event) => {
            if (event.data !== undefined) return;  // an event of the stream that is called so
            source.close();
            resolve(events);
        });
    });
    const results = [];
    for (const path of paths) results.push(await read(path));
    return results;
}"""


async def test_a_browser_reads_every_case_as_the_decoder_does(page: Page, function_url: FunctionUrlFactory) -> None:
    """W3, E01: an independent reader agrees on every stream of the list, read and written."""
    streams = [stream for stream, _ in READ.values()] + [stream for _, stream, _ in SENT.values()]
    expected = [events for _, events in READ.values()] + [events for _, _, events in SENT.values()]

    async def handler(event: Any, context: Any) -> StreamingResponse:
        number = event["rawPath"].strip("/")
        if not number.isdigit():
            return html_stream("")
        return StreamingResponse([streams[int(number)]], headers=SSE_HEADERS)

    await page.goto(await function_url(handler))
    names = sorted({each.event for events in expected for each in events})
    results = await page.evaluate(READ_CASES, [[f"/{number}" for number in range(len(streams))], names])

    assert results == [[[each.data, each.event, each.id] for each in events] for events in expected]
