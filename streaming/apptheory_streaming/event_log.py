"""The last events of a stream, in memory."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from apptheory_streaming.errors import EventsLost, UsageError, WriteAfterEnd
from apptheory_streaming.wire.sse import ServerSentEvent, encode_event, event_of

__all__ = ["EventLog"]


class EventLog:
    """Keeps the last events of one stream, for any number of clients that follow it or come back to it.

    Tasks and threads may append at once; the order of the calls is the order of the events.  Ids
    are numbers from 1 behind `prefix`.  A prefix of its own for each stream, and each start of the
    process, makes sure that an id of another is never taken for one of this.  An environment that
    AWS starts has a log of its own: an EventStore that all share is for more than one.
    """

    def __init__(self, *, max_events: int = 1000, prefix: str = "") -> None:
        """Keep the last `max_events`; raises UsageError for less than one, and for a prefix that no header can have."""
        if isinstance(max_events, bool) or not isinstance(max_events, int) or max_events < 1:
            raise UsageError(f"max_events must be a whole number from 1, not {max_events!r}")
        if not isinstance(prefix, str) or not (prefix.isascii() and prefix.isprintable()) or prefix != prefix.strip():
            raise UsageError(f"prefix must be printable ASCII without blanks at its ends, not {prefix!r}")
        self._prefix = prefix
        self._events: deque[ServerSentEvent] = deque(maxlen=max_events)
        self._count = 0
        self._ended = False
        self._lock = threading.Lock()
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def newest(self) -> str:
        """The id of the last event, `""` before there is one: for a client that wants what is to come."""
        with self._lock:
            return self._id(self._count)

    @property
    def oldest(self) -> str:
        """The id behind which everything is kept: for a client that takes what there is."""
        with self._lock:
            return self._id(self._count - len(self._events))

    def append(self, event: object) -> ServerSentEvent:
        """Keep an event: a ServerSentEvent, or text or a value as the data of one; gives it with its id.

        Raises WriteAfterEnd behind the end, UsageError for an event that has an id already, and
        what `encode_event` raises for one that could not be sent.
        """
        given = event_of(event)
        if given.id is not None:
            raise UsageError(f"the log gives an event its id; this one has {given.id!r} already")
        encode_event(given)
        with self._lock:
            if self._ended:
                raise WriteAfterEnd("an event was appended to a log that has ended")
            self._count += 1
            kept = replace(given, id=self._id(self._count))
            self._events.append(kept)
            self._wake()
        return kept

    def end(self) -> None:
        """Say that nothing more comes: whoever follows gets the rest, and then the end; twice is once."""
        with self._lock:
            self._ended = True
            self._wake()

    def is_over(self, last_event_id: str) -> bool:
        """Whether the stream has ended, and the client has its last event: 204 stops an EventSource for good."""
        with self._lock:
            return self._ended and last_event_id == self._id(self._count)

    async def events_after(self, last_event_id: str = "", /) -> Sequence[ServerSentEvent]:
        """Give the events behind an id, and wait while there is none; nothing when the stream is over.

        Raises EventsLost for an id of another log, and for one behind which events are no longer kept.
        """
        while True:
            with self._lock:
                events = self._behind(last_event_id)
                if events or self._ended:
                    return events
                waiter = asyncio.get_running_loop().create_future()
                self._waiting.append(waiter)
            try:
                await waiter
            finally:
                with self._lock, suppress(ValueError):  # woken ones are not in it any more
                    self._waiting.remove(waiter)

    def _behind(self, event_id: str) -> list[ServerSentEvent]:
        number = self._number(event_id)
        first = self._count - len(self._events)
        if not first <= number <= self._count:
            lost = f"the events behind {event_id!r}" if event_id else "the first events"
            raise EventsLost(f"{lost} are not kept, or no longer")
        return list(islice(self._events, number - first, None))

    def _number(self, event_id: str) -> int:
        """The number in an id; -1 for an id of another log."""
        digits = event_id.removeprefix(self._prefix)
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else 0
        return number if self._id(number) == event_id else -1

    def _id(self, number: int) -> str:
        return f"{self._prefix}{number}" if number else ""

    def _wake(self) -> None:
        for waiter in self._waiting:
            with suppress(RuntimeError):  # its loop is closed
                waiter.get_loop().call_soon_threadsafe(_let_go, waiter)
        self._waiting.clear()


def _let_go(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
