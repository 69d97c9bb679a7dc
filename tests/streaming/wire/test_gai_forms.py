"""E18: the events of gai as Server-Sent Events and as lines, there and back, with exactly their keys."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming.errors import FormatError, InvalidResponse
from apptheory_streaming.wire.gai_events import (
    GaiAudioDelta,
    GaiDone,
    GaiError,
    GaiEvent,
    GaiFinishStep,
    GaiStart,
    GaiTextDelta,
    GaiToolCall,
)
from apptheory_streaming.wire.gai_forms import gai_from_line, gai_from_sse, gai_to_line, gai_to_sse, gai_type
from apptheory_streaming.wire.ndjson import encode_line
from apptheory_streaming.wire.ndjson_decoder import NdjsonDecoder
from apptheory_streaming.wire.sse import encode_event
from apptheory_streaming.wire.sse_decoder import SseDecoder, SseEvent
from gai_cases import GAI

every_event = pytest.mark.parametrize(("event", "data", "line"), GAI.values(), ids=GAI)


def test_there_is_a_case_for_every_type() -> None:
    """E18: the eleven, and raw."""
    assert {type(event) for event, _, _ in GAI.values()} == set(get_args(GaiEvent))
    assert {gai_type(event) for event, _, _ in GAI.values()} == {name.split()[0] for name in GAI}
    assert len({gai_type(event) for event, _, _ in GAI.values()}) == 12


@every_event
def test_a_server_sent_event_has_exactly_these_keys(event: GaiEvent, data: object, line: object) -> None:
    """E18: and the type as its name."""
    frame = encode_event(gai_to_sse(event, retry=None)).decode()
    name, _, rest = frame.partition("\n")

    assert name == f"event: {gai_type(event)}"
    assert json.loads(rest.removeprefix("data: ")) == data


@every_event
def test_a_line_has_exactly_these_keys(event: GaiEvent, data: object, line: object) -> None:
    """E18: on one line."""
    assert json.loads(encode_line(gai_to_line(event))) == line
    assert encode_line(gai_to_line(event)).count(b"\n") == 1


@every_event
def test_a_server_sent_event_is_read_back_under_every_cut(event: GaiEvent, data: object, line: object) -> None:
    """W3, W6: whole, byte by byte, and at every cut."""
    stream = encode_event(gai_to_sse(event))
    cuts = [[stream[at : at + 1] for at in range(len(stream))]]
    cuts += [[stream[:at], stream[at:]] for at in range(len(stream) + 1)]

    for pieces in cuts:
        decoder = SseDecoder()
        assert [gai_from_sse(each) for piece in pieces for each in decoder.feed(piece)] == [event]


@every_event
def test_a_line_is_read_back_under_every_cut(event: GaiEvent, data: object, line: object) -> None:
    """W5, W6: whole, byte by byte, and at every cut."""
    stream = encode_line(gai_to_line(event))
    cuts = [[stream[at : at + 1] for at in range(len(stream))]]
    cuts += [[stream[:at], stream[at:]] for at in range(len(stream) + 1)]

    for pieces in cuts:
        decoder = NdjsonDecoder()
        assert [gai_from_line(each) for piece in pieces for each in decoder.feed(piece)] == [event]


@given(
    st.builds(GaiTextDelta, st.text(st.characters(exclude_categories=["Cs"])))
    | st.builds(GaiAudioDelta, st.binary(), st.none() | st.dictionaries(st.text(alphabet="abc"), st.integers()))
    | st.builds(GaiToolCall, st.text(alphabet="ab\n"), st.text(alphabet="ab\n"), st.lists(st.booleans()))
    | st.builds(GaiFinishStep, st.integers())
    | st.builds(GaiError, st.text(alphabet="ab\r\n\0"))
)
def test_whatever_is_in_an_event_comes_back(event: GaiEvent) -> None:
    """E18: a round trip through both forms."""
    (read,) = SseDecoder().feed(encode_event(gai_to_sse(event)))

    assert gai_from_sse(read) == event
    assert gai_from_line(json.loads(encode_line(gai_to_line(event)))) == event


def test_an_error_says_when_to_come_back() -> None:
    """E04: 5000 milliseconds, another time, or none; no other event says so."""
    assert encode_event(gai_to_sse(GaiError("x"))) == b'event: error\nretry: 5000\ndata: {"error":"x"}\n\n'
    assert gai_to_sse(GaiError("x"), retry=100).retry == 100
    assert gai_to_sse(GaiError("x"), retry=None).retry is None
    assert gai_to_sse(GaiDone()).retry is None


def test_an_id_is_given_from_outside() -> None:
    """E03: in front of the name."""
    assert encode_event(gai_to_sse(GaiStart(), id="7")) == b'id: 7\nevent: start\ndata: {"started":true}\n\n'


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (GaiTextDelta(7), "text of text_delta must be text, not int"),  # type: ignore[arg-type]
        (GaiAudioDelta("AA=="), "audio of audio_delta must be bytes, not str"),  # type: ignore[arg-type]
        (GaiFinishStep(True), "step_number of finish_step must be a whole number, not bool"),
        (GaiToolCall("t", None), "tool_name of tool_call must be text, not NoneType"),  # type: ignore[arg-type]
        ({"type": "start"}, "an event of gai must be one of its types, not dict"),
    ],
    ids=["text", "audio", "step", "tool", "dict"],
)
def test_what_no_event_can_have_is_refused(event: Any, message: str) -> None:
    """E18: by both forms, with the name of the field."""
    for to_form in (gai_to_sse, gai_to_line):
        with pytest.raises(InvalidResponse) as failure:
            to_form(event)
        assert str(failure.value) == message


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("message", "{}", "there is no type of event 'message', only start, text_delta, audio_delta, "),
        ("text_delta", "{}", "needs \"text\" (event 'text_delta')"),
        ("text_delta", "[]", "needs an object, and has list (event 'text_delta')"),
        ("text_delta", '{"text":1}', "\"text\" must be text, not int (event 'text_delta')"),
        ("text_delta", "{", "data is no JSON: Expecting property name enclosed in double quotes (event 'text_delta')"),
        ("audio_delta", '{"audio":"?","format":null}', "\"audio\" is no base64 (event 'audio_delta')"),
        ("audio_delta", '{"audio":"é","format":null}', "\"audio\" is no base64 (event 'audio_delta')"),
        ("finish_step", '{"step_number":1.5}', '"step_number" must be a whole number, not float'),
    ],
    ids=["type", "missing", "list", "kind", "JSON", "base64", "beyond ASCII", "number"],
)
def test_a_server_sent_event_that_is_none_is_refused(name: str, data: str, message: str) -> None:
    """E18: what is missing or wrong is named."""
    with pytest.raises(FormatError) as failure:
        gai_from_sse(SseEvent(data, name))
    assert str(failure.value).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([], 'a line needs a "type" that is text (got list)'),
        ({"text": "a"}, 'a line needs a "type" that is text (got dict)'),
        ({"type": 1}, 'a line needs a "type" that is text (got dict)'),
        ({"type": "tool_call"}, "needs \"tool_call\", an object (event 'tool_call')"),
        ({"type": "tool_call", "tool_call": {"id": "1", "input": 2}}, "needs \"name\" (event 'tool_call')"),
        ({"type": "nothing"}, "there is no type of event 'nothing', only start, "),
    ],
    ids=["list", "no type", "number", "flat", "missing", "unknown"],
)
def test_a_line_that_is_none_is_refused(line: object, message: str) -> None:
    """E18: what is missing or wrong is named."""
    with pytest.raises(FormatError) as failure:
        gai_from_line(line)
    assert str(failure.value).startswith(message)


def test_more_keys_than_there_must_be_are_no_fault() -> None:
    """E11: a timestamp, and whatever a later version adds."""
    assert gai_from_line({"type": "text_delta", "text": "a", "timestamp": 1, "new": 2}) == GaiTextDelta("a")
    assert gai_from_sse(SseEvent('{"text":"a","new":2}', "text_delta")) == GaiTextDelta("a")
