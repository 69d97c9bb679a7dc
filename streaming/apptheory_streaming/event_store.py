"""Events again, for a client that lost its connection and comes back with the id of the last one it had."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.sse import ServerSentEvent

__all__ = ["EventStore", "last_event_id", "replay"]

_HEADER = "last-event-id"


class EventStore(Protocol):
    """Where the events of one stream are kept, each with an id: an EventLog, or a database that is shared."""

    async def events_after(self, last_event_id: str, /) -> Sequence[ServerSentEvent]:
        """Give some or all events behind an id, in order, `""` being the beginning.

        Wait while there is none yet; give nothing when the stream is over.  Raises EventsLost for
        an id behind which it has not everything.
        """
        ...


def last_event_id(event: Mapping[str, Any]) -> str:
    """Give the `Last-Event-ID` header of a request event, or `""` for a client that comes for the first time.

    Raises UsageError for what is no event.
    """
    if not isinstance(event, Mapping):
        raise UsageError(f"event must be the event of the request, a mapping, not of type {type(event).__name__}")
    headers: Mapping[str, Any] = event.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == _HEADER), "")


async def replay(store: EventStore, last_event_id: str = "") -> AsyncIterator[ServerSentEvent]:
    """Give every event behind an id, those to come too, until the stream is over: each once, and none left out.

    Raises EventsLost where that cannot be: before the first event it becomes a 404 (rule E2).
    """
    while events := await store.events_after(last_event_id):
        for event in events:
            if not event.id:
                raise UsageError(f"{type(store).__name__} gave an event without an id, behind which nobody can ask")
            last_event_id = event.id
            yield event
