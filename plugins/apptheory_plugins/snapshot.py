"""Snapshots of captures in `.stream` files, kept by syrupy."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from apptheory_streaming.options import choose
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.snapshots.diff import diff_snapshots
from apptheory_testkit.snapshots.redaction import Redaction
from apptheory_testkit.snapshots.views import SnapshotView

__all__ = ["StreamSnapshot", "StreamSnapshotExtension", "make_stream_snapshot"]


class StreamSnapshotExtension(SingleFileSnapshotExtension):
    """One file a snapshot, as bytes: text files would lose the difference of CR and LF."""

    file_extension = "stream"
    _write_mode = WriteMode.BINARY

    def serialize(self, data: Any, **options: Any) -> bytes:
        """Give the text of a capture; what is text or bytes already is kept."""
        if isinstance(data, StreamCapture):
            return data.render().encode()
        return data.encode() if isinstance(data, str) else super().serialize(data, **options)  # type: ignore[return-value]

    def diff_lines(self, serialized_data: Any, snapshot_data: Any) -> Iterator[str]:
        """Say what kind of difference it is, then where."""
        yield from diff_snapshots(_text(serialized_data), _text(snapshot_data))


@dataclass(eq=False)
class StreamSnapshot:
    """What a capture is compared with: `assert capture == stream_snapshot`.

    Calling it gives the same snapshot with another view, redaction or name.
    """

    _assertion: SnapshotAssertion
    _view: str = "chunks"
    _redact: Mapping[str, str | re.Pattern[str]] | None = None
    _name: str | None = None

    def __call__(
        self,
        *,
        view: str | None = None,
        redact: Mapping[str, str | re.Pattern[str]] | None = None,
        name: str | None = None,
    ) -> "StreamSnapshot":
        """Compare another view (`chunks`, `body`, `events`, `timing`), redacted, or under a name of its own.

        Raises UsageError for what is no view and no redaction.
        """
        if view is not None:
            choose(SnapshotView, "view", view)
        Redaction(redact)
        return replace(
            self,
            _view=self._view if view is None else view,
            _redact=self._redact if redact is None else redact,
            _name=self._name if name is None else name,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StreamCapture):
            raise TypeError(f"stream_snapshot compares a StreamCapture, not {type(other).__name__}")
        rendered = other.render(self._view, redact=self._redact).encode()
        return bool(self._assertion(name=self._name) == rendered)

    __hash__ = None  # type: ignore[assignment]  # it compares by what is in a file

    def __repr__(self) -> str:
        return f"stream_snapshot(view={self._view!r})"

    def explain(self) -> list[str]:
        """Say how the last comparison went wrong, its kind first."""
        result = self._assertion.executions[self._assertion.num_executions - 1]
        if result.exception is not None:
            return [f"{type(result.exception).__name__}: {result.exception}"]
        got = _text(result.asserted_data)
        if result.recalled_data is None:
            missing = f"snapshot {result.snapshot_name!r} does not exist: run pytest with --snapshot-update"
            return [missing, *(f"  + {line}" for line in got.split("\n")[:-1])]
        return diff_snapshots(got, _text(result.recalled_data))


def make_stream_snapshot(snapshot: SnapshotAssertion) -> StreamSnapshot:
    """Give the value of the fixture `stream_snapshot` from that of syrupy's `snapshot`."""
    return StreamSnapshot(snapshot.use_extension(StreamSnapshotExtension))


def _text(data: Any) -> str:
    return data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else str(data or "")
