"""Takes the secrets out of a recording, and says what it took."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any
from urllib.parse import unquote_plus

from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.recordings.model import Recording, TimedChunk
from apptheory_testkit.recordings.secret_names import (
    REDACTED,
    SecretNames,
    redact_cookies,
    redact_credentials,
    redact_set_cookie,
)

__all__ = ["redact"]

LEAST_ECHO = 8
"""A secret of fewer characters is not looked for elsewhere: it may be a common word."""

_FORM = "application/x-www-form-urlencoded"
_MASK = b"*"


def redact(recording: Recording, *, names: Iterable[str] = ()) -> Recording:
    """Give the recording without secrets; `redacted` says which there were.

    Secrets are the values of `Authorization`, of cookies, and of headers, parameters of the query and
    fields of the request's body whose names have a word such as `token`, `signature` or `api-key`, or
    are among `names`.  Where the response repeats one of them, its bytes are masked one by one, so that
    chunks keep their sizes.
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
        if lower in ("location", "referer", "content-location"):
            return self.address(value)
        if lower != "cookie" and not self.names.holds(name):
            return value
        self._note(f"header {lower}")
        if lower == "cookie":
            return self._keep(redact_cookies(value))
        if lower.endswith("authorization"):
            return self._keep(redact_credentials(value))
        return self._keep((REDACTED, (value,)))

    def address(self, address: str) -> str:
        before, mark, rest = address.partition("?")
        query, hash_, fragment = rest.partition("#")
        return before + mark + self.query(query) + hash_ + fragment

    def query(self, query: str) -> str:
        return "&".join(self._parameter(each) for each in query.split("&"))

    def body(self, body: bytes, content_type: str) -> bytes:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return body
        if content_type.partition(";")[0].strip().lower() == _FORM:
            return self.query(text).encode()
        try:
            value = json.loads(text)
        except ValueError:
            return body
        before = set(self.secrets)
        left = self._fields(value)
        return body if self.secrets == before else json.dumps(left, ensure_ascii=False).encode()

    def without_echoes(self, recording: Recording) -> Recording:
        """Mask what repeats a secret: in the head of the response and in its body, across chunks."""
        secrets = sorted((each for each in self.secrets if len(each) >= LEAST_ECHO), key=len, reverse=True)
        if not secrets:
            return recording
        pattern = re.compile("|".join(re.escape(each) for each in secrets))
        head = replace(
            recording.head,
            headers={
                name: tuple(self._echo(pattern, each) for each in values)
                for name, values in recording.head.headers.items()
            },
            cookies=tuple(self._echo(pattern, each) for each in recording.head.cookies),
        )
        return replace(recording, head=head, chunks=self._masked(recording.chunks, secrets))

    # -- one by one ---------------------------------------------------------------------------

    def _parameter(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        plain = unquote_plus(name)
        if not equals or not value or not self.names.holds_in_query(plain):
            return pair
        self._note(f"parameter {plain}")
        self.secrets.add(unquote_plus(value))
        return f"{name}={self._keep((REDACTED, (value,)))}"

    def _fields(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._fields(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {name: self._field(name, each) for name, each in value.items()}

    def _field(self, name: str, value: Any) -> Any:
        if not isinstance(value, str) or not self.names.holds(name):
            return self._fields(value)
        self._note(f"field {name} of the request's body")
        return self._keep((REDACTED, (value,)))

    def _masked(self, chunks: tuple[TimedChunk, ...], secrets: Iterable[str]) -> tuple[TimedChunk, ...]:
        body = b"".join(chunk.data for chunk in chunks)
        pattern = re.compile(b"|".join(re.escape(each.encode("utf-8", "surrogateescape")) for each in secrets))
        masked, places = pattern.subn(lambda found: _MASK * len(found[0]), body)
        if not places:
            return chunks
        self._note(f"{places} place{'' if places == 1 else 's'} in the response's body")
        ends = accumulate(len(chunk.data) for chunk in chunks)
        return tuple(
            TimedChunk(masked[end - len(chunk.data) : end], chunk.at) for chunk, end in zip(chunks, ends, strict=True)
        )

    def _echo(self, pattern: re.Pattern[str], text: str) -> str:
        left, places = pattern.subn(REDACTED, text)
        if places:
            self._note("an echo in the response's head")
        return left

    def _keep(self, redacted: tuple[str, tuple[str, ...]]) -> str:
        left, secrets = redacted
        self.secrets.update(each for each in secrets if each != REDACTED)
        return left

    def _note(self, what: str) -> None:
        self.found[what] = None
