"""How to test a page that comes in pieces: see README.md beside this file."""

import asyncio
from pathlib import Path

import pytest

from apptheory_testkit import StreamClientFactory

handler = f"{Path(__file__).with_name('ssr.py')}:handler"  # at home: from ssr import handler


@pytest.fixture(autouse=True)
def fast_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data is there at once, so no test waits."""
    monkeypatch.setenv("SSR_SECONDS", "0")


async def test_the_shell_comes_first_and_the_page_is_closed_last(stream_client: StreamClientFactory) -> None:
    """Five chunks: the shell, three parts in any order, and the end."""
    capture = await stream_client(handler).get("/")

    assert capture.status == 200
    assert capture.headers == {"content-type": ["text/html; charset=utf-8"]}
    capture.assert_headers_finalized_before_first_chunk()

    shell, *parts, closing = capture.chunks
    assert shell.startswith(b"<!doctype html>")
    assert b"<h1>Good day, stranger!</h1>" in shell
    assert len(parts) == 3
    assert closing == b"</main>\n</body>\n</html>\n"


async def test_every_part_fills_a_placeholder_of_the_shell(stream_client: StreamClientFactory) -> None:
    """Parts may come in any order, because each names its place."""
    shell, *parts, _ = (await stream_client(handler).get("/")).chunks
    places = sorted(part.partition(b'slot="')[2].partition(b'"')[0] for part in parts)

    assert places == [b"menu", b"reviews", b"seats"]
    assert all(b'<slot name="%b">' % place in shell for place in places)


async def test_the_shell_is_sent_before_any_data_is_there(
    stream_client: StreamClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader sees the shell at once, although the data is an hour away."""
    monkeypatch.setenv("SSR_SECONDS", "3600")

    async with asyncio.timeout(30), stream_client(handler).stream("GET", "/") as live:
        shell = await anext(live)

    assert b"Asking the kitchen" in shell


async def test_what_people_wrote_is_escaped(stream_client: StreamClientFactory) -> None:
    """Neither a guest's name nor the data can become markup."""
    capture = await stream_client(handler).get("/", params={"guest": "<script>alert('hi')</script>"})

    assert "Good day, &lt;script&gt;alert(&#x27;hi&#x27;)&lt;/script&gt;!" in capture.text
    assert "<script" not in capture.text
    assert "I &lt;3 the soup." in capture.text
    assert "Fish &amp; chips" in capture.text


async def test_an_unknown_page_is_not_found(stream_client: StreamClientFactory) -> None:
    """The handler refuses before the first chunk, while the status can still be 404."""
    capture = await stream_client(handler).get("/cellar")

    assert capture.status == 404
    assert capture.json()["error"]["code"] == "app.not_found"
    assert capture.stream_error_code is None  # that would be an error in mid-stream
