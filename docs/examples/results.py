"""A search that hands on each hit when it is found, as NDJSON.

    apptheory-emulate docs/examples/results.py:handler
    curl -N 'http://127.0.0.1:3000/?q=sea'
    curl -N 'http://127.0.0.1:3000/?q=the&limit=3'

Nothing is collected: a client that has enough leaves, or asks for so many, and the shelves behind
are never searched.  The last line counts the hits, so a client that has it has them all.
RESULTS_SECONDS is how long one shelf takes.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

from apptheory_streaming import AppError, LambdaContext, StreamingResponse

SHELVES = {
    "voyages": ("The Odyssey", "Twenty Thousand Leagues under the Sea", "The Voyage of the Beagle"),
    "poems": ("The Sea and the Mirror", "Die Ältesten", "Leaves of Grass"),
    "kitchen": ("On Food and Cooking", "The Art of Fermentation"),
    "islands": ("The Old Man and the Sea", "Treasure Island", "あの島"),
}


async def handler(event: dict[str, Any], context: LambdaContext) -> StreamingResponse:
    parameters: dict[str, str] = event.get("queryStringParameters") or {}
    word = parameters.get("q", "").casefold()
    if not word:
        raise AppError("app.bad_request", "Say what to look for, such as ?q=sea.")
    limit = parameters.get("limit", "100")
    if not limit.isdecimal() or int(limit) == 0:
        raise AppError("app.bad_request", f"limit is a whole number from 1, not {limit!r}.")
    headers = {"content-type": "application/x-ndjson", "cache-control": "no-cache"}
    return StreamingResponse(found(word, int(limit)), headers=headers)


async def found(word: str, limit: int) -> AsyncIterator[str]:
    hits = 0
    for shelf in SHELVES:
        for title in (await search(shelf, word))[: limit - hits]:
            yield line({"title": title, "shelf": shelf})
            hits += 1
        if hits == limit:
            break
    yield line({"hits": hits})


async def search(shelf: str, word: str) -> list[str]:
    """Stand for one query of a catalogue."""
    await asyncio.sleep(float(os.environ.get("RESULTS_SECONDS", "0.4")))
    return [title for title in SHELVES[shelf] if word in title.casefold()]


def line(item: dict[str, object]) -> str:
    return json.dumps(item, ensure_ascii=False) + "\n"
