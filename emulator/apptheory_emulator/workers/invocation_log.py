"""The lines that Lambda writes around what a function prints."""

import math
from dataclasses import dataclass, field

from apptheory_emulator.workers.worker_log import log_line

__all__ = ["InvocationLog"]


@dataclass(slots=True, kw_only=True)
class InvocationLog:
    """START, END and REPORT of one invocation; `memory` is in MB.

    `init_seconds` is what the start of its worker took, None for a warm one.
    """

    function_name: str
    request_id: str
    memory: int
    init_seconds: float | None = None
    _started: bool = field(default=False, init=False)

    def start(self) -> None:
        """Say that the runtime gets the event; once is enough."""
        if not self._started:
            self._started = True
            self._say(f"START RequestId: {self.request_id} Version: $LATEST")

    def exited(self, words: str) -> None:
        """Say how the runtime ended; `words` name the request already."""
        self._say(f"{words} Runtime.ExitError")

    def timed_out(self, seconds: float) -> None:
        """Say that the time was over."""
        self._say(f"{self.request_id} Task timed out after {seconds:.2f} seconds")

    def end(self, *, seconds: float, peak_memory: int | None, status: str = "", error_type: str = "") -> None:
        """Say that it is over, and what it took; the start of a worker is billed too."""
        milliseconds = seconds * 1000
        initial = None if self.init_seconds is None else self.init_seconds * 1000
        fields = (
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {milliseconds:.2f} ms",
            f"Billed Duration: {math.ceil(milliseconds + (initial or 0))} ms",
            f"Memory Size: {self.memory} MB",
            "" if peak_memory is None else f"Max Memory Used: {peak_memory} MB",
            "" if initial is None else f"Init Duration: {initial:.2f} ms",
            status and f"Status: {status}",
            error_type and f"Error Type: {' '.join(error_type.split())}",  # a runtime's own words, kept to one line
        )
        self._say(f"END RequestId: {self.request_id}")
        self._say("\t".join(each for each in fields if each))

    def _say(self, line: str) -> None:
        log_line(self.function_name, self.request_id, line)
