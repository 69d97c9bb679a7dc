"""The chat example as a person meets it: its page, in a real browser, over the emulated Function URL.

Gates, not clocks, say how far an answer has come: the handler is the example's own, and each chunk
of its answers waits until the test lets it go.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error, Page, async_playwright, expect

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import AppError, LambdaContext, StreamingResponse, sse_stream
from apptheory_streaming.target import load_target

pytestmark = pytest.mark.streaming(clock="real")

Handler = Callable[[dict[str, Any], LambdaContext], Awaitable[StreamingResponse]]
Chunks = AsyncIterator[bytes]

CHAT = Path(__file__).parents[2] / "docs" / "examples" / "chat.py"
QUESTION = "Ein Café in 東京?"
ALL = 1000  # more chunks than any answer has

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=10_000)  # only a failure takes so long


@pytest.fixture(autouse=True)
def fast_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_TOKEN_SECONDS", "0")


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing = "no chromium on the PATH"
        if "chromium" in os.environ.get("REQUIRE_RUNTIMES", "").split(","):
            pytest.fail(missing)
        pytest.skip(missing)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        page = await browser.new_page()
        crashes: list[Error] = []

        def crashed(error: Error) -> None:
            crashes.append(error)

        page.on("pageerror", crashed)
        yield page
        await browser.close()
        assert crashes == []


class Gate:
    """Lets chunks pass one by one, and sees when an answer is closed before its end."""

    def __init__(self) -> None:
        self.left_early = asyncio.Event()
        self._open = asyncio.Semaphore(0)

    def let(self, count: int) -> None:
        for _ in range(count):
            self._open.release()

    async def hold(self, chunks: Chunks) -> Chunks:
        try:
            async for chunk in chunks:
                await self._open.acquire()
                yield chunk
        except (asyncio.CancelledError, GeneratorExit):
            self.left_early.set()
            raise


def chat_with(change: Callable[[Chunks], Chunks]) -> Handler:
    """Make a handler that is the example's, with the chunks of its answers changed."""
    chat = load_target(f"{CHAT}:handler")

    async def handler(event: dict[str, Any], context: LambdaContext) -> StreamingResponse:
        response: StreamingResponse = await chat(event, context)
        if event["rawPath"] == "/chat":
            response.body = change(response.body)  # type: ignore[arg-type]  # always of sse_stream
        return response

    return handler


def chat_that(answers: Callable[[], StreamingResponse]) -> Handler:
    """Make a handler that serves the example's page and answers in its own way."""
    chat = load_target(f"{CHAT}:handler")

    async def handler(event: dict[str, Any], context: LambdaContext) -> StreamingResponse:
        if event["rawPath"] == "/chat":
            return answers()
        response: StreamingResponse = await chat(event, context)
        return response

    return handler


def tokens_for(question: str) -> list[str]:
    return list(load_target(f"{CHAT}:think")(question))


async def ask(page: Page, question: str) -> None:
    """Type a question as a person does, and press Enter."""
    await page.locator("#question").press_sequentially(question)
    await page.keyboard.press("Enter")


async def test_tokens_appear_while_the_rest_is_still_to_come(page: Page, function_url: FunctionUrlFactory) -> None:
    """W7: every token that left the handler is on the page before the next one leaves it."""
    gate = Gate()
    tokens = tokens_for(QUESTION)
    await page.goto(await function_url(chat_with(gate.hold)))
    await ask(page, QUESTION)

    answer, status = page.locator("#answer"), page.locator("#status")
    await expect(status).to_have_text("Waiting for the first token …")
    await expect(page.locator("#send")).to_be_hidden()
    gate.let(1)  # the start
    for count in range(1, 5):
        gate.let(1)
        await expect(answer).to_have_text("".join(tokens[:count]))
        await expect(status).to_have_text(
            re.compile(rf"^Streaming · first token after \d.* · {count} tokens?$"),
        )
    gate.let(ALL)
    await expect(status).to_have_text(re.compile(rf"^Done in .* · {len(tokens)} tokens$"))
    assert await answer.text_content() == "".join(tokens)
    await expect(page.locator("#question")).to_be_focused()
    await expect(page.locator("#question")).to_have_value("")


