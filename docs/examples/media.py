"""A sound that is made while it plays: binary chunks of 8 KB from a handler that is not async.

    apptheory-emulate docs/examples/media.py:handler
    curl -o tone.wav 'http://127.0.0.1:3000/tone.wav?hertz=440&seconds=3'

The samples are a triangle wave in whole numbers, so every machine makes the same bytes.  Where a
file lies ready, let the client fetch it from S3: this is for media that are made as they are sent.
"""

import struct
from collections.abc import Iterator
from typing import Any

from apptheory_streaming import AppError, LambdaContext, StreamingResponse

RATE = 16_000  # samples a second, each of two bytes
LOUDNESS = 8_000
CHUNK = 8_192
HEADER = struct.Struct("<4sI4s 4sIHHIIHH 4sI")


def handler(event: dict[str, Any], context: LambdaContext) -> StreamingResponse:
    if event["rawPath"] != "/tone.wav":
        raise AppError("app.not_found", f"There is no sound at {event['rawPath']}.")
    hertz, seconds = number(event, "hertz", 440, most=4_000), number(event, "seconds", 3, most=600)
    headers = {"content-type": "audio/wav", "cache-control": "no-store"}
    return StreamingResponse(chunks(sound(hertz, seconds * RATE)), headers=headers)


def number(event: dict[str, Any], name: str, default: int, *, most: int) -> int:
    parameters: dict[str, str] = event.get("queryStringParameters") or {}
    given = parameters.get(name, str(default))
    if not given.isdecimal() or not 1 <= int(given) <= most:
        raise AppError("app.bad_request", f"{name} is a whole number from 1 to {most}, not {given!r}.")
    return int(given)


def sound(hertz: int, samples: int) -> Iterator[bytes]:
    size = samples * 2
    yield HEADER.pack(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16, b"data", size)
    for sample in range(samples):
        phase = sample * hertz * 4 % (RATE * 4)  # a turn is four quarters: up, down, down, up
        height = abs(phase - RATE * 2) - RATE
        yield struct.pack("<h", height * LOUDNESS // RATE)


def chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces: a chunk for each sample would be all overhead."""
    chunk = bytearray()
    for piece in pieces:
        chunk += piece
        if len(chunk) >= CHUNK:
            yield bytes(chunk[:CHUNK])
            del chunk[:CHUNK]
    if chunk:
        yield bytes(chunk)
