"""The encoder of Server-Sent Events (W2)."""

import json
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import FrameInjection, InvalidResponse
from apptheory_streaming.wire.sse import ServerSentEvent, encode_event
from apptheory_streaming.wire.sse_gap import KEEP_ALIVE, ends_event
from sse_cases import SENT

utf8_text = st.text(st.characters(exclude_categories=["Cs"]))
one_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))


@pytest.mark.parametrize(("event", "stream"), [case[:2] for case in SENT.values()], ids=SENT)
def test_the_bytes_of_an_event(event: ServerSentEvent, stream: bytes) -> None:
    """W2: comment, id, event, retry, one data line for each line of the data, and a blank line."""
    assert encode_event(event) == stream


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"b":1,"a":[true,null]}'),
        (["é", "😀"], '["é","😀"]'),
        (0, "0"),
        (False, "false"),
        (1.5, "1.5"),
        ({"text": "a\nb"}, '{"text":"a\\nb"}'),
    ],
)
def test_other_data_is_json(data: object, text: str) -> None:
    """W2: compact, UTF-8, keys in the order given, and always one line."""
    assert encode_event(ServerSentEvent(data)) == f"data: {text}\n\n".encode()


def test_sorted_keys_on_demand() -> None:
    """W2: sort_keys sorts at every depth; without it the order given stands."""
    event = ServerSentEvent({"b": {"d": 1, "c": 2}, "a": 3})
    assert encode_event(event, sort_keys=True) == b'data: {"a":3,"b":{"c":2,"d":1}}\n\n'
    assert encode_event(event) == b'data: {"b":{"d":1,"c":2},"a":3}\n\n'


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\r\n"])
@pytest.mark.parametrize("field", ["id", "event"])
def test_structure_inside_a_field(field: str, character: str) -> None:
    """W2: CR, LF and NUL in `id` or `event` are a FrameInjection that names field and position."""
    for value in (f"ab{character}cd", f"ab{character}"):
        event = ServerSentEvent("x", id=value) if field == "id" else ServerSentEvent("x", event=value)
        with pytest.raises(FrameInjection, match=rf"^{field} .*position 2"):
            encode_event(event)


@pytest.mark.parametrize("retry", [-1, 1.5, True, "1000"])
def test_a_retry_that_is_no_number_of_milliseconds(retry: Any) -> None:
    """W2: anything but a whole number from 0 is InvalidResponse."""
    with pytest.raises(InvalidResponse, match="retry"):
        encode_event(ServerSentEvent(retry=retry))


CIRCULAR: list[object] = []
CIRCULAR.append(CIRCULAR)


@pytest.mark.parametrize("data", [object(), {1, 2}, b"bytes", float("nan"), [float("inf")], {(1,): 2}, CIRCULAR])
def test_data_without_a_json_form(data: object) -> None:
    """W2: a browser must be able to parse it, so NaN and the like are InvalidResponse."""
    with pytest.raises(InvalidResponse, match="JSON"):
        encode_event(ServerSentEvent(data))


@pytest.mark.parametrize(
    "event",
    [
        ServerSentEvent("\ud800"),
        ServerSentEvent({"a": "\ud800"}),
        ServerSentEvent(id="\ud800"),
        ServerSentEvent(comment="\ud800"),
    ],
)
def test_text_without_a_utf8_form(event: ServerSentEvent) -> None:
    """W2: a lone surrogate is InvalidResponse in every field."""
    with pytest.raises(InvalidResponse, match="UTF-8"):
        encode_event(event)


@pytest.mark.parametrize("field", ["id", "event", "comment"])
def test_fields_that_are_no_text(field: str) -> None:
    """W2: a number as id, event or comment is InvalidResponse that names the field."""
    fields: dict[str, Any] = {field: 7}
    with pytest.raises(InvalidResponse, match=f"^{field} of an event must be text, not int"):
        encode_event(ServerSentEvent(**fields))


