"""A request from the keywords that httpx users know."""

import json as json_codec
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, urlencode

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["HeaderPairs", "Params", "make_request"]

HeaderPairs = Mapping[str, str] | Iterable[tuple[str, str]]
Params = Mapping[str, Any] | Sequence[tuple[str, Any]]

_FORM = "application/x-www-form-urlencoded"
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_QUERY_SAFE = f"{_PATH_SAFE}?[]"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2
_FORBIDDEN = re.compile(r"[\r\n\0]")  # RFC 9110, section 5.5


def make_request(
    method: str,
    path: str,
    *,
    host: str,
    params: Params | None = None,
    headers: HeaderPairs | None = None,
    cookies: Mapping[str, str] | None = None,
    json: Any = None,
    content: bytes | str | None = None,
    data: Mapping[str, Any] | None = None,
) -> HttpRequest:
    """Make a request; raises UsageError for what no client could send, and for more than one of the bodies.

    `path` may hold a query and stays as it is where it is percent-encoded already; in `params` a
    space becomes `%20` and a list gives a repeated name.  Headers replace the defaults of their
    names in any case; `cookies` are sent beside a `cookie` header.
    """
    if sum(body is not None for body in (json, content, data)) > 1:
        raise UsageError("give one of json=, content= and data=; a request has one body")
    checked_method = _method(method)
    given = [_header(name, value) for name, value in _pairs("headers", headers)]
    names = {name.lower() for name, _ in given}
    body, content_type = _body(json, content, data)
    defaults = {
        "host": host,
        "user-agent": "apptheory-testkit",
        "accept": "*/*",
        **({"content-type": content_type} if content_type else {}),
        **({"content-length": str(len(body))} if body else {}),
    }
    kept = [(name, value) for name, value in defaults.items() if name not in names]
    if sent := _cookies(cookies):
        kept.append(("cookie", "; ".join(sent)))
    raw_path, _, query = _path(path).partition("?")
    parts = [quote(query, safe=_QUERY_SAFE), urlencode(_texts("params", params), quote_via=quote)]
    return HttpRequest(
        method=checked_method,
        path=quote(raw_path if raw_path.startswith("/") else f"/{raw_path}", safe=_PATH_SAFE),
        query="&".join(part for part in parts if part),
        headers=(*(_header(name, value) for name, value in kept), *given),
        body=body,
    )


def _method(method: object) -> str:
    if not isinstance(method, str) or not _TOKEN.fullmatch(method):
        raise UsageError(f"a method is a word such as GET, not {method!r}")
    if method.upper() == "CONNECT":
        raise UsageError("CONNECT asks a proxy for a tunnel; a Function URL knows no such request")
    return method.upper()


def _path(path: object) -> str:
    if isinstance(path, str):
        return path
    raise UsageError(f"a path is text such as '/chat?q=1', not {path!r}")


def _header(name: object, value: object) -> tuple[str, str]:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a header: it may have letters, digits and !#$%&'*+-.^_`|~")
    if not isinstance(value, str):
        raise UsageError(f"header {name!r} must be text, not of type {type(value).__name__}; repeat a name by pairs")
    if (found := _FORBIDDEN.search(value)) is not None:
        raise UsageError(f"header {name!r} must not contain {found.group()!r} (position {found.start()})")
    return name, value


def _cookies(cookies: object) -> list[str]:
    if cookies is None:
        return []
    if not isinstance(cookies, Mapping):
        raise UsageError(f"cookies= maps names to values, not {cookies!r}; text as it is goes into a `cookie` header")
    return [_cookie(name, value) for name, value in cast("Mapping[object, object]", cookies).items()]


def _cookie(name: object, value: object) -> str:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a cookie: it may have letters, digits and !#$%&'*+-.^_`|~")
    if not isinstance(value, str) or ";" in value:
        raise UsageError(f"cookie {name!r} must be text without ';', which would end it, not {value!r}")
    return f"{name}={value}"


def _pairs(option: str, given: object) -> list[tuple[Any, Any]]:
    """Give the pairs of a mapping, or of an iterable of pairs; none for None."""
    if given is None:
        return []
    if isinstance(given, Mapping):
        return list(given.items())
    pairs: list[Any] = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(each, tuple | list) and len(each) == 2 for each in pairs):
        raise UsageError(f"{option}= takes a mapping of names to values, or pairs of them, not {given!r}")
    return [(name, value) for name, value in pairs]


def _body(json: Any, content: bytes | str | None, data: Mapping[str, Any] | None) -> tuple[bytes, str | None]:
    if json is not None:
        return _json(json), "application/json"
    if data is not None:
        return urlencode(_texts("data", data)).encode(), _FORM
    if isinstance(content, str):
        return content.encode(), "text/plain; charset=utf-8"
    if content is None or isinstance(content, bytes | bytearray | memoryview):
        return bytes(content or b""), None
    raise UsageError(f"content= takes bytes or text, not {content!r}; a value goes into json=, form fields into data=")


def _json(value: Any) -> bytes:
    try:
        return json_codec.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"json= takes a value that has a JSON form: {error}") from error


def _texts(option: str, given: object) -> list[tuple[str, Any]]:
    """Give name and value pairs, a repeated name for a list."""
    return [
        (name, _text(each))
        for name, value in _pairs(option, given)
        for each in (value if isinstance(value, list | tuple) else (value,))
    ]


def _text(value: Any) -> Any:
    """Booleans and None as httpx writes them; the rest is the encoder's."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value
