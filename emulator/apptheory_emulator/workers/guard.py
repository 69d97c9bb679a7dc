"""No worker outlives the process that started it: one guardian watches over all of a process."""

import os
import secrets
import subprocess
import sys
import threading
from contextlib import suppress

from apptheory_emulator.workers import guardian
from apptheory_emulator.workers.environment import MARK

__all__ = ["Guard", "guard"]


class Guard:
    """Starts the guardian when it is first needed, and ends it with its last user.

    Calls may come from any thread.  In a process that was forked off, it begins anew.
    """

    mark: str
    """What the variable MARK of every worker says."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._begin()

    def _begin(self) -> None:
        self.mark = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._users = 0
        self._groups: set[int] = set()

    def enter(self) -> None:
        """Have a guardian, before the first worker is started."""
        with self._lock:
            self._users += 1
            if self._process is None:
                self._start()

    def leave(self) -> None:
        """Need it no longer: all workers of this user are gone.

        The last one takes along what has left the group of its worker.
        """
        with self._lock:
            self._users -= 1
            if self._users == 0:
                guardian.kill_marked(os.fsencode(self._variable))
                self._end()

    def watch(self, group: int) -> None:
        """Have this group of processes killed when this process is gone."""
        with self._lock:
            self._groups.add(group)
            self._tell(b"+%d\n" % group)

    def forget(self, group: int) -> None:
        """Leave this group alone from here on: it is gone, and its number may become another's."""
        with self._lock:
            self._groups.discard(group)
            self._tell(b"-%d\n" % group)

    @property
    def pid(self) -> int | None:
        """The guardian's process, None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def _variable(self) -> str:
        return f"{MARK}={self.mark}"

    def _tell(self, line: bytes) -> None:
        """Write to the guardian; one that somebody has killed, or stopped, is replaced."""
        if self._process is None:
            return
        try:
            os.write(self._pipe(self._process), line)
        except OSError:
            self._end()
            self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - a program of ours
            [sys.executable, "-I", "-S", guardian.__file__, str(os.getpid()), self._variable],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",  # no folder is kept in use
            env={},
            bufsize=0,
            start_new_session=True,
        )
        os.set_blocking(self._pipe(self._process), False)
        with suppress(OSError):  # one that ends at once is noticed at the next line
            os.write(self._pipe(self._process), b"".join(b"+%d\n" % group for group in self._groups))

    def _end(self) -> None:
        """Kill it rather than have it find that it has nothing to do: that takes no time."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            assert process.stdin is not None
            process.stdin.close()
            process.wait()

    def _pipe(self, process: "subprocess.Popen[bytes]") -> int:
        assert process.stdin is not None
        return process.stdin.fileno()

    def after_fork(self) -> None:
        """Let go of the parent's guardian: a pipe held here would keep it from seeing the parent's end."""
        self._lock = threading.Lock()
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            process.returncode = 0  # not a child of this process: nothing to wait for
        self._begin()


guard = Guard()
"""That of this process."""

os.register_at_fork(after_in_child=guard.after_fork)
