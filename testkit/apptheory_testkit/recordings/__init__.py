"""Recorded streams: `recorded("chat.stream.json")` gives one to a test as an upstream, with its times and faults.

Names are loaded when they are asked for: most tests read no recording, and the format is the contract documents'.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apptheory_testkit.recordings.document import render_recording, to_document
    from apptheory_testkit.recordings.loading import load_recording, parse_recording
    from apptheory_testkit.recordings.model import Ended, NotARecording, RecordedCut, Recording, TimedChunk
    from apptheory_testkit.recordings.redaction import redact
    from apptheory_testkit.recordings.stream import Recorded, recorded

__all__ = [
    "Ended",
    "NotARecording",
    "Recorded",
    "RecordedCut",
    "Recording",
    "TimedChunk",
    "load_recording",
    "parse_recording",
    "recorded",
    "redact",
    "render_recording",
    "to_document",
]

_HOMES = {
    "Recorded": "stream",
    "load_recording": "loading",
    "parse_recording": "loading",
    "recorded": "stream",
    "redact": "redaction",
    "render_recording": "document",
    "to_document": "document",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'model')}"), name)
