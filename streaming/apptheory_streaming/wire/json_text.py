"""One JSON text, as every wire format here writes it: compact, UTF-8, keys in the order given.

orjson, where it is installed, only makes it faster: what it would write in another way goes
through the standard library, and an orjson that disagrees for another reason is not used.
"""

import json
from collections.abc import Callable
from enum import Enum
from importlib import import_module
from typing import Any, NoReturn
from uuid import UUID

from apptheory_streaming.errors import InvalidResponse

__all__ = ["JsonFault", "encode_json", "read_json", "scan_json"]

_Dump = Callable[[object], bytes]

_PROBES: tuple[object, ...] = (
    {"b": [1, -0.0, True, None], "a": 'é\u2028\x00\x1f\x7f"\\/\b\t\n\f\r😀'},
    [0.1, 1e15, 1e16, 1.5e17, 1e22, 123456789012345680.0, 1.7976931348623157e308, 5e-324, 1e-4, 2**64 - 1, -(2**63)],
)


class JsonFault(ValueError):  # noqa: N818 - it becomes a FormatError, which has the place
    """A text that is no JSON; `position` is the character where that shows."""

    def __init__(self, problem: str, position: int) -> None:
        """Keep the place."""
        super().__init__(problem)
        self.position = position


def encode_json(value: object, what: str = "the value") -> bytes:
    """Give the JSON text of a value; an Enum is its value, a UUID its text.

    Raises InvalidResponse, which calls the value `what`, for one without a JSON form: NaN,
    infinity, other types, text without a UTF-8 form, a value that contains itself.
    """
    try:
        return _dump(value)
    except UnicodeEncodeError as error:
        raise InvalidResponse(f"{what} has no JSON form: text without a UTF-8 form ({error.reason})") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidResponse(f"{what} has no JSON form: {error}") from error


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


_decoder = json.JSONDecoder(parse_constant=_refuse)

scan_json = _decoder.raw_decode
"""Give the value that a text begins with, and where it ends; raises ValueError or RecursionError for none."""


def _parse(text: str) -> Any:
    if not text.startswith((" ", "\t", "\n", "\r")):
        value, end = scan_json(text)  # half the time of `decode`, which looks for blanks around it
        if end == len(text):
            return value
    return _decoder.decode(text)


def _plain(value: object) -> object:
    """What stands for a value that JSON does not know."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"a value of type {type(value).__name__}")


_to_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


def _dump_plainly(value: object) -> bytes:
    return _to_text(value).encode()


def _dump_with(orjson: Any) -> _Dump:
    dumps: Callable[..., bytes] = orjson.dumps
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS

    def dump(value: object) -> bytes:
        try:
            text = dumps(value, None, options)
        except TypeError:  # keys that are no text, large numbers, subclasses: not all of them are wrong
            return _dump_plainly(value)
        if b"null" in text or b"e-" in text or b"0.0000" in text:  # for NaN, 1e-07 and 1e-05 there
            return _dump_plainly(value)
        return text

    return dump


def _fastest() -> _Dump:
    try:
        dump = _dump_with(import_module("orjson"))
    except (ImportError, AttributeError):
        return _dump_plainly
    same = all(dump(probe) == _dump_plainly(probe) for probe in _PROBES)
    return dump if same else _dump_plainly


_dump = _fastest()
