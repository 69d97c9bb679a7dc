"""The process of a runtime: which thread runs what, signals, and the exit status.

An async handler has the main thread with its event loop.  A sync handler has the main thread for
itself, as under awslambdaric, since code that Lambda runs relies on it: `asyncio.get_event_loop`,
`signal`, connections that belong to the thread which imported the module; the loop then runs on a
second thread.
"""

import asyncio
import os
import queue
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

from apptheory_streaming.handlers import Handler, is_async
from apptheory_streaming.runtime.client import RuntimeClient
from apptheory_streaming.runtime.connection import Address
from apptheory_streaming.runtime.log import RuntimeLog
from apptheory_streaming.runtime.serving import Runtime
from apptheory_streaming.threads import start_thread

__all__ = ["STOP_SECONDS", "RuntimeProcess"]

STOP_SECONDS = 1.5
"""When a process that was told to stop ends, whatever still runs in it; Lambda gives 2 s at most."""

_Work = Callable[[], None]

_SIGNALS = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
"""What ends a runtime, and what Python does about it by itself."""


class RuntimeProcess:
    """Runs a runtime in this process, which it has for itself."""

    def __init__(self, handler: Handler, address: Address, log: RuntimeLog) -> None:
        """Start nothing yet."""
        self._handler = handler
        self._address = address
        self._log = log
        self._works: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runtime: Runtime | None = None
        self._status = 0
        self._stopping = False
        self._ending: BaseException | None = None
        self._signals, self._signalled = socket.socketpair()

    def run(self) -> int:
        """Serve until the process shall end, and give its exit status; what a handler ended it by comes out."""
        self._listen_to_signals()
        try:
            self._serve_by_kind()
        finally:
            signal.set_wakeup_fd(-1)
        if self._ending is not None:
            raise self._ending
        return self._status

    def _serve_by_kind(self) -> None:
        if is_async(self._handler):
            self._serve()
        else:
            self._serve_beside()

    def _serve(self) -> None:
        try:
            with asyncio.Runner() as runner:
                self._ending = runner.run(self._run())
        except BaseException as error:  # noqa: BLE001 - it comes out of `run`, on the main thread
            self._ending = error

    async def _run(self) -> BaseException | None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._signals, self._read_signals)
        start_work = start_thread if threading.current_thread() is threading.main_thread() else self._works.put
        self._runtime = Runtime(self._handler, RuntimeClient(self._address), self._log, start_work=start_work)
        return None if self._stopping else await self._runtime.run()

    def _serve_beside(self) -> None:
        """Run the loop on a thread of its own, and here what it asks to be run."""
        beside = threading.Thread(target=self._serve_and_say_so, name="runtime", daemon=True)
        beside.start()
        while (work := self._works.get()) is not None:
            work()
        beside.join()

    def _serve_and_say_so(self) -> None:
        try:
            self._serve()
        finally:
            self._works.put(None)

    # -- signals ------------------------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        """Stop on SIGTERM and Ctrl-C; a handler that has set a signal itself keeps it.

        Python calls such functions on the main thread alone, and not while that goes to sleep at the
        very moment; so the signal also wakes the loop, which stops by itself.
        """
        for number, untouched in _SIGNALS.items():
            if signal.getsignal(number) is untouched:
                signal.signal(number, self._stop)
        self._signals.setblocking(False)
        self._signalled.setblocking(False)
        signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)

    def _read_signals(self) -> None:
        for number in self._signals.recv(64):
            if number in _SIGNALS and signal.getsignal(number) == self._stop:
                self._stop(number, None)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._status = 0 if number == signal.SIGTERM else 128 + number
        last = threading.Timer(STOP_SECONDS, os._exit, [self._status])
        last.daemon = True
        last.start()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop_runtime)

    def _stop_runtime(self) -> None:
        if self._runtime is not None:
            self._runtime.stop()