async def test_a_second_answer_goes_below_the_first(page: Page, function_url: FunctionUrlFactory) -> None:
    """#answer is always the newest; earlier turns stay readable above it."""
    await page.goto(await function_url(f"{CHAT}:handler"))
    for question in ("one", "two"):
        await ask(page, question)
        await expect(page.locator("#status")).to_have_text(re.compile("^Done"))

    await expect(page.locator(".asked")).to_have_text(["one", "two"])
    await expect(page.locator(".answer")).to_have_text(["".join(tokens_for(each)) for each in ("one", "two")])
    await expect(page.locator("#answer")).to_have_text("".join(tokens_for("two")))


@pytest.mark.parametrize("way", ["click", "Escape"])
async def test_stop_ends_the_answer_and_reaches_the_handler(
    page: Page, function_url: FunctionUrlFactory, way: str
) -> None:
    """E4: with `on_disconnect="cancel"` Stop closes the handler's generator; what came stays, and one can ask on."""
    gate = Gate()
    await page.goto(await function_url(chat_with(gate.hold), on_disconnect="cancel"))
    await ask(page, QUESTION)
    gate.let(3)
    await expect(page.locator("#status")).to_have_text(re.compile("^Streaming .* 2 tokens$"))
    await (page.locator("#stop").click() if way == "click" else page.keyboard.press("Escape"))

    await expect(page.locator("#status")).to_have_text(re.compile("^Stopped .* 2 tokens$"))
    async with asyncio.timeout(10):  # only a failure takes so long
        await gate.left_early.wait()
    await expect(page.locator("#answer")).to_have_text("".join(tokens_for(QUESTION)[:2]))
    await expect(page.locator("#question")).to_be_focused()
    await expect(page.locator(".error")).to_have_count(0)

    gate.let(ALL)
    await ask(page, "again")
    await expect(page.locator("#answer")).to_have_text("".join(tokens_for("again")))


async def test_a_character_cut_in_two_is_whole_on_the_page(page: Page, function_url: FunctionUrlFactory) -> None:
    """W6: the page reads bytes, so half a character waits for its other half."""
    gate = Gate()
    tokens = tokens_for(QUESTION)
    cut_token = next(index for index, token in enumerate(tokens) if "Café" in token)

    async def cut_in_a_character(chunks: Chunks) -> Chunks:
        whole = b"".join([chunk async for chunk in chunks])
        middle = whole.index("é".encode()) + 1
        yield whole[:middle]
        yield whole[middle:]

    await page.goto(await function_url(chat_with(lambda chunks: gate.hold(cut_in_a_character(chunks)))))
    await ask(page, QUESTION)
    gate.let(1)
    await expect(page.locator("#answer")).to_have_text("".join(tokens[:cut_token]))
    gate.let(1)
    await expect(page.locator("#status")).to_have_text(re.compile("^Done"))
    assert await page.locator("#answer").text_content() == "".join(tokens)


async def test_the_page_reads_events_under_every_cut(page: Page, function_url: FunctionUrlFactory) -> None:
    """W3: whole, byte by byte, and cut in two at every place, a stream gives the same events, with any line end."""
    lines = [": hello", "event: token", 'data: {"text":"é ☕ 🌍"}', "", "data:a", "data: b: c", "data", "", "id: 7", ""]
    text = "\n".join([*lines, ": bye", "", "data: no blank line"])
    streams = [list(text.replace("\n", line_end).encode()) for line_end in ("\n", "\r\n", "\r")]
    await page.goto(await function_url(f"{CHAT}:handler"))
    results: list[object] = await page.evaluate(
        """async (streams) => {
            const read = async (parts) => {
                const stream = new ReadableStream({
                    start(controller) {
                        for (const part of parts) controller.enqueue(new Uint8Array(part));
                        controller.close();
                    },
                });
                const events = [];
                for await (const { event, data } of serverSentEvents(stream)) events.push([event, data]);
                return events;
            };
            const cut = (bytes) => [
                [bytes],
                bytes.map((byte) => [byte]),
                ...bytes.map((_, at) => [bytes.slice(0, at), bytes.slice(at)]),
            ];
            return Promise.all(streams.flatMap(cut).map(read));
        }""",
        streams,
    )

    assert len(results) == sum(len(stream) + 2 for stream in streams)
    assert all(each == [["token", '{"text":"é ☕ 🌍"}'], ["message", "a\nb: c\n"]] for each in results)


