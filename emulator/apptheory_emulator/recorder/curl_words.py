"""The request in curl's words: `-X POST -H 'accept: text/event-stream' --json @chat.json`."""

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from apptheory_streaming.errors import UsageError

__all__ = ["KNOWN_WORDS", "CurlRequest", "parse_curl_words"]

ReadFile = Callable[[str], bytes]
"""Gives the bytes of a file by its name, `-` for standard input; raises OSError."""

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"

_LONG = {
    "-X": "--request",
    "-H": "--header",
    "-d": "--data",
    "--data-ascii": "--data",
    "-b": "--cookie",
    "-A": "--user-agent",
    "-e": "--referer",
    "-u": "--user",
    "-I": "--head",
    "-k": "--insecure",
    "-N": "--no-buffer",
    "-s": "--silent",
    "-S": "--show-error",
    "-G": "--get",
}
_WITH_VALUE = frozenset(
    {"--request", "--header", "--data", "--data-binary", "--data-raw", "--json"}
    | {"--cookie", "--user-agent", "--referer", "--user", "--url"}
)
_ALONE = frozenset({"--head", "--insecure", "--no-buffer", "--silent", "--show-error", "--get"})

KNOWN_WORDS = tuple(sorted(_WITH_VALUE | _ALONE))
"""The words there are, by their long names."""

_REASONS = {
    "-L": "redirects are not followed: record the address that they lead to",
    "--location": "redirects are not followed: record the address that they lead to",
    "--compressed": "chunks are stored as they arrive: without it they come readable",
    "-F": "forms of several parts are not made here: give the body as it is, --data-binary @file, and its content-type",
    "--form": "forms of several parts are not made here: give the body as it is, --data-binary @file, and its "
    "content-type",
    "-o": "the file is named before `--`",
    "--output": "the file is named before `--`",
    "-m": "say --max-seconds before `--`",
    "--max-time": "say --max-seconds before `--`",
    "-x": "there are no proxies here",
    "--proxy": "there are no proxies here",
    "--http2": "streams are recorded over HTTP/1.1, where chunks have frames",
}
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2
_FORBIDDEN = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurlRequest:
    """What the words say of a request; `added_query` is what `-G` made of the data, `removed` names default headers."""

    method: str
    headers: tuple[tuple[str, str], ...] = ()
    removed: frozenset[str] = frozenset()
    body: bytes = b""
    added_query: str = ""
    url: str | None = None
    insecure: bool = False


