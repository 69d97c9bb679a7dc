"""What one invocation has logged, for a caller that asks for it: `X-Amz-Log-Type: Tail`."""

import asyncio
import base64
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["TAIL_BYTES", "LogTail", "keep_log"]

TAIL_BYTES = 4096
"""AWS gives the last 4 KB."""

KEPT_BYTES = 16 * TAIL_BYTES
"""A function may log for hours: what is kept of it is bounded."""

REPORT_SECONDS = 2.0
"""How long the last lines of a worker are waited for."""

_WORKERS = "apptheory_emulator.worker"
_current: ContextVar["LogTail | None"] = ContextVar("log_tail", default=None)


class LogTail:
    """The lines of one invocation; those of a worker end with its REPORT."""

    def __init__(self, request_id: str) -> None:
        """Begin empty."""
        self.request_id = request_id
        self._text = bytearray()
        self._reported = asyncio.Event()

    def put(self, line: str) -> None:
        """Keep a line, and let go of those that are too old to be in the tail."""
        self._text += f"{line}\n".encode("utf-8", "backslashreplace")
        if len(self._text) > KEPT_BYTES:
            del self._text[:-TAIL_BYTES]
        if line.startswith(f"REPORT RequestId: {self.request_id}"):
            self._reported.set()

    async def reported(self) -> None:
        """Wait for the last line, but not for long: a runtime may do other things before its next invocation."""
        try:
            async with asyncio.timeout(REPORT_SECONDS):
                await self._reported.wait()
        except TimeoutError:
            self.put(f"(the REPORT of {self.request_id} has not come within {REPORT_SECONDS:g} s)")

    def encoded(self) -> str:
        """Give the last TAIL_BYTES in base64."""
        return base64.b64encode(self._text[-TAIL_BYTES:]).decode()


@contextmanager
def keep_log(request_id: str) -> Iterator[LogTail]:
    """Keep what is logged for this request inside the block: by its worker, or by a handler called in here."""
    tail = LogTail(request_id)
    token = _current.set(tail)
    _keeper.add(tail)
    try:
        yield tail
    finally:
        _keeper.remove(tail)
        _current.reset(token)


class _Keeper(logging.Handler):
    """Hears of every record while a tail is wanted: workers log at INFO, and that has to be enabled for it."""

    def __init__(self) -> None:
        super().__init__()
        self._tails: dict[str, LogTail] = {}
        self._guard = threading.Lock()
        self._level = self._usual = logging.NOTSET

    def add(self, tail: LogTail) -> None:
        with self._guard:
            if not self._tails:
                self._listen()
            self._tails = {**self._tails, tail.request_id: tail}

    def remove(self, tail: LogTail) -> None:
        with self._guard:
            self._tails = {name: each for name, each in self._tails.items() if each is not tail}
            if not self._tails:
                logging.getLogger().removeHandler(self)
                workers = logging.getLogger(_WORKERS)
                workers.removeFilter(self._is_for_all)
                workers.setLevel(self._level)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == _WORKERS:
            tail = self._tails.get(getattr(record, "request_id", ""))
            if tail is not None and isinstance(record.args, tuple):
                tail.put(str(record.args[-1]))  # its text alone: function and request are known
        elif (tail := _current.get()) is not None:
            self._put(tail, record)

    def _put(self, tail: LogTail, record: logging.LogRecord) -> None:
        try:
            tail.put(f"[{record.levelname}] {self.format(record)}")
        except Exception:  # noqa: BLE001 - arguments that do not fit: no reason for a function to fail
            self.handleError(record)

    def _is_for_all(self, record: logging.LogRecord) -> bool:
        """Whether others hear of a record too: not of one that would not be there if nobody wanted a tail."""
        if record.levelno >= self._usual:
            return True
        self.handle(record)
        return False

    def _listen(self) -> None:
        workers = logging.getLogger(_WORKERS)
        self._level, self._usual = workers.level, workers.getEffectiveLevel()
        if self._usual > logging.INFO:
            workers.setLevel(logging.INFO)
            workers.addFilter(self._is_for_all)
        logging.getLogger().addHandler(self)


_keeper = _Keeper()
