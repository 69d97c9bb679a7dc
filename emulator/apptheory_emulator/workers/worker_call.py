"""One invocation on one worker, from the event to the moment when the worker is free again."""

import asyncio
from collections.abc import AsyncIterator

from apptheory_emulator.workers.instance import WorkerInstance
from apptheory_emulator.workers.invocation_log import InvocationLog
from apptheory_emulator.workers.pool import WorkerPool
from apptheory_emulator.workers.process import POLITE_SECONDS
from apptheory_emulator.workers.runtime_answer import RuntimeAnswer
from apptheory_emulator.workers.time_limit import TimeLimit
from apptheory_streaming.errors import InvalidResponse, RuntimeExit, RuntimeFailure
from apptheory_streaming.wire.runtime_api import InvocationRequest

__all__ = ["WorkerBody", "WorkerCall"]


class WorkerCall:
    """Sends one request to one worker, and gives the worker back: idle, or dead."""

    def __init__(
        self, pool: WorkerPool, worker: WorkerInstance, request: InvocationRequest, log: InvocationLog, limit: TimeLimit
    ) -> None:
        """Take a worker that is the caller's alone, for as long as `limit` allows."""
        self._pool = pool
        self._worker = worker
        self._request = request
        self._log = log
        self._limit = limit
        self._now = asyncio.get_running_loop().time
        self._began = self._now()
        self._body: AsyncIterator[bytes] | None = None
        self._over = False
        worker.request_id = request.request_id

    async def invoke(self) -> RuntimeAnswer:
        """Start the worker if it is new, and give what its runtime answers; raises what the Runtime API raises."""
        try:
            if not self._worker.started:
                self._log.init_seconds = await self._worker.start()
            self._began = self._now()
            self._log.start()
            answer = await self._worker.api.invoke(self._request)
        except RuntimeExit as error:
            raise await self.explained(error) from None
        self._body = answer.body
        return answer

    async def explained(self, error: RuntimeExit) -> RuntimeExit:
        """Give what a runtime's end looks like from the process, where that ended and not the connection alone."""
        return await self._worker.exit_error() or error

    def over(self, error: BaseException | None = None) -> None:
        """Say that there is no more of the answer, and why; the first call counts.

        After an answer, or an error that its runtime reported, the worker is free as soon as its runtime
        asks for the next invocation; after anything else it is killed, for it runs on.
        """
        if self._over:
            return
        self._over = True
        if not self._worker.started and isinstance(error, RuntimeFailure):
            self._pool.retire(self._worker, linger=True)
            self._report_failure(error)
        elif self._worker.started and (error is None or isinstance(error, RuntimeFailure | InvalidResponse)):
            self._pool.finishing(self._worker)
            self._pool.run(self._settle(error))
        else:
            self._fail(error)

    async def _settle(self, error: BaseException | None) -> None:
        """Wait for the runtime to ask for the next invocation, within the time of this one."""
        worker = self._worker
        if isinstance(error, InvalidResponse):  # its runtime sends on, and knows nothing of that
            await _drop(self._body)
        try:
            await self._idle()
        except RuntimeExit as reason:
            self._fail(await self.explained(reason))
            return
        except TimeoutError as reason:
            self._fail(reason)
            return
        seconds = self._now() - self._began
        await worker.output_taken()
        self._end(error, seconds, worker.peak_memory_mb)
        worker.request_id = ""
        self._pool.release(worker)

    async def _idle(self) -> None:
        try:
            async with asyncio.timeout_at(self._limit.deadline):
                await self._worker.api.idle()
        except asyncio.CancelledError:  # the loop ends; a runtime that has answered is about to ask
            async with asyncio.timeout(POLITE_SECONDS):
                await self._worker.api.idle()

    def _fail(self, error: BaseException | None) -> None:
        """Kill the worker, once what there is to know of it is known."""
        memory = self._worker.peak_memory_mb
        self._pool.discard(self._worker)
        self._report_failure(error, memory)

    def _report_failure(self, error: BaseException | None, memory: int | None = None) -> None:
        """Write the last lines, behind what the worker printed last."""
        seconds = self._now() - self._began
        timed_out = not isinstance(error, RuntimeExit) and self._limit.over

        async def report() -> None:
            await self._worker.output_over()
            self._log.start()
            if timed_out:
                self._log.timed_out(self._limit.configured)
            elif isinstance(error, RuntimeExit):
                self._log.exited(str(error))
            self._end(TimeoutError() if timed_out else error, seconds, memory)

        self._pool.run(report())

    def _end(self, error: BaseException | None, seconds: float, memory: int | None) -> None:
        status, error_type = _status_of(error)
        self._log.end(seconds=seconds, peak_memory=memory, status=status, error_type=error_type)


class WorkerBody(AsyncIterator[bytes]):
    """The body of an answer; whoever reads it tells the call how it went, also by not reading on."""

    def __init__(self, call: WorkerCall, body: AsyncIterator[bytes], *, first: bytes = b"") -> None:
        """Give `first` before what is still to come."""
        self._call = call
        self._body = body
        self._first = first

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            return await self._next()
        except StopAsyncIteration:
            self._call.over()
            raise
        except BaseException as error:
            self._call.over(error)
            raise

    async def aclose(self) -> None:
        """Give up what has not been read: the worker is killed, unless its answer was over."""
        self._call.over(asyncio.CancelledError())

    async def _next(self) -> bytes:
        try:
            return await anext(self._body)
        except RuntimeExit as error:
            raise await self._call.explained(error) from None


async def _drop(body: AsyncIterator[bytes] | None) -> None:
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


def _status_of(error: BaseException | None) -> tuple[str, str]:
    """What REPORT says of an end, and of the error that it was; `cancelled` is ours."""
    if error is None or isinstance(error, InvalidResponse):  # the runtime's part went well
        return "", ""
    if isinstance(error, TimeoutError):
        return "timeout", ""
    if isinstance(error, RuntimeExit):
        return "error", "Runtime.ExitError"
    if isinstance(error, RuntimeFailure):
        return "error", error.error_type
    return ("cancelled", "") if isinstance(error, asyncio.CancelledError) else ("error", type(error).__name__)