def refuse() -> StreamingResponse:
    raise AppError("app.rate_limited", "Slow down, please.")


def crash() -> StreamingResponse:
    raise RuntimeError("a secret of the server")


@pytest.mark.parametrize(
    ("answers", "message"),
    [(refuse, "429: Slow down, please."), (crash, "502: Internal Server Error")],
)
async def test_a_refused_question_shows_why_and_can_be_asked_again(
    page: Page, function_url: FunctionUrlFactory, answers: Callable[[], StreamingResponse], message: str
) -> None:
    """E2, E2b: the page shows the message of an error response, and keeps the question."""
    await page.goto(await function_url(chat_that(answers)))
    await ask(page, QUESTION)

    await expect(page.get_by_role("alert")).to_have_text(message)
    await expect(page.locator("#status")).to_have_text("Failed")
    await expect(page.locator("#question")).to_have_value(QUESTION)
    await expect(page.locator("#question")).to_be_focused()


async def test_an_answer_that_ends_early_is_called_that(page: Page, function_url: FunctionUrlFactory) -> None:
    """E3: a late error ends the body cleanly, so the page goes by the missing `done`."""

    async def broken(chunks: Chunks) -> Chunks:
        yield await anext(chunks)
        yield await anext(chunks)
        raise RuntimeError("the model broke")

    await page.goto(await function_url(chat_with(broken)))
    await ask(page, QUESTION)

    await expect(page.get_by_role("alert")).to_have_text("The answer ended early: the rest of it is missing.")
    await expect(page.locator("#answer")).to_have_text(tokens_for(QUESTION)[0])
    await expect(page.locator("#status")).to_have_text(re.compile("^Failed .* 1 token$"))


async def test_a_connection_that_breaks_is_said_so(page: Page, function_url: FunctionUrlFactory) -> None:
    """E3: under `late_errors="abort"` the connection breaks; what came before stays on the page."""
    gate = Gate()

    async def broken(chunks: Chunks) -> Chunks:
        yield await anext(chunks)
        yield await anext(chunks)
        yield b""  # held back by the gate, so that the error comes after the token was shown
        raise RuntimeError("the model broke")

    await page.goto(await function_url(chat_with(lambda chunks: gate.hold(broken(chunks))), late_errors="abort"))
    await ask(page, QUESTION)
    gate.let(2)
    await expect(page.locator("#answer")).to_have_text(tokens_for(QUESTION)[0])
    gate.let(1)

    await expect(page.get_by_role("alert")).to_have_text("The connection failed. Is the server running?")
    await expect(page.locator("#answer")).to_have_text(tokens_for(QUESTION)[0])


async def test_an_answer_is_text_and_never_markup(page: Page, function_url: FunctionUrlFactory) -> None:
    """What a model says cannot become an element of the page."""
    markup = "<img src=x onerror=alert(1)>"
    answer = [b'event: token\ndata: {"text":"%b"}\n\n' % markup.encode(), b"event: done\ndata: {}\n\n"]
    await page.goto(await function_url(chat_that(lambda: sse_stream(answer))))
    await ask(page, markup)

    await expect(page.locator("#status")).to_have_text(re.compile("^Done"))
    await expect(page.locator("#answer")).to_have_text(markup)
    await expect(page.locator(".asked")).to_have_text(markup)
    await expect(page.locator("img")).to_have_count(0)


async def test_the_page_fits_a_phone_and_names_its_parts(page: Page, function_url: FunctionUrlFactory) -> None:
    """Nothing is wider than a small phone, a word without a break either, and each part has its role and name."""
    await page.set_viewport_size({"width": 320, "height": 568})
    await page.goto(await function_url(f"{CHAT}:handler"))
    await expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
    await page.get_by_role("textbox").fill("a" * 200)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("status")).to_have_text(re.compile("^Done"))

    await expect(page.get_by_role("log", name="Conversation")).to_contain_text("a" * 200)
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
