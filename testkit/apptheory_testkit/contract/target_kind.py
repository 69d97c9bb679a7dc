"""The kinds of target, and how much of a response each lets one compare (rule W7)."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from apptheory_testkit.comparison.responses import wire_headers

__all__ = ["TargetKind"]


class TargetKind(StrEnum):
    """Where a document is run."""

    IN_PROCESS = "in-process"
    """Chunks and lists of headers are exact."""
    HTTP = "http"
    """Empty chunks do not show; lists of headers are joined, and those of the platform are its own."""
    WORKER = "worker"
    """Chunks are cut where a runtime likes, lists of headers are joined; times and late changes do not show."""

    def headers(
        self, headers: Mapping[str, Sequence[str]], *, sent: bool, joined: bool = False
    ) -> Mapping[str, object]:
        """Give headers as this kind shows them, or `joined`; `sent` for those that came over a connection already."""
        if self is TargetKind.IN_PROCESS and not joined:
            return {name: list(values) for name, values in headers.items()}
        if self is TargetKind.HTTP:
            return wire_headers(headers, over_http=sent)
        return {name: ",".join(values) for name, values in headers.items()}

    def chunks(self, chunks: Sequence[bytes]) -> list[bytes]:
        """Give chunks as this kind shows them."""
        if self is TargetKind.IN_PROCESS:
            return list(chunks)
        if self is TargetKind.WORKER:
            chunks = [b"".join(chunks)]
        return [chunk for chunk in chunks if chunk]
