"""A long job that says how far it is, a line for each step.

    apptheory-emulate docs/examples/progress.py:handler
    curl -N 'http://127.0.0.1:3000/?photos=5'

The handler has the shape of the Node runtime: it is given a stream, and writes.  A photo that
cannot be used is a line like the others, since the status is sent long before; the last line says
that nothing is missing.  PROGRESS_SECONDS is how long one photo takes.
"""

import asyncio
import os
import time
from typing import Any

from apptheory_streaming import AppError, HttpResponseStream, LambdaContext, streamify_response

ALBUM = ("lighthouse.jpg", "café.png", "notes.txt", "harbour.jpg", "猫.webp", "storm.jpg")
MOST_PHOTOS = 100


@streamify_response
async def handler(event: dict[str, Any], stream: HttpResponseStream, context: LambdaContext) -> None:
    total = photo_count(event)
    stream = HttpResponseStream.from_(
        stream, {"statusCode": 200, "headers": {"content-type": "text/plain; charset=utf-8"}}
    )
    began, shrunk = time.monotonic(), 0
    await stream.write(f"Starting: {total} photos\n")
    for number in range(1, total + 1):
        name = ALBUM[(number - 1) % len(ALBUM)]
        done = await shrink(name)
        shrunk += done
        await stream.write(f"[{number}/{total}] {name}{'' if done else ': skipped, not a photo'}\n")
    await stream.end(f"Complete: {shrunk} of {total} photos in {time.monotonic() - began:.1f} s\n")


def photo_count(event: dict[str, Any]) -> int:
    parameters: dict[str, str] = event.get("queryStringParameters") or {}
    given = parameters.get("photos", "10")
    if not given.isdecimal() or int(given) > MOST_PHOTOS:
        raise AppError("app.bad_request", f"photos is a whole number from 0 to {MOST_PHOTOS}, not {given!r}.")
    return int(given)


async def shrink(name: str) -> bool:
    """Stand for work on an image; false for a file that is none."""
    await asyncio.sleep(float(os.environ.get("PROGRESS_SECONDS", "0.5")))
    return not name.endswith(".txt")
