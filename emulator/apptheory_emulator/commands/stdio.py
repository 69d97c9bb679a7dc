"""Keeps stdout for tools, and the log readable whatever a handler does to the standard streams."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import TextIO

__all__ = ["set_up_logging", "stdout_for_tools"]


@contextlib.contextmanager
def stdout_for_tools() -> Iterator[TextIO]:
    """Give stdout, and lead all else that is printed, by programs that a handler starts too, to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(kept, "w", closefd=False) as stdout, contextlib.redirect_stdout(_stderr()):
            yield stdout
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def set_up_logging() -> None:
    """Log to stderr, a line an event."""
    logging.basicConfig(level=logging.INFO, stream=_stderr(), format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # of a change we tell ourselves


def _stderr() -> TextIO:
    """Open stderr once more: what a handler closes, `sys.stdout` or `sys.stderr`, must not be what others write to."""
    return open(2, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace", closefd=False)
