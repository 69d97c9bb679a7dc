"""The CORS configuration of a Function URL as a real browser obeys it, with a page on another port (B27, B35, C37)."""

import json
import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from apptheory_emulator import CorsConfig, FunctionUrlFactory, ServedUrl
from apptheory_streaming import StreamingResponse, html_stream

pytestmark = pytest.mark.streaming(clock="real")

FETCH = """([url, options]) => fetch(url, options).then(
    async response => ({status: response.status, rows: response.headers.get("x-rows"), text: await response.text()}),
    () => "refused")"""


async def blank(event: Any, context: Any) -> StreamingResponse:
    """The page that asks."""
    return html_stream("<!doctype html><title>page</title>")


async def api(event: Any, context: Any) -> StreamingResponse:
    """Set a cookie, and show those that came."""
    return StreamingResponse(
        [json.dumps(event.get("cookies", []))],
        headers={"content-type": "application/json", "x-rows": "3"},
        cookies=["seen=yes; Path=/"],
    )


async def open_handed(event: Any, context: Any) -> StreamingResponse:
    """Send a CORS header that is not needed."""
    return StreamingResponse(["body"], headers={"access-control-allow-origin": "*"})


@pytest.fixture
async def page(function_url: FunctionUrlFactory) -> AsyncIterator[Page]:
    """A page of a real browser, from a port of its own."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if "chromium" in os.environ.get("REQUIRE_RUNTIMES", "").split(","):
            pytest.fail("no chromium on the PATH")
        pytest.skip("no chromium on the PATH")
    url = await function_url(blank)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        await page.goto(url)
        yield page
        await browser.close()


async def ask(page: Page, url: ServedUrl, **options: Any) -> Any:
    """What the page gets for a fetch: status, a header and the text, or `refused`."""
    return await page.evaluate(FETCH, [url, options])


def origin(page: Page) -> str:
    """Where the page comes from."""
    return page.url.rstrip("/")


def methods(url: ServedUrl) -> list[str]:
    """What reached the function."""
    return [exchange.request.method for exchange in url.exchanges]


async def test_a_request_with_a_preflight_is_allowed_by_the_configuration(
    page: Page, function_url: FunctionUrlFactory
) -> None:
    """B27, B35: the browser asks first, the function sees the POST alone; the page reads an exposed header."""
    cors = CorsConfig(
        allow_origins=(origin(page),),
        allow_methods=("POST",),
        allow_headers=("content-type",),
        expose_headers=("x-rows",),
        max_age=0,
    )
    url = await function_url(api, cors=cors)
    json_body = {"headers": {"content-type": "application/json"}, "body": "{}"}

    allowed = await ask(page, url, method="POST", **json_body)
    other_method = await ask(page, url, method="PUT", **json_body)
    other_header = await ask(page, url, method="POST", headers={"x-own": "1"}, body="{}")
    await url.settled()

    assert (allowed["status"], allowed["rows"]) == (200, "3")
    assert (other_method, other_header) == ("refused", "refused")
    assert methods(url) == ["POST"]


async def test_cookies_travel_with_credentials_alone(page: Page, function_url: FunctionUrlFactory) -> None:
    """B27: with `allow_credentials` the second request brings the cookie of the first; without it nothing is read."""
    with_credentials = CorsConfig(allow_origins=(origin(page),), allow_credentials=True)
    url = await function_url(api, cors=with_credentials)
    without = await function_url(api, cors=CorsConfig(allow_origins=(origin(page),)))

    await ask(page, url, credentials="include")

    assert (await ask(page, url, credentials="include"))["text"] == '["seen=yes"]'
    assert (await ask(page, url, credentials="omit"))["text"] == "[]"
    assert await ask(page, without, credentials="include") == "refused"
    assert (await ask(page, without, credentials="omit"))["text"] == "[]"


async def test_a_star_takes_no_credentials(page: Page, function_url: FunctionUrlFactory) -> None:
    """What AWS lets you configure, and browsers refuse: any origin, with credentials."""
    url = await function_url(api, cors=CorsConfig(allow_origins=("*",), allow_credentials=True))

    assert await ask(page, url, credentials="include") == "refused"
    assert (await ask(page, url))["status"] == 200


async def test_a_page_of_another_origin_is_refused(page: Page, function_url: FunctionUrlFactory) -> None:
    """C37: as is every page without a configuration."""
    elsewhere = await function_url(api, cors=CorsConfig(allow_origins=("http://127.0.0.1:1",)))

    assert await ask(page, elsewhere) == "refused"
    assert await ask(page, await function_url(api)) == "refused"


async def test_headers_of_both_break_a_page_and_those_configured_alone_do_not(
    page: Page, function_url: FunctionUrlFactory
) -> None:
    """B27: two origins in one response are none for a browser, as people find on AWS."""
    cors = CorsConfig(allow_origins=(origin(page),))

    assert await ask(page, await function_url(open_handed, cors=cors)) == "refused"
    assert (await ask(page, await function_url(open_handed, cors=cors, cors_merge="configured")))["text"] == "body"
    assert (await ask(page, await function_url(open_handed)))["text"] == "body"
