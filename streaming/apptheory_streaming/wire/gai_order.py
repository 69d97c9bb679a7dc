"""The order of the events of gai: `start` first, `finish` before `done`, `done` last."""

from collections.abc import Iterable

from apptheory_streaming.wire.gai_events import GaiDone, GaiEvent, GaiFinish, GaiStart
from apptheory_streaming.wire.gai_forms import gai_type

__all__ = ["gai_order_fault"]


def gai_order_fault(events: Iterable[GaiEvent]) -> str | None:
    """Say what is wrong with the order of a whole stream, the first thing, or None."""
    finished = done = False
    count = 0
    for count, event in enumerate(events, 1):
        place = f"event {count - 1} is {gai_type(event)}"
        if done:
            return f"{place}, behind done"
        if (count == 1) is not isinstance(event, GaiStart):
            return f"{place}, and start is first" if count == 1 else f"{place} again"
        if finished and isinstance(event, GaiFinish):
            return f"{place} again"
        finished = finished or isinstance(event, GaiFinish)
        done = isinstance(event, GaiDone)
    if done:
        return None
    return f"done is missing behind {count} events" if count else "there is no event"
