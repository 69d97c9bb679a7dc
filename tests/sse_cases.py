"""Cases of Server-Sent Events: what is read from a stream, and what is written and read again."""

from apptheory_streaming.wire.sse import ServerSentEvent
from apptheory_streaming.wire.sse_decoder import SseEvent
from wire_vectors import decoded, encoded

__all__ = ["READ", "SENT"]

READ: dict[str, tuple[bytes, list[SseEvent]]] = {
    name: (vector.stream, [SseEvent(**event) for event in vector.expect]) for name, vector in decoded("sse").items()
}
"""Stream -> the events that a client gets."""

SENT: dict[str, tuple[ServerSentEvent, bytes, list[SseEvent]]] = {
    name: (ServerSentEvent(**vector.value), vector.stream, [SseEvent(**event) for event in vector.expect])
    for name, vector in encoded("sse").items()
}
"""Event -> its bytes, and what a client makes of them."""
