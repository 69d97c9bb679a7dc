"""One JSON text, as every wire format here writes it: compact, UTF-8, keys in the order given.

orjson, where it is installed, only makes it faster: what it would write in another way goes
through the standard library, and an orjson that disagrees for another reason is not used.
"""

import json
from collections.abc import Callable
from enum import Enum
from importlib import import_module
from typing import Any, NoReturn, Protocol
from uuid import UUID

from apptheory_streaming.errors import InvalidResponse

__all__ = ["JsonFault", "encode_json", "encode_json_line", "read_json", "scan_json"]


class _Encode(Protocol):
    def __call__(self, value: object, what: str = ..., /) -> bytes: ...


_PROBES: tuple[object, ...] = (
    {"b": [1, -0.0, True], "a": 'é\u2028\x00\x1f\x7f"\\/\b\t\n\f\r😀'},
    *(0.1, 1e15, 1e16, 1.5e17, 1e22, 123456789012345680.0, 1.7976931348623157e308, 1e-4, 2**64 - 1, -(2**63)),
)
"""What is written by orjson itself, each alone: one that goes another way would hide the others."""


class JsonFault(ValueError):  # noqa: N818 - it becomes a FormatError, which has the place
    """A text that is no JSON; `position` is the character where that shows."""

    def __init__(self, problem: str, position: int) -> None:
        """Keep the place."""
        super().__init__(problem)
        self.position = position


def read_json(text: str) -> Any:
    """Give the value of a JSON text; raises JsonFault for any other, which NaN and Infinity are too."""
    try:
        return _parse(text)
    except json.JSONDecodeError as error:
        raise JsonFault(f"no JSON: {error.msg}", error.pos) from error
    except RecursionError as error:
        raise JsonFault("no JSON that can be read: it nests too deep", 0) from error
    except ValueError as error:  # NaN, or a number with more digits than Python reads
        raise JsonFault(f"no JSON: {error}", 0) from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no value")


_decoder: Any = json.JSONDecoder(parse_constant=_refuse)  # any: type stubs leave `scan_once` out

scan_json: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once
"""Give the value that begins at a character of a text, and where it ends.

Raises StopIteration where no value begins, and ValueError or RecursionError for one that is wrong.
"""


def _parse(text: str) -> Any:
    try:
        value, end = scan_json(text, 0)  # a third of the time of `decode`, which looks for blanks around it
    except StopIteration:
        return _decoder.decode(text)  # which knows blanks, and says what is wrong
    return value if end == len(text) else _decoder.decode(text)


def _plain(value: object) -> object:
    """What stands for a value that JSON does not know."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"a value of type {type(value).__name__}")


_to_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


def _encode_plainly(value: object, what: str = "the value") -> bytes:
    try:
        return _to_text(value).encode()
    except UnicodeEncodeError as error:
        raise InvalidResponse(f"{what} has no JSON form: text without a UTF-8 form ({error.reason})") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidResponse(f"{what} has no JSON form: {error}") from error


def _encode_line_plainly(value: object, what: str = "the value") -> bytes:
    return _encode_plainly(value, what) + b"\n"


def _encode_with(orjson: Any, *, line: bool = False) -> _Encode:
    dumps: Callable[..., bytes] = orjson.dumps
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
    plainly = _encode_plainly
    if line:
        options |= orjson.OPT_APPEND_NEWLINE
        plainly = _encode_line_plainly

    def encode(value: object, what: str = "the value") -> bytes:
        try:
            text = dumps(value, None, options)
        except TypeError:  # keys that are no text, large numbers, subclasses: not all of them are wrong
            return plainly(value, what)
        found = text.decode()  # where `in` takes a tenth of its time with bytes
        if "null" in found or "e-" in found or "0.0000" in found:  # for NaN, 1e-07 and 1e-05 there
            return plainly(value, what)
        return text

    return encode


def _fastest(*, line: bool = False) -> _Encode:
    plainly = _encode_line_plainly if line else _encode_plainly
    try:
        encode = _encode_with(import_module("orjson"), line=line)
    except (ImportError, AttributeError):
        return plainly
    same = all(encode(probe) == plainly(probe) for probe in _PROBES)
    return encode if same else plainly


encode_json = _fastest()
"""Give the JSON text of a value; an Enum is its value, a UUID its text.

Raises InvalidResponse, which calls the value `what`, for one without a JSON form: NaN, infinity,
other types, text without a UTF-8 form, a value that contains itself.
"""

encode_json_line = _fastest(line=True)
"""Give the same with an LF behind it."""
