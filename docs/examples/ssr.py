"""A page rendered on the server: the shell at once, every part of it when its data is there.

    apptheory-emulate docs/examples/ssr.py:handler
    curl -N 'http://127.0.0.1:3000/?guest=Ada'

The shell holds a placeholder for each part.  A part names the placeholder that it replaces by
`slot`, so parts come in the order in which they get ready and the page needs no JavaScript.
SSR_SECONDS is how long the fastest source takes.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from html import escape
from typing import Any, TypeVar

from apptheory_streaming import AppError, LambdaContext, StreamingResponse, html_stream

T = TypeVar("T")

SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Café Lambda</title>
<style>:root {{ color-scheme: light dark; font: 1.1rem/1.6 system-ui, sans-serif }}
body {{ max-width: 36rem; margin: 2rem auto; padding: 0 1rem }}</style>
</head>
<body>
<h1>Good day, {guest}!</h1>
<main><template shadowrootmode="open">
<h2>Menu</h2><slot name="menu">Asking the kitchen …</slot>
<h2>Guests say</h2><slot name="reviews">Looking for the guest book …</slot>
<h2>Seats</h2><slot name="seats">Counting …</slot>
</template>
"""
CLOSING = "</main>\n</body>\n</html>\n"


async def handler(event: dict[str, Any], context: LambdaContext) -> StreamingResponse:
    if event["rawPath"] != "/":
        raise AppError("app.not_found", f"There is no page {event['rawPath']}.")
    parameters: dict[str, str] = event.get("queryStringParameters") or {}
    return html_stream(page(parameters.get("guest", "stranger")))


async def page(guest: str) -> AsyncIterator[str]:
    yield SHELL.format(guest=escape(guest))
    parts = [asyncio.create_task(part) for part in (seats(), menu(), reviews())]
    try:
        for ready in asyncio.as_completed(parts):
            yield await ready
    finally:
        for part in parts:  # those of a reader who left
            part.cancel()
    yield CLOSING


async def seats() -> str:
    free = await fetched(4, effort=1)
    return f'<p slot="seats">{free} seats are free.</p>\n'


async def menu() -> str:
    dishes = await fetched(["Soup of the day", "Fish & chips", "Crème brûlée"], effort=2)
    return f'<ul slot="menu">{"".join(f"<li>{escape(dish)}</li>" for dish in dishes)}</ul>\n'


async def reviews() -> str:
    words = await fetched(["I <3 the soup.", "Say “hi” to the cook!"], effort=3)
    return f'<div slot="reviews">{"".join(f"<p>{escape(review)}</p>" for review in words)}</div>\n'


async def fetched(data: T, *, effort: int) -> T:
    """Stand for a database that takes its time."""
    await asyncio.sleep(effort * float(os.environ.get("SSR_SECONDS", "0.5")))
    return data
