"""The golden vectors: files that other implementations can use, and what ours makes of them at the cuts they name."""

import json
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apptheory_fixtures import load
from apptheory_streaming.errors import FormatError, InvalidResponse
from apptheory_streaming.wire.data_stream import DataStreamDecoder
from apptheory_streaming.wire.event_stream import EventStreamDecoder
from apptheory_streaming.wire.ndjson_decoder import NdjsonDecoder
from apptheory_streaming.wire.prelude import PreludeDecoder
from apptheory_streaming.wire.sse_decoder import SseDecoder
from apptheory_streaming.wire.ui_message_stream import UiMessageDecoder
from wire_vectors import FORMATS, Vector, decoded, pieces, refused

Read = Callable[[Iterable[bytes]], Any]


def reading(decoder: Callable[[], Any]) -> Read:
    """Feeds a new decoder, and gives what it found and what was wrong."""

    def read(parts: Iterable[bytes]) -> Any:
        new, found = decoder(), []
        try:
            for part in parts:
                found += new.feed(part)
            found += new.close() or ()
        except FormatError as error:
            return str(error)  # what was found in the same piece is lost with it
        return found, str(getattr(new, "error", None))

    return read


def prelude(parts: Iterable[bytes]) -> Any:
    """The head, the body, and what was wrong."""
    decoder = PreludeDecoder()
    try:
        body = b"".join([decoder.feed(part) for part in parts])
        decoder.close()
    except InvalidResponse as error:
        return str(error)
    return decoder.head, body


READERS: dict[str, Read] = {
    "data_stream": reading(DataStreamDecoder),
    "event_stream": reading(EventStreamDecoder),
    "ndjson": reading(NdjsonDecoder),
    "prelude": prelude,
    "sse": reading(SseDecoder),
    "ui_message_stream": reading(UiMessageDecoder),
}


def test_every_format_has_its_file() -> None:
    """And none has two."""
    names = [file.name for file in files("apptheory_fixtures").joinpath("wire").iterdir()]

    assert sorted(names) == [f"{wire}.json" for wire in FORMATS]
    assert [load(f"wire/{wire}.json")["format"] for wire in FORMATS] == FORMATS


@pytest.mark.parametrize("wire", FORMATS)
def test_a_file_is_as_its_schema_says(wire: str) -> None:
    """And a name stands for one vector of its kind."""
    document = load(f"wire/{wire}.json")
    names = [(kind, each["name"]) for kind in ("decode", "refuse", "encode") for each in document[kind]]

    Draft202012Validator(load("wire.schema.json")).validate(document)
    assert len(names) == len(set(names))
    assert [vector for vector in with_cuts(wire) if sorted_cuts(vector) != vector.cuts] == []


def sorted_cuts(vector: Vector) -> list[list[int]]:
    """The cuts as they have to be: within the stream, and rising."""
    return [sorted({cut for cut in cuts if 0 < cut < len(vector.stream)}) for cuts in vector.cuts]


def with_cuts(wire: str) -> list[Vector]:
    """All streams of a file."""
    return [*decoded(wire).values(), *refused(wire).values()]


@pytest.mark.parametrize("wire", FORMATS)
def test_a_stream_means_the_same_at_the_cuts_that_are_named(wire: str) -> None:
    """W6: what it means is held by the tests of each format."""
    read = READERS[wire]

    for vector in with_cuts(wire):
        whole = read([vector.stream])
        for cuts in vector.cuts:
            assert read(pieces(vector.stream, cuts)) == whole, (vector, cuts)


def test_the_schemas_are_json_schemas() -> None:
    """Every `*.schema.json` of the fixtures is one itself."""
    found = [file for file in files("apptheory_fixtures").iterdir() if file.name.endswith(".schema.json")]

    assert "wire.schema.json" in [file.name for file in found]
    for file in found:
        Draft202012Validator.check_schema(json.loads(file.read_text(encoding="utf-8")))
