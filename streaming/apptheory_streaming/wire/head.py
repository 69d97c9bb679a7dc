"""The head of a response: status, headers and cookies, in the one form that every sink takes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from apptheory_streaming.errors import InvalidResponse

__all__ = [
    "DEFAULT_CONTENT_TYPE",
    "Head",
    "HeaderInput",
    "head_from_fields",
    "make_head",
    "merge_case_variants",
    "normalize_cookies",
    "normalize_headers",
    "normalize_status",
]

DEFAULT_CONTENT_TYPE = "application/octet-stream"

HeaderInput = Mapping[str, object]
"""Header name -> one value, or a list of values; numbers and booleans become text (rule R5)."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2
_FORBIDDEN = re.compile(r"[\r\n\0]")  # RFC 9110, section 5.5
_DIGITS = re.compile(r"[0-9]{1,3}")
_BYTES_LIKE = (bytes, bytearray, memoryview)


@dataclass(frozen=True, slots=True)
class Head:
    """Status, headers (lower-case name -> values in order) and Set-Cookie values in order.

    `reason` is the phrase behind the status where a front has one of its own; empty is the usual one.
    """

    status: int = 200
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    reason: str = ""

    @property
    def bodyless(self) -> bool:
        """Whether HTTP allows no body after this status: 1xx, 204 and 304 (RFC 9110, section 6.4.1)."""
        return self.status < 200 or self.status in (204, 304)

    @property
    def content_type(self) -> str:
        """The first Content-Type value, or an empty string."""
        return next(iter(self.headers.get("content-type", ())), "")


def make_head(
    status: object = None,
    headers: HeaderInput | None = None,
    cookies: Iterable[object] | None = (),
    *,
    default_content_type: str | None = DEFAULT_CONTENT_TYPE,
) -> Head:
    """Check and normalise a head by rules R4 to R6; raises InvalidResponse naming what is wrong."""
    values = normalize_headers(headers)
    set_cookies = values.pop("set-cookie", ())
    if default_content_type is not None:
        values.setdefault("content-type", (default_content_type,))
    return Head(normalize_status(status), values, (*normalize_cookies(cookies), *set_cookies))


def head_from_fields(fields: Mapping[str, object], **options: str | None) -> Head:
    """Read a head from `statusCode`, `headers`, `multiValueHeaders` and `cookies`.

    For a name in both maps the second wins (API Gateway's rule).  Takes the options of make_head.
    """
    headers = _fields_map(fields, "headers")
    several = _fields_map(fields, "multiValueHeaders")
    named = {_lower(name) for name in several}
    kept = {name: value for name, value in headers.items() if _lower(name) not in named}
    cookies = fields.get("cookies")
    if cookies is not None and not isinstance(cookies, Iterable):
        raise InvalidResponse(f"cookies must be a list of Set-Cookie values, not {cookies!r}")
    return make_head(fields.get("statusCode"), kept | several, cookies, **options)


def normalize_status(status: object) -> int:
    """Give the status as an int from 100 to 599; None and 0 mean 200 (rule R4)."""
    number = 0 if status is None else status
    if isinstance(number, str) and _DIGITS.fullmatch(number):
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidResponse(f"status must be a whole number from 100 to 599, not {status!r}")
    if number == 0:
        return 200
    if not 100 <= number <= 599:
        raise InvalidResponse(f"status must be from 100 to 599, not {status!r}")
    return int(number)


def normalize_headers(headers: HeaderInput | None) -> dict[str, tuple[str, ...]]:
    """Give lower-case name -> checked values (rule R5)."""
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise InvalidResponse(f"headers must map names to values, not be of type {type(headers).__name__}")
    for name in headers:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise InvalidResponse(f"header name {name!r} is not a token (RFC 9110, section 5.1)")
    checked = {
        name: tuple(_field_value(f"header {name!r}", value) for value in values)
        for name, values in merge_case_variants(headers).items()
    }
    return {name: values for name, values in checked.items() if values}


def merge_case_variants(headers: HeaderInput) -> dict[str, list[object]]:
    """Give lower-case name -> unchecked values; variants merge in sorted order of their names (rule R5).

    Names keep the order in which they were first given.
    """
    merged: dict[str, list[object]] = {_lower(name): [] for name in headers}
    for name in sorted(headers, key=str):
        merged[_lower(name)].extend(_each(headers[name]))
    return merged


def normalize_cookies(cookies: Iterable[object] | None) -> tuple[str, ...]:
    """Give the Set-Cookie values in order (rule R6)."""
    if cookies is None:
        return ()
    unordered = isinstance(cookies, Mapping | set | frozenset)
    if unordered or isinstance(cookies, (str, *_BYTES_LIKE)) or not isinstance(cookies, Iterable):
        raise InvalidResponse(f"cookies must be a list of Set-Cookie values, not {cookies!r}")
    return tuple(_field_value("cookie", value) for value in cookies)


def _fields_map(fields: Mapping[str, object], key: str) -> dict[str, object]:
    part = fields.get(key)
    if part is None:
        return {}
    if not isinstance(part, Mapping):
        raise InvalidResponse(f"{key} must map names to values, not be of type {type(part).__name__}")
    return dict(part)


def _lower(name: str) -> str:
    return name.lower() if isinstance(name, str) else name


def _each(value: object) -> Iterable[object]:
    """The values of one name; a generator or a set is none: it cannot be read twice, or has no order."""
    if isinstance(value, Sequence) and not isinstance(value, (str, *_BYTES_LIKE)):
        return value
    return (value,)


def _field_value(what: str, value: object) -> str:
    """One value as text, without the outer blanks that are not part of it (RFC 9110, section 5.5)."""
    text = _text(value)
    if text is None:
        raise InvalidResponse(f"{what}: a value must be text or a number, not {type(value).__name__}")
    found = _FORBIDDEN.search(text)
    if found:
        raise InvalidResponse(f"{what}: {found.group()!r} at position {found.start()} would split the header")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidResponse(f"{what}: {text!r} has no UTF-8 form")
    return text.strip(" \t")


def _text(value: object) -> str | None:
    """Text and numbers as text, whatever a subclass such as an Enum makes of `str`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    return str(value) if isinstance(value, Decimal) else None
