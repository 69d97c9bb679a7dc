"""How the Invoke APIs take an answer: the bytes of the function, its prelude included, and its errors as documents."""

from typing import Any

from apptheory_emulator.workers.function import WorkerFunction
from apptheory_streaming.handlers import Handler
from apptheory_streaming.runtime.front import RuntimeFront
from apptheory_streaming.shapes import StreamedAnswer
from apptheory_streaming.wire.events.http_events import is_http_event
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.prelude import encode_prelude

__all__ = ["InvokeFront"]


class InvokeFront(RuntimeFront):
    """The front of one invocation: that of the Runtime API, for a caller gets what a runtime sends."""

    def __init__(self, event: object) -> None:
        """Take an event, which may be that of an HTTP request."""
        super().__init__(http=is_http_event(event))
        self._verbatim = False

    def prelude(self, head: Head) -> bytes:
        """Give what stands before the first chunk; nothing for a runtime that has sent no prelude."""
        return b"" if self._verbatim else encode_prelude(head)

    def handler(self, handler: Handler) -> Handler:
        """Give the handler so that the front knows what a worker's runtime has sent."""
        if not isinstance(handler, WorkerFunction):
            return handler

        async def noted(event: Any, context: Any) -> Any:
            answer = await handler(event, context)
            self._verbatim = isinstance(answer, StreamedAnswer) and answer.verbatim
            return answer

        return noted
