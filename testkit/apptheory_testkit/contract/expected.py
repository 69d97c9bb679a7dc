"""What a document expects of a response, as every implementation gives it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apptheory_streaming.wire.head import merge_case_variants
from apptheory_streaming.wire.json_text import JsonFault, read_json
from apptheory_testkit.contract.requests import bytes_of_piece, texts
from apptheory_testkit.contract.target_kind import TargetKind
from apptheory_testkit.rendering.chunk_diff import diff_chunks
from apptheory_testkit.rendering.chunks import render_chunk

__all__ = ["ExpectedResponse", "SeenResponse", "difference", "json_text"]

_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenResponse:
    """A response at the level on which a kind of target is compared (rule W7)."""

    status: int
    headers: Mapping[str, Sequence[str]]
    cookies: Sequence[str]
    chunks: Sequence[bytes]
    stream_error_code: str | None

    @property
    def body(self) -> bytes:
        """All chunks as one."""
        return b"".join(self.chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedResponse:
    """`expect.response`: of `body`, `chunks` and `json` at most one is there, and without one the body is empty."""

    status: int
    headers: Mapping[str, Sequence[str]]
    cookies: Sequence[str]
    body: bytes | None = None
    chunks: Sequence[bytes] | None = None
    json: Any = _ABSENT
    stream_error_code: str | None = None

    @classmethod
    def of(cls, response: Mapping[str, Any]) -> "ExpectedResponse":
        """Read it from a document that keeps to the schema; raises UsageError for bytes that are none."""
        given = {name: texts(values) for name, values in response["headers"].items()}
        return cls(
            status=response["status"],
            headers={name: [str(value) for value in values] for name, values in merge_case_variants(given).items()},
            cookies=response["cookies"],
            body=_body(response),
            chunks=[bytes_of_piece(piece) for piece in response["chunks"]] if "chunks" in response else None,
            json=response.get("body_json", _ABSENT),
            stream_error_code=response.get("stream_error_code") or None,
        )

    def differences(self, seen: SeenResponse, kind: TargetKind, *, joined: bool = False) -> Iterator[str]:
        """Give, a line each, in what a response differs from this one; `joined` compares lists of headers as texts."""
        yield from difference("status", self.status, seen.status)
        yield from self._header_differences(seen, kind, joined=joined)
        yield from difference("cookies", list(self.cookies), list(seen.cookies))
        yield from difference("stream_error_code", self.stream_error_code, seen.stream_error_code)
        yield from self._body_differences(seen, kind)

    def _header_differences(self, seen: SeenResponse, kind: TargetKind, *, joined: bool) -> Iterator[str]:
        expected = kind.headers(self.headers, sent=False, joined=joined)
        got = kind.headers(seen.headers, sent=True, joined=joined)
        for name in dict.fromkeys((*expected, *got)):
            yield from difference(f"header {name!r}", expected.get(name), got.get(name))

    def _body_differences(self, seen: SeenResponse, kind: TargetKind) -> Iterator[str]:
        if self.json is not _ABSENT:
            yield from self._json_differences(seen)
        elif self.chunks is not None:
            yield from diff_chunks(kind.chunks(seen.chunks), kind.chunks(self.chunks))
        else:
            yield from diff_chunks(_whole(seen.body), _whole(self.body or b""))

    def _json_differences(self, seen: SeenResponse) -> Iterator[str]:
        try:
            value = read_json(seen.body.decode())
        except (UnicodeDecodeError, JsonFault) as fault:
            yield f"the body is no JSON ({fault}): {render_chunk(seen.body)}"
        else:
            yield from difference("body_json", self.json, value)


def difference(what: str, expected: object, got: object) -> Iterator[str]:
    """Give the lines that show two values where they are not the same JSON; None is nothing."""
    one, other = json_text(expected), json_text(got)
    if one != other:
        yield f"{what} differs"
        yield f"  - {'nothing' if expected is None else one}"
        yield f"  + {'nothing' if got is None else other}"


def json_text(value: object) -> str:
    """Give a JSON text by which equal values are equal: fields in order of name, 1.0 as 1."""
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True)


def _plain(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _body(response: Mapping[str, Any]) -> bytes | None:
    piece = response.get("body")
    return None if piece is None else bytes_of_piece(piece, is_base64=response.get("is_base64", False))


def _whole(body: bytes) -> list[bytes]:
    return [body] if body else []