class Kind(str, Enum):  # noqa: UP042 - a StrEnum has its value as `str`
    """Text whose `str` is another: `Kind.TOKEN`."""

    TOKEN = "token"


class Wait(int, Enum):
    """The same for numbers."""

    SHORT = 500


class Shown(str):
    """Text that would break out where it is formatted."""

    __slots__ = ()

    def __str__(self) -> str:
        return "a\nevent: b"

    def __format__(self, spec: str) -> str:
        return str(self)


def test_subclasses_of_text_are_their_text() -> None:
    """W2: an Enum of texts is its value, as in JSON; what was checked is what is sent."""
    sent = encode_event(ServerSentEvent(Kind.TOKEN, event=Kind.TOKEN, id=Kind.TOKEN, retry=Wait.SHORT))
    assert sent == b"id: token\nevent: token\nretry: 500\ndata: token\n\n"

    shown = Shown("x")
    sent = encode_event(ServerSentEvent(shown, event=shown, id=shown, comment=shown))
    assert sent == b": x\nid: x\nevent: x\ndata: x\n\n"


def test_an_injection_is_an_invalid_response() -> None:
    """W2: who handles InvalidResponse handles FrameInjection."""
    assert issubclass(FrameInjection, InvalidResponse)


@given(data=utf8_text, comment=st.none() | utf8_text, identity=st.none() | one_line, name=st.none() | one_line)
@settings(deadline=None)
def test_no_text_breaks_out_of_its_event(
    data: str, comment: str | None, identity: str | None, name: str | None
) -> None:
    """W2: whatever the text, there is one blank line, at the end, and each field says what was given."""
    block = encode_event(ServerSentEvent(data, name, identity, comment=comment)).decode()
    assert block.endswith("\n\n")
    lines = block.removesuffix("\n\n").split("\n")
    assert all(lines)
    assert not any("\r" in line for line in lines)
    normal = data.replace("\r\n", "\n").replace("\r", "\n")
    assert "\n".join(line.removeprefix("data: ") for line in lines if line.startswith("data: ")) == normal
    assert [line for line in lines if line.startswith("id: ")] == ([] if identity is None else [f"id: {identity}"])
    assert [line for line in lines if line.startswith("event: ")] == ([] if name is None else [f"event: {name}"])
    assert any(line.startswith(": ") for line in lines) is (comment is not None)


@given(
    st.recursive(
        st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | utf8_text,
        lambda inner: st.lists(inner) | st.dictionaries(utf8_text, inner),
        max_leaves=10,
    ).filter(lambda value: not isinstance(value, str))
)
@settings(deadline=None)
def test_json_data_is_one_line_that_reads_back(value: object) -> None:
    """W2: JSON data never holds a line break of its own."""
    block = encode_event(ServerSentEvent(value)).decode()
    assert block.count("\n") == 2
    assert json.loads(block.removeprefix("data: ")) == value


def test_a_heartbeat_is_a_comment() -> None:
    """W4: what a client reads and forgets."""
    assert encode_event(ServerSentEvent(comment="keep-alive")) == KEEP_ALIVE


@pytest.mark.parametrize("first", [b"\n", b"\r", b"\r\n"], ids=repr)
@pytest.mark.parametrize("second", [b"\n", b"\r", b"\r\n"], ids=repr)
def test_two_line_ends_end_an_event(first: bytes, second: bytes) -> None:
    """W4: of any kind, save a CR and an LF, which are one."""
    assert ends_event(b"data: a" + first + second) == ((first, second) != (b"\r", b"\n"))


@pytest.mark.parametrize(
    "rest", [b"d", b"data: a", b"data: a\n", b"data: a\r", b"data: a\r\n", b"data: a\n\n:"], ids=repr
)
def test_nothing_else_does_but_the_beginning(rest: bytes) -> None:
    """W4: a comment here would become part of the event."""
    assert not ends_event(rest)
    assert ends_event(b"")