def parse_curl_words(words: Sequence[str], *, read: ReadFile) -> CurlRequest:
    """Read the words, of which the first may be `curl` itself.

    Raises UsageError for a word that curl has and this has not, with what to do instead.
    """
    said = _Said(read)
    for word, value in _pairs(words[1:] if words and words[0] == "curl" else words):
        said.take(word, value)
    return said.request()


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give each option by its long name with its value, and what is none as `--url`."""
    waiting = iter(words)
    for word in waiting:
        for name, attached in _options(word):
            if name in _ALONE:
                yield name, ""
                continue
            value = next(waiting, None) if attached is None else attached
            if value is None:
                raise UsageError(f"{word} needs a value behind it")
            yield name, value


def _options(word: str) -> Iterator[tuple[str, str | None]]:
    """Give what one word says: a long name, short ones in a row, a value that is attached to the last."""
    if not word.startswith("-") or word == "-":
        yield "--url", word
        return
    if word in _REASONS:
        raise UsageError(f"{word} is not for recording: {_REASONS[word]}")
    if word.startswith("--"):
        name = _LONG.get(word, word)
        if name not in KNOWN_WORDS:
            raise UsageError(f"{word} is no word that is known here; there are {', '.join(KNOWN_WORDS)}")
        yield name, None
        return
    yield from _short_options(word)


def _short_options(word: str) -> Iterator[tuple[str, str | None]]:
    for at, letter in enumerate(word[1:], start=1):
        short = f"-{letter}"
        if short in _REASONS:
            raise UsageError(f"{short} is not for recording: {_REASONS[short]}")
        if short not in _LONG:
            shorts = ", ".join(name for name in _LONG if len(name) == len(short))
            raise UsageError(f"{short} is no word that is known here; there are {shorts}, {', '.join(KNOWN_WORDS)}")
        name = _LONG[short]
        if name in _WITH_VALUE:
            yield name, word[at + 1 :] or None
            return
        yield name, None


@dataclass
class _Said:
    """What was said so far."""

    read: ReadFile
    method: str | None = None
    url: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    cookies: list[str] = field(default_factory=list)
    data: bytes | None = None
    content_type: str = _FORM
    get: bool = False
    head: bool = False
    insecure: bool = False

    def take(self, name: str, value: str) -> None:
        match name:
            case "--request":
                self.method = _token("a method", value)
            case "--header":
                self._header(value)
            case "--data" | "--data-binary" | "--data-raw" | "--json":
                self._data(name, value)
            case "--cookie":
                self._cookie(value)
            case "--user-agent" | "--referer":
                self.headers.append((name.removeprefix("--"), _field(name, value)))
            case "--user":
                self.headers.append(("authorization", f"Basic {base64.b64encode(value.encode()).decode()}"))
            case "--url":
                self._url(value)
            case "--get" | "--head" | "--insecure":
                setattr(self, name.removeprefix("--"), True)

    def request(self) -> CurlRequest:
        body = b"" if self.get or self.data is None else self.data
        headers = [*self.headers, *([("cookie", "; ".join(self.cookies))] if self.cookies else [])]
        named = {name.lower() for name, _ in headers} | self.removed
        if self.data is not None and not self.get:
            implied = [("content-type", self.content_type)]
            implied += [("accept", _JSON)] if self.content_type == _JSON else []
            headers += [(name, value) for name, value in implied if name not in named]
        return CurlRequest(
            method=self.method or self._usual_method(),
            headers=tuple(headers),
            removed=frozenset(self.removed),
            body=body,
            added_query=(self.data or b"").decode("utf-8", "replace") if self.get else "",
            url=self.url,
            insecure=self.insecure,
        )

    def _usual_method(self) -> str:
        if self.head:
            return "HEAD"
        return "GET" if self.data is None or self.get else "POST"

    def _header(self, text: str) -> None:
        if text.startswith("@"):
            raise UsageError(f"-H {text}: headers are not read from files; give each by its own -H")
        name, colon, value = text.partition(":")
        if not colon and text.endswith(";"):  # how curl is told of an empty value
            name, colon, value = text[:-1], ":", " "
        if not colon:
            raise UsageError(f"-H {text!r} is no header: write 'NAME: VALUE'")
        name = _token("the name of a header", name.strip())
        if value == "":
            self.removed.add(name.lower())
            return
        self.headers.append((name, _field(f"-H {name}", value.strip())))

    def _cookie(self, text: str) -> None:
        if "=" not in text:
            raise UsageError(f"-b {text!r}: cookies are not read from files; write NAME=VALUE")
        self.cookies.append(_field("-b", text))

    def _data(self, name: str, value: str) -> None:
        data = value.encode("utf-8", "surrogateescape")
        if value.startswith("@") and name != "--data-raw":
            data = self._file(name, value[1:])
            if name == "--data":
                data = re.sub(rb"[\r\n\0]", b"", data)
        if name == "--json":
            self.content_type = _JSON
        between = b"" if name == "--json" else b"&"
        self.data = data if self.data is None else self.data + between + data

    def _file(self, name: str, path: str) -> bytes:
        try:
            return self.read(path)
        except OSError as error:
            raise UsageError(f"{name} @{path}: the file cannot be read: {error.strerror or error}") from error

    def _url(self, value: str) -> None:
        if self.url is not None:
            raise UsageError(f"one request is recorded, so {value!r} is one address too many")
        self.url = value


def _token(what: str, value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise UsageError(f"{value!r} is not {what}")
    return value


def _field(what: str, value: str) -> str:
    if _FORBIDDEN.search(value):
        raise UsageError(f"{what}: {value!r} has a line break or a NUL, which would split the request")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise UsageError(f"{what}: {value!r} has no UTF-8 form")
    return value
