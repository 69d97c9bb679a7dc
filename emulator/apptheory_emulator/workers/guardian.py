"""The guardian: kills the workers of a process that is gone, however it went, and ends itself.

It is run as a program of its own: `python -I -S guardian.py PARENT MARK`.  On its standard input it
is told the groups of processes that live, a line each: `+123` for one more, `-123` for one less.
The standard library is all it needs, and nothing of this project is imported.
"""

import contextlib
import os
import select
import signal
import sys

__all__ = ["kill_group", "kill_marked", "main"]

_POLL_SECONDS = 0.5
"""How often it looks for its parent: the pipe stays open where a fork of the parent holds it."""
_SWEEPS = 5
"""How often it looks for processes with the mark, which may be starting others."""


def main(parent: int, mark: bytes) -> None:
    """Watch standard input until it ends, or until `parent` is gone; then kill what was not taken back."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it has to outlive those that these are meant for
    for group in _left_behind(parent):
        kill_group(group)
    kill_marked(mark)


def kill_group(group: int) -> None:
    """Kill every process of a group, at once; one that is gone is no error."""
    assert group > 0, "0 is the group of this process"
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def kill_marked(mark: bytes) -> None:
    """Kill every process whose environment has the variable `mark`, such as `NAME=value`, where /proc shows that."""
    for _ in range(_SWEEPS):
        found = [pid for pid in _processes() if mark in _variables(pid)]
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _left_behind(parent: int) -> set[int]:
    """Follow what standard input says, and give the groups that live when it ends."""
    groups: set[int] = set()
    rest = b""
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _POLL_SECONDS)
        if not readable:
            continue
        data = os.read(0, 65536)
        if not data:
            break
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            (groups.add if line.startswith(b"+") else groups.discard)(int(line[1:]))
    return groups


def _processes() -> list[int]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - pathlib takes longer to load than all else
    except OSError:
        return []
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def _variables(pid: int) -> list[bytes]:
    """The environment with which a process began; empty for one that is dead, or another user's."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
            return file.read().split(b"\0")
    except OSError:
        return []


if __name__ == "__main__":
    main(int(sys.argv[1]), os.fsencode(sys.argv[2]))
