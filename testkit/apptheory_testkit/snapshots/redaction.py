"""Ids, dates and tokens replaced before a snapshot is taken."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import cast

from apptheory_streaming.errors import UsageError

__all__ = ["Redaction"]

_EXAMPLE = r"what is to stand there to a regular expression, such as {'<id>': r'id-\d+'}"
_GROUP = "redact"


class Redaction:
    """What to put in the place of what: replacement -> regular expression.

    The whole match is replaced, or its group `(?P<redact>...)` where the expression has one.
    """

    def __init__(self, rules: Mapping[str, str | re.Pattern[str]] | None = None) -> None:
        """Compile the expressions; raises UsageError for a broken one, and for what are no rules."""
        if rules is not None and not isinstance(rules, Mapping):
            raise UsageError(f"redact maps {_EXAMPLE}, not {rules!r}")
        self._rules = [(_replacement(text), _compiled(pattern)) for text, pattern in (rules or {}).items()]

    def text(self, text: str) -> str:
        """Give a header value or a message without what is redacted."""
        for replacement, pattern in self._rules:
            pieces: list[str] = []
            end = 0
            for start, stop in _spans(pattern, text):
                pieces += text[end:start], replacement
                end = stop
            text = "".join((*pieces, text[end:]))
        return text

    def chunks(self, chunks: Sequence[bytes]) -> list[bytes]:
        """Give the chunks without what is redacted in them, as one body.

        What several chunks share goes with its replacement to the one that it begins in.
        """
        redacted = list(chunks)
        for replacement, pattern in self._rules:
            redacted = _replace(redacted, pattern, replacement.encode())
        return redacted


def _replace(chunks: list[bytes], pattern: re.Pattern[str], replacement: bytes) -> list[bytes]:
    body = b"".join(chunks)
    text = body.decode("utf-8", "surrogateescape")
    edges = [0]
    for chunk in chunks:
        edges.append(edges[-1] + len(chunk))
    pieces: list[bytes] = []
    moved: list[int] = []
    end = length = character = byte = 0
    for start, stop in _spans(pattern, text):
        first = byte + _size(text[character:start])
        last = first + _size(text[start:stop])
        moved += [edge - end + length for edge in edges[len(moved) :] if edge <= first]
        pieces += body[end:first], replacement
        length += first - end + len(replacement)
        moved += [length for edge in edges[len(moved) :] if edge < last]
        end, character, byte = last, stop, last
    moved += [edge - end + length for edge in edges[len(moved) :]]
    whole = b"".join((*pieces, body[end:]))
    return [whole[start:stop] for start, stop in pairwise(moved)]


def _replacement(text: object) -> str:
    if isinstance(text, str):
        return text
    raise UsageError(f"redact maps {_EXAMPLE}; {text!r} is no text that can stand there")


def _compiled(pattern: object) -> re.Pattern[str]:
    compiled = isinstance(pattern, re.Pattern)
    if not isinstance(pattern.pattern if compiled else pattern, str):  # type: ignore[attr-defined]
        raise UsageError(f"redact maps {_EXAMPLE}; {pattern!r} is no expression for text")
    try:
        return re.compile(cast("str", pattern))
    except re.error as error:
        raise UsageError(f"redact: {pattern!r} is no regular expression: {error}") from None


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    group = _GROUP if _GROUP in pattern.groupindex else 0  # another one may hold only the last of its repeats
    return (
        (found.start(group), found.end(group))
        for found in pattern.finditer(text)
        if found.end(group) > found.start(group)
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
