"""Tracebacks as a handler's author wants them: their code, not ours."""

import importlib
import os
import traceback
from pathlib import Path

import apptheory_emulator
import apptheory_streaming
from apptheory_streaming.errors import RuntimeExit, RuntimeFailure, TargetError, UsageError

__all__ = ["describe"]

_FOLDERS = tuple(str(Path(str(each.__file__)).parent) for each in (apptheory_streaming, apptheory_emulator, importlib))
_OURS = (*(folder + os.sep for folder in _FOLDERS), "<frozen importlib")


def describe(error: BaseException) -> str:
    """Give an error with the frames of its traceback that are the handler's own, and those it called.

    Of a target that cannot be imported it is the traceback of what its module raised.  What went wrong in
    a process of its own, or before there was any code of the handler, is told in one line.
    """
    cause = error.__cause__
    if isinstance(error, RuntimeFailure):  # whose traceback is in the log of its process
        return f"{error.error_type}: {error}"
    if isinstance(error, RuntimeExit):  # whose cause is what the handler did, in this process
        return _lines(error) if _own_frames(error) or (cause is not None and _own_frames(cause)) else str(error)
    if isinstance(error, UsageError) and not isinstance(error, TargetError):
        return _lines(error) if _own_frames(error) else str(error)
    if not isinstance(error, TargetError):
        return _lines(error)
    if cause is None or (isinstance(cause, ModuleNotFoundError) and not _own_frames(cause)):
        return str(error)
    return f"{error}\n{_lines(cause)}"


def _lines(error: BaseException) -> str:
    shown = traceback.TracebackException.from_exception(error)
    _hide_ours(shown)
    return "".join(shown.format()).rstrip()


def _own_frames(error: BaseException) -> bool:
    return any(not frame.filename.startswith(_OURS) for frame in traceback.extract_tb(error.__traceback__))


def _hide_ours(shown: traceback.TracebackException) -> None:
    """Drop our frames from an error and from all that it came from."""
    kept = [frame for frame in shown.stack if not frame.filename.startswith(_OURS)]
    shown.stack = traceback.StackSummary.from_list(kept)
    if not kept:  # a header above nothing says nothing
        shown.stack = None  # type: ignore[assignment]  # format() leaves the header out then
    for other in (shown.__cause__, shown.__context__, *(shown.exceptions or ())):
        if other is not None:
            _hide_ours(other)
