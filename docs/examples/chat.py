"""A chat that answers token by token, as Server-Sent Events.

    apptheory-emulate docs/examples/chat.py:handler
    curl -N 'http://127.0.0.1:3000/chat?q=hello'

Or open http://127.0.0.1:3000/ and type.  The model is a handful of rules, so there is no key, no
network, and one answer to a question.  CHAT_TOKEN_SECONDS is the pause between two tokens.

A stream that fails half-way ends on AWS like one that is complete, so `done` is the last event of
every whole answer: a client that has not seen it knows that the rest is missing.
"""

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from apptheory_streaming import (
    AppError,
    LambdaContext,
    ServerSentEvent,
    StreamingResponse,
    html_stream,
    sse_stream,
)

PAGE = Path(__file__).with_name("chat.html").read_bytes()

RULES = {
    "ANSWER": ("OPENING VIEW TURN ENDING", "OPENING SCENE TURN ENDING", "OPENING VIEW SCENE TURN ENDING"),
    "OPENING": ("You ask about TOPIC .", "Ah , TOPIC !", "So it is TOPIC today .", "Let me think about TOPIC …"),
    "VIEW": ("I believe that CLAIM", "My guess : CLAIM", "Nobody doubts that CLAIM"),
    "SCENE": ("Token by token , CLAIM", "While others wait , CLAIM", "With a ☕ , CLAIM"),
    "TURN": ("And yet CLAIM", "Then again , CLAIM", "Even so , CLAIM"),
    "CLAIM": ("THING VERB GOAL .",) * 3,  # an answer has three at most
    "THING": ("a small stream", "the first word", "a patient reader", "every honest answer", "half a sentence"),
    "VERB": ("finds", "carries", "keeps", "is worth", "leads to"),
    "GOAL": ("its own way", "the whole story", "more than it promised", "a quiet café", "the next good question"),
    "ENDING": ("Does that help ?", "Ask again — I shall say the same .", "What would you add ?"),
}


async def handler(event: dict[str, Any], context: LambdaContext) -> StreamingResponse:
    match event["requestContext"]["http"]["method"], event["rawPath"]:
        case "GET" | "HEAD", "/":
            return html_stream(PAGE)
        case "GET" | "POST" as method, "/chat":
            question = asked_by_query(event) if method == "GET" else asked_by_body(event)
            if not question.strip():
                raise AppError("app.bad_request", "The question is empty: ask something.")
            return sse_stream(answer(question, context.aws_request_id))
        case method, "/" | "/chat" as path:
            raise AppError("app.method_not_allowed", f"{path} does not take {method}.")
        case _, path:
            raise AppError("app.not_found", f"There is nothing at {path}.")


def asked_by_query(event: dict[str, Any]) -> str:
    parameters: dict[str, str] = event.get("queryStringParameters") or {}
    return parameters.get("q", "")


def asked_by_body(event: dict[str, Any]) -> str:
    body = event.get("body") or ""
    try:
        message = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)["message"]
    except (ValueError, KeyError, TypeError):
        message = None
    if not isinstance(message, str):
        raise AppError("app.bad_request", 'Send JSON such as {"message": "hello"}.')
    return message


async def answer(question: str, request_id: str) -> AsyncIterator[ServerSentEvent]:
    pause = float(os.environ.get("CHAT_TOKEN_SECONDS", "0.04"))
    yield ServerSentEvent({"model": "rules-1", "request_id": request_id}, event="start")
    count = 0
    for token in think(question):
        yield ServerSentEvent({"text": token}, event="token")
        count += 1
        await asyncio.sleep(pause)
    yield ServerSentEvent({"reason": "stop", "tokens": count}, event="done")


def think(question: str) -> Iterator[str]:
    """Expand the rules from left to right, each phrase once: a word is given before the next is chosen."""
    topic = max(re.findall(r"\w+", question), key=len, default="that")
    unused = {name: list(phrases) for name, phrases in RULES.items()} | {"TOPIC": [f"“{topic}”"]}
    seed = sum(place * ord(character) for place, character in enumerate(question, 1))
    words, space = ["ANSWER"], ""
    while words:
        word = words.pop()
        if word in unused:
            seed = (seed * 48271 + 11) % 2147483647
            words += reversed(unused[word].pop(seed % len(unused[word])).split())
        else:
            yield word if word in ".,:!?…" else f"{space}{word}"
            space = " "
