"""Chunks as OpenAI streams them: Server-Sent Events without names, and `[DONE]` behind the last.

Source: https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from collections.abc import Iterable
from typing import Any

from apptheory_streaming.errors import FormatError
from apptheory_streaming.wire.json_text import JsonFault, read_json
from apptheory_streaming.wire.sse_decoder import SseEvent

__all__ = ["OPENAI_DONE", "read_openai_chunks"]

OPENAI_DONE = "[DONE]"
"""The data of the last event."""


def read_openai_chunks(events: Iterable[SseEvent]) -> list[Any]:
    """Give the value of each chunk of a whole stream.

    Raises FormatError for data that are no JSON, for a stream without `[DONE]`, and for what comes
    behind it.
    """
    chunks: list[Any] = []
    done = False
    for index, event in enumerate(events):
        if done:
            raise FormatError(f"an event behind {OPENAI_DONE}", where=f"event {index}")
        done = event.data == OPENAI_DONE
        if not done:
            try:
                chunks.append(read_json(event.data))
            except JsonFault as fault:
                raise FormatError(f"data is {fault}", where=f"event {index}") from fault
    if not done:
        raise FormatError(f"{OPENAI_DONE} is missing", where=f"behind {len(chunks)} chunks")
    return chunks
