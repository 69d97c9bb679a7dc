"""`recorded("chat.stream.json")`: a recorded stream as an upstream of a test, with faults."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import is_number
from apptheory_streaming.shapes import StreamedAnswer
from apptheory_testkit.rechunking.rechunk import rechunk
from apptheory_testkit.recordings.changes import check_place, cut_at, hurried, recut, stalled_at
from apptheory_testkit.recordings.model import Recording
from apptheory_testkit.recordings.playing import moment_after, play, play_blocking, wait_until

__all__ = ["Recorded", "check_speed", "recorded"]

_SLOWEST = 1e-6
"""Below it a recording of a year would not end before any clock does."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded stream: an async iterable of its chunks, at their times on the running loop's clock.

    Times count from when the iteration begins, and each iteration begins anew.  Its methods give
    another one and leave this as it is, so faults combine in the order in which they are named.
    """

    recording: Recording
    failure: BaseException | None = field(default=None, compare=False)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return play(self.recording, failure=self.failure)

    def blocking(self) -> Iterator[bytes]:
        """Give the chunks to a handler that is not async: its thread sleeps until each is due."""
        return play_blocking(self.recording, failure=self.failure)

    @property
    def chunks(self) -> list[bytes]:
        """The chunks, without waiting."""
        return [chunk.data for chunk in self.recording.chunks]

    @property
    def times(self) -> list[float]:
        """When each chunk comes, in seconds."""
        return [chunk.at for chunk in self.recording.chunks]

    @property
    def handler(self) -> Callable[[Any, Any], Any]:
        """A handler that answers any request with the stream: its head, its chunks, their times, its end."""

        async def answer(event: Any, context: Any) -> StreamedAnswer:  # noqa: ARG001 - whatever is asked
            began = asyncio.get_running_loop().time()
            await wait_until(moment_after(began, self.recording.head_at))
            body = play(self.recording, failure=self.failure, began=began)
            return StreamedAnswer(self.recording.head, body=body, commit=True)

        return answer

    def cut(self, at: int) -> "Recorded":
        """Raise RecordedCut, a ConnectionError, in the place of chunk `at`; raises UsageError where there is none."""
        return Recorded(cut_at(self.recording, check_place(self.recording, "cut", at)))

    def error(self, at: int, error: BaseException) -> "Recorded":
        """Raise `error` in the place of chunk `at`; raises UsageError where there is none."""
        if not isinstance(error, BaseException):
            raise UsageError(f"error must be an exception, such as TimeoutError(), not {error!r}")
        return Recorded(cut_at(self.recording, check_place(self.recording, "error", at)), error)

    def stall(self, at: int, seconds: float) -> "Recorded":
        """Let chunk `at`, and all behind it, come so many seconds later; raises UsageError where there is none."""
        return replace(self, recording=stalled_at(self.recording, check_place(self.recording, "stall", at), seconds))

    def rechunk(self, way: Callable[[bytes], Any] | None = None, *, seed: int | None = None) -> "Recorded":
        """Cut the same bytes elsewhere: `every_byte`, `at_utf8`, a function of yours, or a seed.

        A chunk comes when its last byte had come.  Raises UsageError for what does not give the chunks of the body.
        """
        body = self.recording.body
        if (way is None) == (seed is None):
            raise UsageError("rechunk takes one of a way, such as every_byte, and seed=…")
        pieces: Any = rechunk(body, seed=seed or 0) if way is None else rechunk(body, way)
        if not isinstance(pieces, list | tuple) or not all(isinstance(each, bytes) for each in pieces):
            raise UsageError("rechunk takes a way that gives one list of chunks, such as every_byte or at_utf8")
        return replace(self, recording=recut(self.recording, pieces))

    def faster(self, speed: float) -> "Recorded":
        """Let everything come `speed` times as fast, below 1 slower; raises UsageError for what is no speed."""
        return replace(self, recording=hurried(self.recording, 1 / check_speed(speed)))

    def at_once(self) -> "Recorded":
        """Let everything come without waiting."""
        return replace(self, recording=hurried(self.recording, 0))


def recorded(path: str | os.PathLike[str]) -> Recorded:
    """Give the stream of a recording, or of any contract document with chunks.

    A relative path is looked for beside the file that calls this, then in the current folder.
    Raises NotARecording for a file that is none, and UsageError for one that cannot be read.
    """
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f'recorded takes the path of a file, such as "chat.stream.json", not {path!r}')
    from apptheory_testkit.recordings.loading import load_recording  # noqa: PLC0415 - heavy

    given = Path(path)
    beside = Path(sys._getframe(1).f_code.co_filename).parent / given  # noqa: SLF001 - who called
    return Recorded(load_recording(beside if beside.is_file() else given))


def check_speed(speed: object) -> float:
    """Give a speed; raises UsageError for what is no number above 0."""
    if is_number(speed) and _SLOWEST <= speed < float("inf"):
        return float(speed)
    raise UsageError(f"a speed is a number above 0, such as 2 for twice as fast, not {speed!r}")
