"""I/O that no virtual clock can wait for: other processes, other loops, threads that block."""

import os
import select
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apptheory_streaming.errors import UsageError
from apptheory_testkit.places import innermost_place

__all__ = ["ConnectionGuard", "RealIOError", "describe_threads"]

_REMEDY = 'let the test run in real time: @pytest.mark.streaming(clock="real")'
_OWN_FILES = Path("/dev/fd")


class RealIOError(UsageError):
    """A test in virtual time waits for something that only real time brings; the message says for what."""

    name = "RealIOError"
    remedy = _REMEDY
    """The part of the message that is for tests alone."""

    def __init__(self, what: str) -> None:
        """Say what it is; what to do instead is always the same."""
        super().__init__(f"{what}; a virtual clock would run on meanwhile, so {_REMEDY}")


class ConnectionGuard:
    """Looks at every socket that a virtual loop watches, and finds those whose other end it does not run.

    `refusal` is what the loop has to raise.
    """

    def __init__(self) -> None:
        """Begin without a socket."""
        self.refusal: RealIOError | None = None
        self._served: set[object] = set()

    def watch(self, descriptor: int) -> None:
        """Look at a descriptor that the loop begins to watch."""
        try:
            with _borrowed(descriptor) as borrowed:
                self._look(borrowed)
        except OSError:  # no socket, or one without an address yet: there will be another look when it has one
            return

    def _look(self, watched: socket.socket) -> None:
        if watched.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
            return
        if watched.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self._served.add(_end(watched.getsockname()))  # for good: connections outlive the socket that took them
            return
        here = watched.getsockname()
        if watched.type == socket.SOCK_DGRAM and not _has_peer(watched):
            self._served.add(_end(here))
            return
        there = watched.getpeername()
        if not there or _end(there) in self._served:
            return
        if _end(here) in self._served:
            if not _is_of_this_process(there) and not _is_over(watched):
                self.refusal = RealIOError(f"another process connected to {_shown(here)}, which this test serves")
            return
        self.refusal = RealIOError(f"this test connected to {_shown(there)}, which its own loop does not serve")


@contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """Give a socket object for a descriptor that somebody else closes; raises OSError where it is no socket."""
    blocking = os.get_blocking(descriptor)
    borrowed = socket.socket(fileno=descriptor)
    os.set_blocking(descriptor, blocking)  # which a default timeout of sockets has changed
    try:
        yield borrowed
    finally:
        borrowed.detach()


def describe_threads() -> str:
    """Say where the threads of this process stand in code that is neither ours nor a library's."""
    frames = sys._current_frames()  # noqa: SLF001 - documented, for debuggers
    others = (each for each in threading.enumerate() if each is not threading.current_thread())
    places = ((each.name, innermost_place(frames.get(each.ident or 0))) for each in others)
    return ", ".join(sorted(f"{name} at {place}" for name, place in places if place)) or "in a library"


def _is_of_this_process(address: object) -> bool:
    """Whether a socket of this process has this name."""
    for file in _OWN_FILES.iterdir():
        try:
            with _borrowed(int(file.name)) as borrowed:
                if _plain(borrowed.getsockname()) == _plain(address):
                    return True
        except OSError:  # no socket, or closed meanwhile
            continue
    return False


def _has_peer(watched: socket.socket) -> bool:
    try:
        watched.getpeername()
    except OSError:
        return False
    return True


def _is_over(watched: socket.socket) -> bool:
    """Whether the other end is closed already, as one that only asked whether the port is open: nothing will come."""
    if not hasattr(select, "POLLRDHUP"):  # pragma: no cover - Linux alone tells
        return False
    poll = select.poll()
    poll.register(watched, select.POLLRDHUP)
    return bool(poll.poll(0))


def _plain(address: object) -> object:
    """The host and the port, of a mapped IPv4 address as of a plain one."""
    return (str(address[0]).removeprefix("::ffff:"), address[1]) if isinstance(address, tuple) else address


def _end(address: object) -> object:
    """What names an end of a connection on this machine: the port, or the path of a Unix socket."""
    return address[1] if isinstance(address, tuple) else address


def _shown(address: object) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)
