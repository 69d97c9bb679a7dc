"""The selector of a virtual loop: the one place where an asyncio loop waits."""

import selectors
from collections.abc import Callable, Mapping
from typing import Any

from apptheory_testkit.virtual_time.real_io import ConnectionGuard, RealIOError

__all__ = ["PatientSelector"]

Ready = list[tuple[selectors.SelectorKey, int]]


class PatientSelector(selectors.BaseSelector):
    """Gives I/O that is ready at once, and leaves all waiting to the loop."""

    def __init__(self, wait: Callable[[], Ready]) -> None:
        """`wait` is called instead of waiting."""
        self._selector = selectors.DefaultSelector()
        self._guard = ConnectionGuard()
        self._wait = wait

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the real selector does, with a look at where the other end is."""
        key = self._selector.register(fileobj, events, data)
        self._guard.watch(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As the real selector does."""
        return self._selector.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the real selector does."""
        return self._selector.modify(fileobj, events, data)

    def close(self) -> None:
        """Close the real selector."""
        self._selector.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """What is registered."""
        return self._selector.get_map()

    def select(self, timeout: float | None = None) -> Ready:
        """Give what is ready; else let the loop decide how to wait.

        Raises RealIOError, once, when a connection was made that virtual time cannot hold.
        """
        __tracebackhide__ = True
        if self._guard.refusal is not None:
            refusal, self._guard.refusal = self._guard.refusal, None
            raise refusal
        ready = self._selector.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        return self._wait()

    def refuse(self, error: RealIOError) -> None:
        """Let the loop raise an error as soon as it looks for I/O."""
        self._guard.refusal = error

    def wait_really(self, timeout: float | None) -> Ready:
        """Wait for I/O in real time, in seconds; None waits for ever."""
        return self._selector.select(timeout)
