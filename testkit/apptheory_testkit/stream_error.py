"""A late error as an exception, for a test that would rather catch it than look for it in a capture."""

from contextlib import suppress

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.outcome import DeliveryKind
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.rendering.chunks import render_count

__all__ = ["capture_of", "raise_stream_error"]


class _CaptureNote(str):
    """A note of an exception, which says what came of the response and has it."""

    __slots__ = ("capture",)

    capture: StreamCapture


def raise_stream_error(capture: StreamCapture) -> None:
    """Raise the handler's own exception for a late error (rule E3), with a note that has the capture.

    A client that had left by then hears of nothing, and an early error is a response like any other.
    """
    transcript = capture._transcript  # noqa: SLF001 - reading it as a test does would be looking at its problems
    if transcript.stream_error_code is None or transcript.delivery.kind is DeliveryKind.CLIENT_GONE:
        return
    error = capture.error  # whoever gets the exception has been told
    assert error is not None
    with suppress(Exception):  # a frozen exception takes no notes
        error.exception.add_note(_note(capture, error.code))
    raise error.exception


def capture_of(error: BaseException) -> StreamCapture:
    """Give the response that this exception of its handler broke; raises UsageError for an exception of another origin.

    One exception may break several: it is the last of them.
    """
    for note in reversed(getattr(error, "__notes__", ())):
        if isinstance(note, _CaptureNote):
            return note.capture
    raise UsageError(
        f"{type(error).__name__} was not raised by a client for a stream that broke: capture_of takes what "
        "a request of `stream_client(…, raise_on_stream_error=True)` raises"
    )


def _note(capture: StreamCapture, code: str) -> _CaptureNote:
    came = f"{render_count(len(capture.chunks), 'chunk')} ({render_count(len(capture.body), 'byte')})"
    note = _CaptureNote(f"It broke the stream of {capture.request_id} after {came}: {code}; see capture_of(error).")
    note.capture = capture
    return note
