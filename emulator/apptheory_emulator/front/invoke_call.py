"""One call of the Invoke APIs: a function, its event, and what came of it."""

import asyncio
import uuid
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from apptheory_emulator.front.collecting_sink import CollectingSink
from apptheory_emulator.front.event_stream_sink import EventStreamSink
from apptheory_emulator.front.function_name import function_arn
from apptheory_emulator.front.invoke_failure import InvokeFailure, failure_of
from apptheory_emulator.front.invoke_front import InvokeFront
from apptheory_emulator.front.invoke_request import InvokeRequest
from apptheory_emulator.front.log_tail import LogTail, keep_log
from apptheory_emulator.workers.function import WorkerFunction
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_emulator.workers.invocation_log import InvocationLog
from apptheory_streaming.context import LambdaContext
from apptheory_streaming.errors import FunctionTimeout, NotEnded, Throttled
from apptheory_streaming.invocation import Invocation
from apptheory_streaming.runtime.request_context import make_context
from apptheory_streaming.wire.runtime_api import InvocationRequest
from apptheory_streaming.wire.transcript import HandlerError

__all__ = ["InvokeCall"]


class InvokeCall(AbstractContextManager["InvokeCall"]):
    """Prepares an invocation, and tells afterwards how it went; its log is kept while it is entered."""

    def __init__(self, function: InProcessFunction, request: InvokeRequest) -> None:
        """Run nothing yet."""
        self.request = request
        self.request_id = str(uuid.uuid4())
        self.front = InvokeFront(request.event)
        self._function = function
        self._handler = function.handler()
        self._in_worker = isinstance(self._handler, WorkerFunction)
        self._invocation: Invocation | None = None
        self._sink: CollectingSink | EventStreamSink | None = None
        self._stack = ExitStack()
        self._tail: LogTail | None = None
        self._log: InvocationLog | None = None
        self._now = asyncio.get_running_loop().time
        self._began = self._now()

    def __enter__(self) -> Self:
        if self.request.log_tail:
            self._tail = self._stack.enter_context(keep_log(self.request_id))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def invocation(self, sink: CollectingSink | EventStreamSink, *, collected: bool) -> Invocation:
        """Make the invocation; a collected stream has the limit of a buffered answer."""
        config = self._function.config
        limits = config.limits
        if collected:
            limits = replace(limits, max_streamed_bytes=limits.max_buffered_bytes)
        self._sink = sink
        if self._tail is not None and not self._in_worker:  # which has lines of its own
            self._log = InvocationLog(function_name=config.name, request_id=self.request_id, memory=1024)
            self._log.start()
        self._invocation = Invocation(
            self.front.handler(self._handler),
            self.request.event,
            self._context(),
            sink=sink,
            front=self.front,
            request_id=self.request_id,
            policy=replace(config.policy, limits=limits),
            now=self._now,
        )
        return self._invocation

    @property
    def throttled(self) -> bool:
        """Whether it never ran, since all environments were busy."""
        return self._error is not None and isinstance(self._error.exception, Throttled)

    @property
    def failure(self) -> InvokeFailure | None:
        """What the function failed with; not an error that it has answered with a response of its own."""
        error = self._error
        if error is None or isinstance(error.exception, NotEnded):
            return None
        if not error.late and self._sink is not None and self._sink.started:
            return None
        return failure_of(error.exception, request_id=self.request_id, timeout=self._function.config.timeout)

    async def log_result(self) -> str | None:
        """Give the tail of the log in base64 once its last lines are there; None where none is wanted."""
        if self._tail is None:
            return None
        if self._in_worker:
            await self._tail.reported()
        elif self._log is not None:
            self._end_log(self._log, self._tail)
        return self._tail.encoded()

    @property
    def _error(self) -> HandlerError | None:
        return None if self._invocation is None else self._invocation.error

    def _context(self) -> LambdaContext:
        context = self._function.context(self.request_id)
        if self.request.function.qualifier:
            context.invoked_function_arn = function_arn(context.function_name, self.request.function.qualifier)
        if self.request.client_context is not None:
            context.client_context = self._client_context(self.request)
        return context

    def _client_context(self, request: InvokeRequest) -> object:
        """For a worker as its caller sent it, for a handler in here as the runtime of a worker makes it."""
        if self._in_worker:
            return request.client_context
        invocation = InvocationRequest(
            request_id=self.request_id, deadline_ms=0, payload=b"", client_context=request.client_context_text
        )
        return make_context(invocation).client_context

    def _end_log(self, log: InvocationLog, tail: LogTail) -> None:
        """Write for a handler in here what its runtime, and Lambda, would write."""
        failure = self.failure
        timed_out = self._error is not None and isinstance(self._error.exception, FunctionTimeout)
        if failure is not None and not timed_out:
            tail.put(f"[ERROR] {failure.error_type}: {failure.document.decode()}")
        if timed_out:
            log.timed_out(self._function.config.timeout or 0)
        log.end(
            seconds=self._now() - self._began,
            peak_memory=None,
            status="timeout" if timed_out else "error" if failure is not None else "",
            error_type=failure.error_type if failure is not None and not timed_out else "",
        )
