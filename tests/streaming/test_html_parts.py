"""A22, A32: pages in parts, and JSON inside them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from html.parser import HTMLParser
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming import AppError, InvalidResponse, StreamingResponse, html_json, html_parts, html_stream
from apptheory_streaming.errors import UsageError
from apptheory_testkit import StreamCapture, stream_client
from apptheory_testkit.virtual_time.loop import VirtualLoop

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

_T = TypeVar("_T")

SHELL = (
    '<main><template shadowrootmode="open"><slot name="menu">…</slot><slot name="seats">…</slot><slot name="a-b_1">…</slot>'
    "</template>"
)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def part(seconds: float, result: str | Exception, log: list[str] | None = None) -> Callable[[], Awaitable[str]]:
    """A part that takes some time, and notes how it ended."""

    async def make() -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if log is not None:
                log.append("cancelled")
            raise
        if isinstance(result, Exception):
            raise result
        return result

    return make


def get(parts: dict[str, Any], **options: Any) -> StreamCapture:
    """Capture a page in virtual time."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return html_stream(html_parts(SHELL, parts, **options))

    return run(stream_client(handler).get("/"))


def test_a32_parts_come_as_they_get_ready() -> None:
    """A32: the shell at once, each part behind its own wait, the closing last."""
    capture = get({"menu": part(5, "soup"), "seats": part(2, "<b>4</b>")}, closing="</main>")

    assert capture.chunks == [
        SHELL.encode(),
        b'<div slot="seats"><b>4</b></div>',
        b'<div slot="menu">soup</div>',
        b"</main>",
    ]
    assert [record.produced_at for record in capture.transcript.chunks] == [0, 2, 5, 5]
    assert capture.headers["content-type"] == ["text/html; charset=utf-8"]


def test_d1_parts_that_are_ready_at_once_come_in_their_order() -> None:
    """D1: in each of 50 runs."""
    names = ["seats", "a-b_1", "menu"]
    captures = [get({name: part(1, name) for name in names}) for _ in range(50)]

    assert [chunk.decode() for chunk in captures[0].chunks[1:4]] == [
        f'<div slot="{name}">{name}</div>' for name in names
    ]
    assert all(capture == captures[0] for capture in captures[1:])


def test_e3_an_error_of_a_part_ends_the_page() -> None:
    """E3: late, behind the parts before it; the others are cancelled."""
    log: list[str] = []
    capture = get(
        {"menu": part(1, "soup"), "seats": part(2, AppError("app.conflict", "full")), "a-b_1": part(9, "", log)}
    )

    assert capture.chunks == [SHELL.encode(), b'<div slot="menu">soup</div>']
    assert (capture.stream_error_code, capture.duration, log) == ("app.conflict", 2, ["cancelled"])


def test_e3_parts_clean_up_before_the_page_is_over() -> None:
    """E3, E4: also where that takes time."""
    log: list[str] = []

    async def slow() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(1)
            log.append("cleaned up")
        return ""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return html_stream(html_parts(SHELL, {"menu": slow, "seats": part(1, ValueError("broken"))}))

    async def main() -> list[str]:
        await stream_client(handler).get("/")
        return list(log)

    assert run(main()) == ["cleaned up"]


def test_e3_html_may_stand_for_an_error() -> None:
    """E3: the page goes on."""
    parts = {"menu": part(1, ValueError("no soup")), "seats": part(2, "4")}
    capture = get(parts, closing="</main>", on_error=lambda name, error: f"{name}: {error}")

    assert capture.chunks[1:] == [b'<div slot="menu">menu: no soup</div>', b'<div slot="seats">4</div>', b"</main>"]
    assert capture.error is None


def test_e4_what_is_left_is_cancelled_when_a_reader_leaves() -> None:
    """E4: no task stays."""
    log: list[str] = []

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return html_stream(html_parts(SHELL, {"menu": part(60, "", log), "seats": part(60, "", log)}))

    async def main() -> None:
        async with stream_client(handler, on_disconnect="cancel").stream("GET", "/") as live:
            assert await anext(live) == SHELL.encode()
            await asyncio.sleep(1)
            await live.disconnect()

    run(main())
    assert log == ["cancelled", "cancelled"]


def test_a32_without_parts_there_is_the_shell() -> None:
    """A32: and an empty closing is an empty chunk, which is none on the wire."""
    assert get({}).body == SHELL.encode()


@pytest.mark.parametrize("name", ["", "1", "a b", 'a"', "ä", "<", 5, None], ids=repr)
def test_a32_a_part_has_a_name(name: Any) -> None:
    """A32: one that needs no escape."""
    with pytest.raises(UsageError, match="a part needs a name"):
        html_parts(SHELL, {name: part(0, "")})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: "<p>", "UsageError: the part 'seats' must be an async function; it gave a str at once"),
        (part(1, b"<p>"), "StreamTypeError: the part 'seats' gave a bytes, not HTML as text"),  # type: ignore[arg-type]
        (part(1, None), "StreamTypeError: the part 'seats' gave a NoneType, not HTML as text"),  # type: ignore[arg-type]
    ],
    ids=["not async", "bytes", "nothing"],
)
def test_r2_a_part_is_html_as_text(wrong: Any, message: str) -> None:
    """R2, E3: what is not is no part of a page, in no other form; the other parts are cancelled."""
    log: list[str] = []

    capture = get({"menu": part(5, "<p>Soup</p>", log), "seats": wrong})

    assert capture.chunks == [SHELL.encode()]
    assert str(capture.error) == f"app.internal: {message}"
    assert log == ["cancelled"]


def test_a32_a_part_has_a_place() -> None:
    """A32: else nobody would see it."""
    with pytest.raises(UsageError, match='put <slot name="wine"></slot> there'):
        html_parts(SHELL, {"wine": part(0, "")})


# -- JSON inside a page ------------------------------------------------------------------------


class Scripts(HTMLParser):
    """What an HTML parser finds in script elements, and which elements there are."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "</script><script>alert(1)</script>"}, r'{"a":"\u003c/script\u003e\u003cscript\u003ealert(1)\u003c/script\u003e"}'),
        ("<!--", r'"\u003c!--"'),
        ("]]>", r'"]]\u003e"'),
        ("&lt;", r'"\u0026lt;"'),
        ("a\u2028b\u2029c", r'"a\u2028b\u2029c"'),
        ({"<": [1, None, "é"]}, r'{"\u003c":[1,null,"é"]}'),
    ],
    ids=repr,
)  # fmt: skip
def test_a22_no_value_is_markup(value: object, text: str) -> None:
    """A22: and it reads back as it was."""
    assert html_json(value) == text
    assert json.loads(text) == value


@given(
    st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["</script>", "<!--<script>", "]]>", "&amp;"])
)
@settings(deadline=None)
def test_a22_no_text_leaves_its_script_element(text: str) -> None:
    """A22: whatever a visitor wrote, as an HTML parser sees it."""
    parser = Scripts()
    parser.feed(f'<script type="application/json">{html_json([text])}</script>')
    parser.close()

    assert parser.tags == ["script"]
    assert json.loads(parser.text) == [text]


def test_a22_what_has_no_json_form_is_refused() -> None:
    """A22: InvalidResponse says so."""
    with pytest.raises(InvalidResponse, match="the value for the page has no JSON form"):
        html_json({"a": object()})
