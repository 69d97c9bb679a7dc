"""W2, W5: one JSON text, the same bytes with and without orjson, and what reads it back."""

import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire import json_text
from apptheory_streaming.wire.json_text import JsonFault, encode_json, read_json
from ndjson_cases import NO_JSON, SENT


class Pair(NamedTuple):
    left: int
    right: int


class Text(str):
    __slots__ = ()


class Number(float):
    pass


class Kind(Enum):
    LIST = ("a", 1)


DIFFERENT: list[object] = [
    *(item for item, _, _ in SENT.values()),
    *(item for item, _ in NO_JSON.values()),
    1e-5,
    1.5e-9,
    1e-10,
    1e16,
    1e-300,
    [5e-324, 1.7976931348623157e308],
    {"a": [None, "null", "e-7", 1e-7]},
    -(2**63),
    -(2**63) - 1,
    2**64,
    [Pair(1, 2), Text("x"), Number(1.5)],
    {Text("a"): 1},
    Kind.LIST,
    {"id": UUID(int=1), "kind": Kind.LIST},
    datetime(2026, 1, 1, tzinfo=UTC),
    date(2026, 1, 1),
    Decimal("1.5"),
    SimpleNamespace(a=1),
    bytearray(b"x"),
    float("nan"),
    [float("inf"), None],
    {"a": float("nan")},
]
"""What orjson writes in another way, or takes and should not, or should take and does not."""

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.uuids() | st.sampled_from(Kind),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


def said(dump: Any, value: object) -> object:
    """The bytes of a value, or the type of what is raised."""
    try:
        return dump(value)
    except Exception as error:  # noqa: BLE001 - which one it is, is what is compared
        return type(error)


@pytest.mark.parametrize("value", DIFFERENT, ids=[f"{at}-{type(value).__name__}" for at, value in enumerate(DIFFERENT)])
def test_orjson_gives_the_same_bytes(value: object) -> None:
    """W5: or the same refusal."""
    orjson = pytest.importorskip("orjson")

    assert said(json_text._encode_with(orjson), value) == said(json_text._encode_plainly, value)
    assert said(json_text._encode_with(orjson, line=True), value) == said(json_text._encode_line_plainly, value)


@given(plain_values)
@settings(deadline=None)
def test_orjson_gives_the_same_bytes_for_anything(value: object) -> None:
    """W5: whatever a handler may send."""
    fast = json_text._encode_with(pytest.importorskip("orjson"))

    assert said(fast, value) == said(json_text._encode_plainly, value)


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_orjson_writes_numbers_as_python_does(number: float) -> None:
    """W5: an exponent too."""
    fast = json_text._encode_with(pytest.importorskip("orjson"))

    assert fast([number]) == json.dumps([number]).encode()


def test_orjson_is_used_where_it_is_installed() -> None:
    """W5: the module has tried it."""
    pytest.importorskip("orjson")

    assert encode_json is not json_text._encode_plainly
    assert json_text._fastest() is not json_text._encode_plainly


def other_orjson(dumps: Any) -> ModuleType:
    """A module of that name that writes in its own way."""
    module: Any = ModuleType("orjson")
    module.OPT_PASSTHROUGH_DATACLASS = module.OPT_PASSTHROUGH_DATETIME = module.OPT_PASSTHROUGH_SUBCLASS = 0
    module.dumps = dumps
    return module  # type: ignore[no-any-return]


def test_an_orjson_that_writes_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """W5: the bytes of a response do not hang on what is installed."""
    monkeypatch.setitem(sys.modules, "orjson", other_orjson(lambda value, default, options: b"{}"))
    assert json_text._fastest() is json_text._encode_plainly

    def exponents_of_old(value: object, default: object, options: object) -> bytes:
        return json_text._encode_plainly(value).replace(b"e+", b"e")  # as orjson 3.10 has 1e16

    monkeypatch.setitem(sys.modules, "orjson", other_orjson(exponents_of_old))
    assert json_text._fastest() is json_text._encode_plainly

    monkeypatch.setitem(sys.modules, "orjson", ModuleType("orjson"))
    assert json_text._fastest() is json_text._encode_plainly

    monkeypatch.setitem(sys.modules, "orjson", None)
    assert json_text._fastest() is json_text._encode_plainly

    same = other_orjson(lambda value, default, options: json_text._encode_plainly(value))
    monkeypatch.setitem(sys.modules, "orjson", same)
    assert json_text._fastest() is not json_text._encode_plainly


def test_the_message_calls_the_value_by_its_name() -> None:
    """W5: whoever encodes says what it was."""
    with pytest.raises(InvalidResponse, match=r"^the third row has no JSON form: a value of type object$"):
        encode_json([object()], "the third row")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), (" [1, 2]\t", [1, 2]), ("\n{}\r\n", {}), ('"a b "', "a b "), ("1e400", float("inf"))],
    ids=repr,
)
def test_a_text_is_read_with_blanks_around_it(text: str, value: object) -> None:
    """W5: as the standard library reads it."""
    assert read_json(text) == value


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        (" ", 1),
        ("[1, x]", 4),
        ("1 2", 2),
        (" 1 2", 3),
        ("é x", 0),
        ('"é" x', 4),
        ("[NaN]", 0),
        ("Infinity", 0),
    ],
    ids=repr,
)
def test_a_fault_has_the_character_where_it_shows(text: str, position: int) -> None:
    """W5: constants that JSON does not have are refused as a whole."""
    with pytest.raises(JsonFault, match=r"^no JSON") as caught:
        read_json(text)
    assert caught.value.position == position
