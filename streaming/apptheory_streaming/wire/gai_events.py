"""The events of the Go package gai.

Source: https://github.com/recera/gai, package stream, as it is served (read 2026-11-21).
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "GaiAudioDelta",
    "GaiCitations",
    "GaiDone",
    "GaiError",
    "GaiEvent",
    "GaiFinish",
    "GaiFinishStep",
    "GaiRaw",
    "GaiSafety",
    "GaiStart",
    "GaiTextDelta",
    "GaiToolCall",
    "GaiToolResult",
]


@dataclass(frozen=True, slots=True)
class GaiStart:
    """The stream begins."""


@dataclass(frozen=True, slots=True)
class GaiTextDelta:
    """The next piece of the text."""

    text: str


@dataclass(frozen=True, slots=True)
class GaiAudioDelta:
    """The next piece of audio, in base64 on the wire, and an object that says of what form it is."""

    audio: bytes
    format: object = None


@dataclass(frozen=True, slots=True)
class GaiToolCall:
    """The model asks for a tool."""

    tool_id: str
    tool_name: str
    input: object = None


@dataclass(frozen=True, slots=True)
class GaiToolResult:
    """What the tool gave."""

    tool_name: str
    result: object = None


@dataclass(frozen=True, slots=True)
class GaiCitations:
    """Where the text comes from."""

    citations: object


@dataclass(frozen=True, slots=True)
class GaiSafety:
    """What a filter said."""

    safety: object


@dataclass(frozen=True, slots=True)
class GaiFinishStep:
    """A step of several is over."""

    step_number: int


@dataclass(frozen=True, slots=True)
class GaiFinish:
    """The answer is over; `usage` has `input_tokens`, `output_tokens` and `total_tokens`, or is None."""

    usage: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class GaiError:
    """Something went wrong; the stream may go on."""

    error: str


@dataclass(frozen=True, slots=True)
class GaiDone:
    """The last event of every stream."""


@dataclass(frozen=True, slots=True)
class GaiRaw:
    """Something of the provider that has no other form."""

    raw: object = None


GaiEvent = (
    GaiStart
    | GaiTextDelta
    | GaiAudioDelta
    | GaiToolCall
    | GaiToolResult
    | GaiCitations
    | GaiSafety
    | GaiFinishStep
    | GaiFinish
    | GaiError
    | GaiDone
    | GaiRaw
)
"""Any of the eleven, or raw."""
