"""How code that runs in an invocation learns that the client of this invocation is gone (rule E4)."""

from collections.abc import Callable
from contextvars import ContextVar

__all__ = ["ClientSignal", "client_signal"]


class ClientSignal:
    """Whether one client is gone, and who wants to know.  For code on the loop."""

    def __init__(self) -> None:
        """The client is there."""
        self.gone = False
        self._listeners: list[Callable[[], object]] = []

    def on_gone(self, callback: Callable[[], object]) -> None:
        """Call back once the client is gone; at once if it is."""
        if self.gone:
            callback()
        else:
            self._listeners.append(callback)

    def lose(self) -> None:
        """Say that the client is gone."""
        self.gone = True
        listeners, self._listeners = self._listeners, []
        for callback in listeners:
            callback()

    def use(self) -> None:
        """Make this the signal of the invocation whose task runs."""
        _current.set(self)


def client_signal() -> ClientSignal:
    """Give the signal of the invocation in which this runs; outside of any, one that is never given."""
    return _current.get(None) or ClientSignal()


_current: ContextVar[ClientSignal] = ContextVar("client_signal")
