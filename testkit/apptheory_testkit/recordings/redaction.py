"""Takes the secrets out of a recording, and says what it took."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote_plus

from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.recordings.echoes import Echoes
from apptheory_testkit.recordings.model import Recording
from apptheory_testkit.recordings.secret_names import (
    REDACTED,
    SecretNames,
    redact_addresses,
    redact_cookies,
    redact_credentials,
    redact_set_cookie,
)

__all__ = ["redact"]

_FORM = "application/x-www-form-urlencoded"
_ADDRESSES = frozenset({"content-location", "location", "referer"})


def redact(recording: Recording, *, names: Iterable[str] = ()) -> Recording:
    """Give the recording without secrets; `redacted` says which there were.

    Secrets are the values of `Authorization`, of cookies, and of headers, parameters of the query and
    fields of the request's body whose names have a word such as `token`, `signature` or `api-key`, or
    are among `names`.  Wherever else one of them stands, it is replaced too; in the response's body its
    bytes are masked one by one, so that chunks keep their sizes.
    """
    work = _Redaction(SecretNames.with_more(names))
    redacted = replace(
        recording,
        request=work.request(recording.request),
        head=work.head(recording.head),
        platform_headers=work.headers(recording.platform_headers),
        url=work.address(recording.url),
    )
    redacted = work.without_echoes(redacted)
    return replace(redacted, redacted=tuple(work.found))


@dataclass
class _Redaction:
    names: SecretNames
    found: dict[str, None] = field(default_factory=dict)
    """What was redacted, in order and once."""
    secrets: set[str] = field(default_factory=set)

    def request(self, request: HttpRequest) -> HttpRequest:
        return replace(
            request,
            query=self.query(request.query),
            headers=tuple((name, self.header(name, value)) for name, value in request.headers),
            body=self.body(request.body, request.first("content-type")),
        )

    def head(self, head: Head) -> Head:
        cookies = []
        for cookie in head.cookies:
            self._note(f"cookie {cookie.partition('=')[0].strip()}")
            cookies.append(self._keep(redact_set_cookie(cookie)))
        return replace(head, headers=self.headers(head.headers), cookies=tuple(cookies))

    def headers(self, headers: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {name: tuple(self.header(name, value) for value in values) for name, values in headers.items()}

    def header(self, name: str, value: str) -> str:
        lower = name.lower()
        if lower in _ADDRESSES:
            return self.address(value)
        if lower != "cookie" and not self.names.holds(name):
            return self._addresses(value)
        self._note(f"header {lower}")
        if lower == "cookie":
            return self._keep(redact_cookies(value))
        if lower.endswith("authorization"):
            return self._keep(redact_credentials(value))
        return self._keep((REDACTED, (value,)))

    def address(self, address: str) -> str:
        """Of an address alone, whose query and fragment go on to their ends."""
        before, hash_, fragment = address.partition("#")
        path, mark, query = before.partition("?")
        return self._addresses(path) + mark + self.query(query) + hash_ + self.query(fragment)

    def query(self, query: str) -> str:
        return "&".join(self._parameter(each) for each in query.split("&"))

    def body(self, body: bytes, content_type: str) -> bytes:
        """JSON is told by itself: clients send it as a form too."""
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            is_form = content_type.partition(";")[0].strip().lower() == _FORM
            return self.query(body.decode("latin-1")).encode("latin-1") if is_form else body
        noted = len(self.found)
        left = self._fields(value)
        return body if len(self.found) == noted else _json_bytes(left)

    def without_echoes(self, recording: Recording) -> Recording:
        """Take away what repeats a secret: in the request, in the head of the response, in its body across chunks."""
        echoes = Echoes(self.secrets)
        chunks, places = echoes.masked(recording.chunks)
        left = replace(
            recording,
            request=_request_without(recording.request, echoes),
            name=echoes.without(recording.name),
            url=echoes.without(recording.url),
        )
        if left != recording:
            self._note("an echo in the request")
        head = replace(
            recording.head,
            headers=_headers_without(recording.head.headers, echoes),
            cookies=tuple(map(echoes.without, recording.head.cookies)),
        )
        platform = _headers_without(recording.platform_headers, echoes)
        if (head, platform) != (recording.head, recording.platform_headers):
            self._note("an echo in the response's head")
        if places:
            self._note(f"{places} place{'' if places == 1 else 's'} in the response's body")
        return replace(left, head=head, platform_headers=platform, chunks=chunks)

    # -- one by one ---------------------------------------------------------------------------

    def _parameter(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        plain = unquote_plus(name)
        if not equals or not value or not self.names.holds_in_query(plain):
            return pair
        self._note(f"parameter {plain}")
        return f"{name}={self._keep((REDACTED, (value, unquote_plus(value))))}"

    def _fields(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._fields(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {name: self._field(name, each) for name, each in value.items()}

    def _field(self, name: str, value: Any) -> Any:
        return self._secret(name, value) if self.names.holds(name) else self._fields(value)

    def _secret(self, name: str, value: Any) -> Any:
        """All text under a name that holds a secret is one; a number alone, where the name is its own."""
        if isinstance(value, list):
            return [self._secret(name, each) for each in value]
        if isinstance(value, dict):
            return {
                inner: self._secret(name, each) if isinstance(each, str | list | dict) else self._field(inner, each)
                for inner, each in value.items()
            }
        if value is None or isinstance(value, bool):
            return value
        self._note(f"field {name} of the request's body")
        return self._keep((REDACTED, (str(value),)))

    def _addresses(self, value: str) -> str:
        left, secrets, found = redact_addresses(value, self.names)
        for what in found:
            self._note(what)
        return self._keep((left, secrets))

    def _keep(self, redacted: tuple[str, tuple[str, ...]]) -> str:
        left, secrets = redacted
        self.secrets.update(each for each in secrets if each != REDACTED)
        return left

    def _note(self, what: str) -> None:
        self.found[what] = None


def _request_without(request: HttpRequest, echoes: Echoes) -> HttpRequest:
    return replace(
        request,
        path=echoes.without(request.path),
        query=echoes.without(request.query),
        headers=tuple((name, echoes.without(value)) for name, value in request.headers),
        body=echoes.without_in(request.body),
    )


def _headers_without(headers: Mapping[str, Iterable[str]], echoes: Echoes) -> dict[str, tuple[str, ...]]:
    return {name: tuple(map(echoes.without, values)) for name, values in headers.items()}


def _json_bytes(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair has its escape alone
        return json.dumps(value).encode()
