"""A page in parts: its shell at once, each part where it belongs as soon as it is ready."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import cast

from apptheory_streaming.errors import StreamTypeError, UsageError

__all__ = ["html_parts"]

Part = Callable[[], Awaitable[str]]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def html_parts(
    shell: str,
    parts: Mapping[str, Part],
    *,
    closing: str = "",
    on_error: Callable[[str, Exception], str] | None = None,
) -> AsyncIterator[str]:
    """Give the shell, then each part as it gets ready, then the closing: chunks for `html_stream`.

    A part is an async function that gives HTML.  Its place is `<slot name="…">` in the shell, in a
    declarative shadow root whose host is still open at the end of the shell: what stands in the
    slot is shown until the part comes, and no JavaScript is needed.  All parts are made at once;
    those that are ready at the same moment come in the order given.  What is left is cancelled
    when the page is given up.  An error of a part ends the page, unless `on_error` gives HTML for
    it.  Raises UsageError for a name that is none, or has no slot in the shell.
    """
    for name in parts:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(f"a part needs a name of ASCII letters, digits, - and _, not {name!r}")
        if f'<slot name="{name}"' not in shell:
            raise UsageError(f'the shell has no place for the part {name!r}: put <slot name="{name}"></slot> there')
    return _page(shell, parts, closing, on_error)


async def _page(
    shell: str, parts: Mapping[str, Part], closing: str, on_error: Callable[[str, Exception], str] | None
) -> AsyncIterator[str]:
    tasks: dict[str, asyncio.Future[str]] = {}
    try:
        tasks |= {name: asyncio.create_task(_made(name, part)) for name, part in parts.items()}
        yield shell
        while tasks:
            await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
            for name in [name for name, task in tasks.items() if task.done()]:
                yield f'<div slot="{name}">{_html_of(name, tasks.pop(name), on_error)}</div>'
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    yield closing


async def _made(name: str, part: Part) -> str:
    making: object = part()
    if not isinstance(making, Awaitable):
        raise UsageError(f"the part {name!r} must be an async function; it gave a {type(making).__name__} at once")
    html = await cast("Awaitable[object]", making)
    if not isinstance(html, str):
        raise StreamTypeError(f"the part {name!r} gave a {type(html).__name__}, not HTML as text")
    return html


def _html_of(name: str, task: "asyncio.Future[str]", on_error: Callable[[str, Exception], str] | None) -> str:
    try:
        return task.result()
    except Exception as error:
        if on_error is None:
            raise
        return on_error(name, error)
