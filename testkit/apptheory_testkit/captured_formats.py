"""The body of a captured response, read in the formats that streams have."""

from typing import Any, Literal, overload

from apptheory_streaming.wire.data_stream import DataStreamDecoder, DataStreamPart
from apptheory_streaming.wire.ndjson_decoder import NdjsonDecoder
from apptheory_streaming.wire.sse_decoder import SseDecoder, SseEvent
from apptheory_streaming.wire.ui_message_parts import LATEST_VERSION
from apptheory_streaming.wire.ui_message_stream import UiMessageDecoder, UiMessagePart
from apptheory_testkit import captured_values, part_streams
from apptheory_testkit.assertions.timeline import Timeline
from apptheory_testkit.positioned import Positioned, read_chunks

__all__ = ["CapturedFormats"]


class CapturedFormats:
    """What a capture reads from its chunks; looking at values looks at no problem of the response."""

    @property
    def _timeline(self) -> Timeline:
        raise NotImplementedError

    @overload
    def json(self, *, positions: Literal[False] = False) -> Any: ...
    @overload
    def json(self, *, positions: Literal[True]) -> Positioned[Any]: ...
    def json(self, *, positions: bool = False) -> Any:
        """Give the value of a body that is JSON; with `positions`, as a Positioned, as in `sse`.

        The chunk that completed it is the one with its last byte, blanks behind it not counted.
        Raises FormatError, which says at which byte of which chunk, for what no client would take:
        NaN too, and what is not UTF-8.
        """
        __tracebackhide__ = True
        value = captured_values.read_document(self._timeline)
        return value if positions else value.value

    def ndjson(self, *, positions: bool = False) -> list[Any]:
        """Give the values of NDJSON (rule W5); with `positions`, each as a Positioned, as in `sse`.

        Raises FormatError, which says at which byte of which chunk, for a line that is no JSON.
        """
        __tracebackhide__ = True
        values = captured_values.read_values(NdjsonDecoder(), self._timeline)
        return values if positions else [each.value for each in values]

    def csv(self, *, header: bool = True, delimiter: str = ",", positions: bool = False) -> list[Any]:
        """Give the rows of CSV (rule W5): dicts by the names of the header, lists without one; values are text.

        `positions` and errors are as in `ndjson`; raises UsageError for an impossible delimiter.
        """
        __tracebackhide__ = True
        rows = captured_values.read_rows(self._timeline, header=header, delimiter=delimiter)
        return rows if positions else [each.value for each in rows]

    @overload
    def sse(self) -> list[SseEvent]: ...
    @overload
    def sse(self, *, positions: Literal[False]) -> list[SseEvent]: ...
    @overload
    def sse(self, *, positions: Literal[True]) -> list[Positioned[SseEvent]]: ...
    def sse(self, *, positions: bool = False) -> list[SseEvent] | list[Positioned[SseEvent]]:
        """Give the Server-Sent Events of the body as a browser would get them (rule W3).

        With `positions`, each with the number and the time of the chunk that completed it.
        Comments, and a last event without its blank line, are none.
        """
        events = read_chunks(SseDecoder().feed, self._timeline)
        return events if positions else [each.value for each in events]

    @overload
    def data_stream(self, *, positions: Literal[False] = False) -> list[DataStreamPart]: ...
    @overload
    def data_stream(self, *, positions: Literal[True]) -> list[Positioned[DataStreamPart]]: ...
    def data_stream(self, *, positions: bool = False) -> list[DataStreamPart] | list[Positioned[DataStreamPart]]:
        """Give the parts of a data stream of the AI SDK, version 4; `positions` as in `sse`.

        Raises FormatError, which says at which byte of which chunk, for what no client would take.
        """
        __tracebackhide__ = True
        parts = part_streams.read_parts(DataStreamDecoder(), self._timeline)
        return parts if positions else [each.value for each in parts]

    @overload
    def ui_messages(self, *, version: int = ..., positions: Literal[False] = False) -> list[UiMessagePart]: ...
    @overload
    def ui_messages(self, *, version: int = ..., positions: Literal[True]) -> list[Positioned[UiMessagePart]]: ...
    def ui_messages(
        self, *, version: int = LATEST_VERSION, positions: bool = False
    ) -> list[UiMessagePart] | list[Positioned[UiMessagePart]]:
        """Give the parts of a UI message stream, as a client with this version of the AI SDK reads them.

        `positions` as in `sse`.  Raises FormatError, which says at which byte of which chunk, for
        what such a client would not take, and UsageError for a version that is not known.
        """
        __tracebackhide__ = True
        parts = part_streams.read_parts(UiMessageDecoder(version=version), self._timeline)
        return parts if positions else [each.value for each in parts]
