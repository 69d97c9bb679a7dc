"""A function that answers with a recorded stream."""

import logging
from pathlib import Path

from apptheory_emulator.config import FunctionConfig, LateErrors
from apptheory_streaming.wire.limits import Limits
from apptheory_testkit.recordings.loading import load_recording
from apptheory_testkit.recordings.model import Ended, Recording
from apptheory_testkit.recordings.stream import Recorded

__all__ = ["replayed"]

_log = logging.getLogger("apptheory_emulator")


def replayed(file: Path, *, speed: float = 1.0, wait: bool = True) -> FunctionConfig:
    """Give the function for a file; raises UsageError for one that is no recording, and for what is no speed."""
    stream = Recorded(load_recording(file)).faster(speed)
    stream = stream if wait else stream.at_once()
    _announce(file, stream.recording)
    return FunctionConfig(
        name=stream.recording.handler or "recorded",
        target=stream.handler,
        late_errors=LateErrors.ABORT if stream.recording.ended is Ended.CUT else LateErrors.AWS,
        limits=Limits(),
    )


def _announce(file: Path, recording: Recording) -> None:
    where = recording.url or recording.request.path
    what = f"{recording.request.method} {where}, {len(recording.chunks)} chunks in {recording.ended_at:.3f} s"
    _log.info("%s: %s, %s", file, what, recording.ended)
    if recording.ended is Ended.STOPPED:
        _log.warning("%s was stopped before its end; what came behind its last chunk is not known", file)
