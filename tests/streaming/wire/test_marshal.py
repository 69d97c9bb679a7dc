"""The JSON of a buffered value, as the official Python runtime client makes it (R0)."""

import json
import types
from collections import OrderedDict, UserDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import MarshalError
from apptheory_streaming.wire.marshal import BufferedPayload, marshal


class Point(NamedTuple):
    x: object
    y: object


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Plain(Enum):
    ONE = 1


class LoudText(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not this"


class Record:
    def _asdict(self) -> dict[str, object]:
        return {"kind": "record"}


class BadRecord:
    def _asdict(self) -> list[int]:
        return [1]


@dataclass
class Row:
    number: int = 1


# Each text was compared with what awslambdaric 4.2.2 makes of the same value.
TEXTS: list[tuple[Any, str]] = [
    (None, "null"),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-7, "-7"),
    (2**70, "1180591620717411303424"),
    (1.0, "1.0"),
    (0.1, "0.1"),
    (1e22, "1e+22"),
    (-0.0, "-0.0"),
    (float("nan"), "NaN"),
    (float("inf"), "Infinity"),
    (float("-inf"), "-Infinity"),
    ("", '""'),
    ('say "hi" \\ /', '"say \\"hi\\" \\\\ /"'),
    ("a\r\n\t\b\f\x00\x1f\x7f", '"a\\r\\n\\t\\b\\f\\u0000\\u001f\x7f"'),
    ("ä€😀\u2028\u2029<>&", '"ä€😀\u2028\u2029<>&"'),
    ([], "[]"),
    ((), "[]"),
    ({}, "{}"),
    ([1, [2, (3,)], {}], "[1, [2, [3]], {}]"),
    ({"b": 1, "a": {"c": None}}, '{"b": 1, "a": {"c": null}}'),
    (OrderedDict(z=1, a=2), '{"z": 1, "a": 2}'),
    ({2: 1, 1.5: 2, True: 3, None: 4, "s": 5}, '{"2": 1, "1.5": 2, "true": 3, "null": 4, "s": 5}'),
    ({1: "a", "1": "b"}, '{"1": "a", "1": "b"}'),
    ({float("nan"): 1, False: 2, b"k": 3}, '{"NaN": 1, "false": 2, "k": 3}'),
    (Decimal("1.10"), "1.10"),
    (Decimal("1E+3"), "1E+3"),
    (Decimal("-0"), "-0"),
    (Decimal("NaN"), "NaN"),
    (Decimal("-sNaN"), "NaN"),
    (Decimal("-Infinity"), "-Infinity"),
    ([Decimal(1), "\ue000decimal 0\ue000", Decimal(1)], '[1, "\ue000decimal 0\ue000", 1]'),
    (Point(1, [Point(2, 3)]), '{"x": 1, "y": [{"x": 2, "y": 3}]}'),
    (Record(), '{"kind": "record"}'),
    ([Colour.RED, Level.LOW], '["red", 1]'),
    ({Colour.RED: 1, Level.LOW: 2}, '{"red": 1, "1": 2}'),
    ([LoudText("text")], '["text"]'),
    ({"inner": b"caf\xc3\xa9"}, '{"inner": "café"}'),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_the_json_of_a_value(value: object, text: str) -> None:
    """R0: a buffered value is the text of the official client, in UTF-8, as application/json."""
    assert marshal(value) == BufferedPayload(text.encode(), "application/json")


def test_bytes_stay_bytes() -> None:
    """R0: a handler that returns bytes answers with them, as application/unknown."""
    assert marshal(b"\xff\x00") == BufferedPayload(b"\xff\x00", "application/unknown")


CONTAINS_ITSELF: list[object] = []
CONTAINS_ITSELF.append({"self": CONTAINS_ITSELF})


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Plain.ONE,
        {1, 2},
        frozenset(),
        range(2),
        deque([1]),
        iter([1]),
        {"a": 1}.keys(),
        bytearray(b"x"),
        memoryview(b"x"),
        1j,
        Row(),
        Point,
        datetime(2026, 1, 1, tzinfo=UTC),
        UserDict(a=1),
        types.MappingProxyType({"a": 1}),
        BadRecord(),
        ValueError("x"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("depth", [0, 1])
def test_values_without_a_json_form(value: object, depth: int) -> None:
    """R0: what the official client refuses is a MarshalError that names type and place."""
    found = {"list": [0, {"deep": value}]} if depth else value
    with pytest.raises(MarshalError) as caught:
        marshal(found)
    place = "$.list[1].deep" if depth else "$"
    assert f"{place} is of type {type(value).__name__}" in str(caught.value)


@pytest.mark.parametrize("key", [(1,), Point(1, 2), Decimal("1.5"), Plain.ONE, frozenset()])
def test_keys_without_a_json_form(key: Any) -> None:
    """R0: a key that is neither text nor a number is a MarshalError that names its type and place."""
    with pytest.raises(MarshalError, match=rf"a key of \$\.outer is of type {type(key).__name__}"):
        marshal({"outer": {key: 1}})


@pytest.mark.parametrize(
    "value",
    [CONTAINS_ITSELF, "half \ud83d", {"\ud83d": 1}, [b"\xff"], {b"\xff": 1}, 10**5000, {10**5000: 1}],
    ids=["circular", "surrogate", "surrogate key", "bytes", "bytes key", "digits", "digits in a key"],
)
def test_values_that_cannot_be_written(value: object) -> None:
    """R0: a circle, text or bytes without a UTF-8 form, and numbers too long for Python are MarshalErrors."""
    with pytest.raises(MarshalError, match="no JSON form"):
        marshal(value)


def test_a_value_may_stand_twice() -> None:
    """R0: the same list in two places is no circle."""
    shared = [1]
    assert marshal([shared, {"again": shared}]).body == b'[[1], {"again": [1]}]'


def test_a_refusal_says_how_to_stream() -> None:
    """R0: who meant to send bytes learns how."""
    with pytest.raises(MarshalError, match="StreamingResponse"):
        marshal(bytearray(b"x"))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(json_values)
@settings(deadline=None)
def test_json_values_come_back(value: object) -> None:
    """R0: reading the text gives the value, and the text is that of json.dumps without escapes."""
    body = marshal(value).body
    assert json.loads(body) == value
    assert body.decode() == json.dumps(value, ensure_ascii=False)


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False)))
@settings(deadline=None)
def test_decimals_keep_every_digit(values: list[Decimal]) -> None:
    """R0: a Decimal never goes through a float."""
    read = json.loads(marshal(values).body, parse_float=Decimal, parse_int=Decimal)
    assert [str(value) for value in read] == [str(value) for value in values]
