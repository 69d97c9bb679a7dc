"""The life of a runtime: one invocation after another, on one event loop that never stops between them.

Background tasks of a handler therefore run on while the runtime waits for its next invocation, as
far as Lambda lets the process run then.
"""

import asyncio
import logging
from typing import Any

from apptheory_streaming.errors import NotEnded, RuntimeExit, code_of
from apptheory_streaming.handlers import Handler
from apptheory_streaming.invocation import Invocation, InvocationPolicy
from apptheory_streaming.runtime.client import RuntimeClient
from apptheory_streaming.runtime.error_report import ErrorReport
from apptheory_streaming.runtime.fault import Fault
from apptheory_streaming.runtime.front import RuntimeFront
from apptheory_streaming.runtime.log import RuntimeLog
from apptheory_streaming.runtime.request_context import make_context, read_event, set_trace_id
from apptheory_streaming.runtime.response_reader import HttpResponse
from apptheory_streaming.runtime.sink import RuntimeApiSink
from apptheory_streaming.threads import HandlerThread, StartWork
from apptheory_streaming.wire.events.http_events import is_http_event
from apptheory_streaming.wire.outcome import DeliveryKind
from apptheory_streaming.wire.runtime_api import InvocationRequest
from apptheory_streaming.wire.transcript import HandlerError, Transcript

__all__ = ["GRACE_SECONDS", "Runtime"]

GRACE_SECONDS = 0.3
"""How long a stream in flight may go on after a stop: Lambda gives 0.5 s where there is an extension,
and the rest is for the handler's `finally` blocks."""

# The platform enforces limits and deadlines; a process that ends is its word for sys.exit.
_POLICY = InvocationPolicy(contain_exit=True, keep_chunks=0)

_log = logging.getLogger("apptheory_streaming")


class Runtime:
    """Serves the invocations of one function, one at a time."""

    def __init__(self, handler: Handler, client: RuntimeClient, log: RuntimeLog, *, start_work: StartWork) -> None:
        """Ask for nothing yet; `start_work` runs what may block."""
        self._handler = handler
        self._client = client
        self._log = log
        self._start_work = start_work
        self._task: asyncio.Task[Any] | None = None
        self._busy = False
        self._stopped = False

    async def run(self) -> BaseException | None:
        """Serve until `stop`, which gives None, or until a handler ends the process by what this gives.

        Raises ConnectionError when the Runtime API is not there, or cannot go on.
        """
        self._task = asyncio.current_task()
        try:
            while not self._stopped:
                request = await self._client.next()
                self._busy = True
                ending = await self._serve(request)
                if ending is not None:
                    return ending
                self._busy = False
        except asyncio.CancelledError:
            if not self._stopped:
                raise
        finally:
            self._client.connection.abort()
        return None

    def stop(self) -> None:
        """Take no more invocations; one in flight has GRACE_SECONDS left.  Called on the loop."""
        if self._stopped or self._task is None:
            return
        self._stopped = True
        if self._busy:
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._task.cancel)
        else:
            self._task.cancel()

    async def _serve(self, request: InvocationRequest) -> BaseException | None:
        """Answer one invocation; gives what ends the process, if anything does."""
        self._log.request_id, self._log.tenant_id = request.request_id, request.tenant_id
        set_trace_id(request.trace_id)
        try:
            context = make_context(request)
            event = read_event(request)
        except Fault as fault:
            await self._report(request, ErrorReport.of(fault))
            return None
        return await self._invoke(request, event, context)

    async def _invoke(self, request: InvocationRequest, event: Any, context: Any) -> BaseException | None:
        front = RuntimeFront(http=is_http_event(event))
        sink = RuntimeApiSink(self._client, request, error=lambda: invocation.error)
        invocation = Invocation(
            self._handler,
            event,
            context,
            sink=sink,
            front=front,
            request_id=request.request_id,
            policy=_POLICY,
            thread=HandlerThread(self._start_work),
        )
        transcript = await invocation.run()
        error = transcript.error
        if error is not None and (ending := _ending_of(error.exception)) is not None:
            return ending
        if sink.started:
            self._end_stream(transcript, sink.answer)
        elif front.payload is not None:
            self._heed(await self._client.respond(request, front.payload))
        elif error is not None:
            await self._report(request, ErrorReport.of(error.exception, code=code_of(error.exception)))
        return None

    async def _report(self, request: InvocationRequest, report: ErrorReport) -> None:
        self._log.error(report)
        self._heed(await self._client.fail(request, report))

    def _end_stream(self, transcript: Transcript, answer: HttpResponse | None) -> None:
        """Log what its author should know of a response that went out."""
        error = transcript.error
        if error is not None and _needs_attention(error, transcript):
            self._log.error(ErrorReport.of(error.exception))
        for note in (*transcript.notes, *(f"late change of the head: {each}" for each in transcript.late_mutations)):
            _log.warning("%s", note)
        if transcript.delivery.kind is DeliveryKind.CLIENT_GONE:
            _log.warning("the Runtime API closed the connection before the response was complete")
        elif answer is not None:
            self._heed(answer)

    def _heed(self, answer: HttpResponse) -> None:
        """Log an answer that was not taken; a 500 is how AWS tells a runtime to leave."""
        if answer.status >= 500:
            raise ConnectionError(f"it answered {answer}")
        if not answer.accepted:
            _log.error("the Runtime API did not take the answer: %s", answer)


def _ending_of(error: BaseException) -> BaseException | None:
    """What ends the process; a RuntimeExit that a handler itself raised is an error as any other."""
    cause = error.__cause__ if isinstance(error, RuntimeExit) else None
    return None if isinstance(cause, Exception) else cause


def _needs_attention(error: HandlerError, transcript: Transcript) -> bool:
    """Whether an error is worth a traceback: one that a handler answers a client with on purpose is not."""
    if error.late or isinstance(error.exception, NotEnded):
        return True
    return transcript.head is not None and transcript.head.status >= 500
