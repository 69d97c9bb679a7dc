"""The page of docs/how-to/serve-a-handler.md in a real browser: EventSource and fetch from another origin."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from apptheory_emulator import FunctionUrlFactory, ServedUrl
from apptheory_streaming import StreamingResponse, html_stream

pytestmark = pytest.mark.streaming(clock="real")

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "serve-a-handler.md").read_text()

READ = "url => fetch(url).then(response => response.text(), () => 'refused')"
POST = """url => fetch(url, {method: "POST", headers: {"content-type": "application/json"}, body: "{}"})
    .then(response => response.status)"""

expect.set_options(timeout=10_000)  # only a failure takes so long


@dataclass(frozen=True, slots=True)
class Site:
    """The clock, the page that it allows, and the same page on a port that it does not."""

    clock: ServedUrl
    allowed: ServedUrl
    stranger: ServedUrl


def block(before: str) -> str:
    """The first code block of the guide behind a text."""
    found = re.search(re.escape(before) + r".*?```\w+\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
async def site(function_url: FunctionUrlFactory, tmp_path: Path) -> Site:
    """The files of the guide, on free ports, without a pause between two ticks."""
    html = block("The page, `index.html`:")

    async def page(event: Any, context: Any) -> StreamingResponse:
        return html_stream(html.replace("http://127.0.0.1:3000/", clock))

    allowed, stranger = await function_url(page), await function_url(page)
    code = block("<!-- file: clock.py -->").replace("http://127.0.0.1:8000", allowed.rstrip("/"))
    (tmp_path / "clock_of_the_guide.py").write_text(code)
    clock = await function_url(f"{tmp_path / 'clock_of_the_guide.py'}:handler", env={"CLOCK_SECONDS": "0"})
    return Site(clock, allowed, stranger)


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


async def test_event_source_shows_every_tick_and_stops_at_done(page: Page, site: Site) -> None:
    """W2: an independent reader of Server-Sent Events sees each event, by its name, with its data."""
    await page.goto(site.allowed)

    await expect(page.locator("li")).to_have_count(5)
    await expect(page.locator("li").first).to_have_text(re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"))
    await page.wait_for_function("source.readyState === EventSource.CLOSED")
    await site.clock.settled()
    assert [exchange.request.method for exchange in site.clock.exchanges] == ["GET"]


async def test_a_request_that_is_not_simple_is_allowed_by_the_handler(page: Page, site: Site) -> None:
    """The browser asks by OPTIONS, which reaches the handler, and then sends its POST."""
    await page.goto(site.allowed)

    assert await page.evaluate(POST, site.clock) == 200
    await site.clock.settled()
    assert "OPTIONS" in [exchange.request.method for exchange in site.clock.exchanges]


async def test_a_page_of_an_origin_that_is_not_named_cannot_read(page: Page, site: Site) -> None:
    """The handler allows one origin, so the browser keeps the answer from any other."""
    await page.goto(site.stranger)
    assert await page.evaluate(READ, site.clock) == "refused"

    await page.goto(site.allowed)
    assert "event: tick" in await page.evaluate(READ, site.clock)
