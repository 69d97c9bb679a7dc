"""One invocation: a handler, a response, its deadline and its client.

Two tasks share the work.  The handler's task produces and may be cancelled at any point; the
delivery task is the only one that drains and ends the sink, so a cancelled handler never leaves
half a frame behind.
"""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apptheory_streaming.errors import (
    ClientGone,
    FunctionTimeout,
    NotEnded,
    PayloadTooLarge,
    RuntimeExit,
    StreamingError,
)
from apptheory_streaming.handlers import Handler, HandlerRun
from apptheory_streaming.options import check_timeout
from apptheory_streaming.threads import HandlerThread
from apptheory_streaming.watch import HeadWatch
from apptheory_streaming.wire.front import Front
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.lifecycle import State
from apptheory_streaming.wire.limits import Limits, check_limits
from apptheory_streaming.wire.outcome import DeliveryKind, DeliveryOutcome, Ending, HandlerKind, HandlerOutcome
from apptheory_streaming.wire.recorder import TranscriptRecorder
from apptheory_streaming.wire.transcript import HandlerError, Transcript
from apptheory_streaming.write_queue import WriteQueue
from apptheory_streaming.writer import Clock, ResponseWatcher, ResponseWriter, Sink

__all__ = ["CLEANUP_SECONDS", "Invocation", "InvocationPolicy", "LateTimeout", "OnDisconnect"]

CLEANUP_SECONDS = 5.0
"""How long a cancelled handler may take for its `finally` blocks before it is left to itself."""


class OnDisconnect(StrEnum):
    """What happens to a handler whose client is gone (rule E4)."""

    CONTINUE = "continue"
    """It runs on to its end, as on AWS; its chunks are counted and dropped."""
    CANCEL = "cancel"


class LateTimeout(StrEnum):
    """What the client sees of a timeout after the first chunk (rule E5)."""

    CUT = "cut"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationPolicy:
    """How an invocation is bounded and observed.

    `timeout` is in seconds (None: none is armed).  `watch_foreign` compares heads that are not our
    own after each chunk.  `keep_chunks` bounds the chunk records of the transcript.
    `contain_exit` makes a function error of `sys.exit` in a handler, and of every other exception
    that would end a server, save KeyboardInterrupt.  Raises UsageError for a timeout and for limits
    that cannot be.
    """

    timeout: float | None = None
    on_disconnect: OnDisconnect = OnDisconnect.CONTINUE
    late_timeout: LateTimeout = LateTimeout.CUT
    limits: Limits = field(default_factory=Limits)
    watch_foreign: bool = False
    keep_chunks: int | None = None
    contain_exit: bool = False

    def __post_init__(self) -> None:
        check_timeout(self.timeout)
        check_limits(self.limits)


class Invocation:
    """Runs a handler once and delivers its response to a sink.  Made on the loop it runs on."""

    def __init__(
        self,
        handler: Handler,
        event: Any,
        context: Any,
        *,
        sink: Sink,
        front: Front,
        request_id: str,
        policy: InvocationPolicy | None = None,
        now: Clock = lambda: None,
        head_only: bool = False,
        request_bytes: int | None = 0,
        watcher: ResponseWatcher | None = None,
        thread: HandlerThread | None = None,
    ) -> None:
        """Prepare; nothing runs before `run`.  `request_bytes` is the size of the decoded body (rule L1).

        It is None for one over the limit that was not read to its end.  What may block runs on `thread`,
        or on one of its own.
        """
        self._policy = policy or InvocationPolicy()
        self._sink = sink
        self._now = now
        self._recorder = TranscriptRecorder(request_id, keep=self._policy.keep_chunks, started_at=now())
        self._writer = ResponseWriter(
            sink, self._recorder, front=front, limits=self._policy.limits, now=now, head_only=head_only
        )
        self._watch = HeadWatch()
        self._run = HandlerRun(
            handler,
            event,
            context,
            self._writer,
            self._watch,
            thread or HandlerThread(),
            WriteQueue(self._writer, now=now, lockstep=watcher is not None),
            watch_foreign=self._policy.watch_foreign,
            contain_exit=self._policy.contain_exit,
            refusal=self._policy.limits.refusal(request_bytes),
            watcher=watcher,
        )
        self._handler: asyncio.Task[None] | None = None
        self._delivery: asyncio.Task[DeliveryKind] | None = None
        self._handler_over = asyncio.Event()
        self._ending: Ending | None = None
        self._timed_out = False
        self._cancelled = False

    async def run(self) -> Transcript:
        """Run to the two outcomes and give the transcript.

        Cancelling this cancels the handler.  What a handler raises beside `Exception` comes out.
        """
        loop = asyncio.get_running_loop()
        self._handler = loop.create_task(self._run.drive())
        self._handler.add_done_callback(lambda _: self._handler_over.set())
        self._delivery = loop.create_task(self._deliver())
        self._delivery.add_done_callback(self._delivery_over)
        timer = None if self._policy.timeout is None else loop.call_later(self._policy.timeout, self._time_out)
        if self._writer.client_gone:  # it left before anything ran
            self._leave_handler()
        try:
            await self._handler_over.wait()
            delivery = await self._finish_delivery()
            await self._clean_up()
        except BaseException:
            self.cancel()
            await self._abandon()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return self._conclude(delivery)

    @property
    def head(self) -> Head | None:
        """The head as it stands: final, or what an early error put in its place."""
        return self._recorder.head

    @property
    def error(self) -> HandlerError | None:
        """What the handler failed with, so far."""
        return self._recorder.error

    @property
    def thread_runs(self) -> bool:
        """Whether a thread of the handler still runs, which a cancelled one does until its next write."""
        return self._run.thread.runs

    def join_thread(self, seconds: float) -> None:
        """Wait for that thread, which holds up the loop, for at most so many real seconds."""
        self._run.thread.join(seconds)

    @property
    def handler(self) -> Handler:
        """What is run."""
        return self._run.handler

    def chunk_taken(self) -> None:
        """Say that the client has the oldest chunk that it did not have, and perhaps not the next."""
        self._recorder.taken(self._now())

    def lose_client(self, *, after_bytes: int | None = None) -> bool:
        """Say that the client is gone, after so many bytes if the sink counts them; once is enough.

        A client that has its whole response cannot be lost any more; false says that it was not.
        """
        if self._writer.client_gone or (self._delivery is not None and _ended(self._delivery)):
            return False
        if after_bytes is not None:
            self._recorder.delivered_bytes = after_bytes
        self._writer.lose_client()
        self._run.client.lose()
        self._run.stop_heartbeat()
        if self._delivery is not None:
            self._delivery.cancel()
        self._leave_handler()
        return True

    def cancel(self, reason: StreamingError | None = None) -> bool:
        """Cancel the handler: an async one at once, a sync one at its next write; false when it was over."""
        if self._handler is None or self._handler.done() or self._cancelled:
            return False
        self._cancelled = True
        self._stop_handler(reason or ClientGone("the invocation was cancelled"))
        return True

    # -- the handler's end --------------------------------------------------------------------

    def _leave_handler(self) -> None:
        if self._policy.on_disconnect is OnDisconnect.CANCEL:
            self.cancel(ClientGone("the client closed the connection"))

    def _time_out(self) -> None:
        if self._handler is None or self._handler_over.is_set():
            return
        self._timed_out = True
        seconds = f"{self._policy.timeout:g} second{'' if self._policy.timeout == 1 else 's'}"
        error = FunctionTimeout(f"the function was still running after {seconds}")
        self._writer.fail(error)
        self._stop_handler(error)

    def _stop_handler(self, error: StreamingError) -> None:
        """Report at once; what the handler still does is dropped."""
        assert self._handler is not None
        self._run.stop_writes(error)
        self._handler.cancel()
        self._handler_over.set()

    async def _clean_up(self) -> None:
        """Give a stopped handler the time for its `finally` blocks."""
        assert self._handler is not None
        _, pending = await asyncio.wait({self._handler}, timeout=CLEANUP_SECONDS)
        if pending:
            _leave_to_itself(self._handler)
            self._recorder.note(f"the handler did not stop within {CLEANUP_SECONDS:g} s of being cancelled")
        elif not self._handler.cancelled():
            self._handler.result()  # what is no Exception comes out here
        elif not (self._cancelled or self._timed_out):
            raise asyncio.CancelledError("the handler raised CancelledError of its own accord")

    async def _abandon(self) -> None:
        tasks = {task for task in (self._handler, self._delivery) if task is not None}
        for task in tasks:
            task.cancel()
            _leave_to_itself(task)
        await asyncio.wait(tasks, timeout=CLEANUP_SECONDS)

    # -- the delivery -------------------------------------------------------------------------

    async def _deliver(self) -> DeliveryKind:
        """Drain when asked to, and end the sink when the response is over."""
        writer = self._writer
        try:
            while not writer.client_gone:
                await writer.delivery_due.wait()
                writer.delivery_due.clear()
                if writer.state is State.COMMITTED:
                    await self._sink.drain()
                    writer.drain_done()
                    if writer.body_complete or not writer.body_allowed:
                        return await self._sink.end(Ending.ENDED)
                if self._ending is not None:
                    return await self._sink.end(self._ending)
        except ConnectionError:
            self.lose_client()
        return DeliveryKind.CLIENT_GONE

    def _delivery_over(self, delivery: "asyncio.Task[DeliveryKind]") -> None:
        """A sink that raises must not leave a handler waiting for it; `run` raises it too."""
        if not delivery.cancelled() and delivery.exception() is not None:
            self.cancel()

    async def _finish_delivery(self) -> DeliveryKind:
        assert self._delivery is not None
        self._ending = self._how_to_end()
        self._writer.delivery_due.set()
        if self._ending is Ending.CUT and not self._delivery.done():
            self._delivery.cancel()  # it may wait for a client that does not read
        await asyncio.wait({self._delivery})
        if not self._delivery.cancelled():
            return self._delivery.result()
        if not self._writer.client_gone:
            try:
                return await self._sink.end(self._ending)
            except ConnectionError:
                self.lose_client()
        return DeliveryKind.CLIENT_GONE

    def _how_to_end(self) -> Ending:
        error = self._recorder.error
        if self._timed_out and error is not None and error.late:
            return Ending.CUT if self._policy.late_timeout is LateTimeout.CUT else Ending.ENDED
        if self._writer.state is not State.COMMITTED or (self._cancelled and not self._timed_out):
            return Ending.CUT
        if error is None or not error.late:
            return Ending.ENDED
        cut = isinstance(error.exception, RuntimeExit | PayloadTooLarge)  # rules E3b and L3
        return Ending.CUT if cut else Ending.FAILED

    # -- the transcript -----------------------------------------------------------------------

    def _conclude(self, delivery: DeliveryKind) -> Transcript:
        self._watch.stop()
        self._writer.close()
        gone_after = self._recorder.delivered_bytes if delivery is DeliveryKind.CLIENT_GONE else None
        return self._recorder.finish(
            self._handler_outcome(),
            DeliveryOutcome(delivery, gone_after),
            late_mutations=tuple(self._watch.mutations),
            ended_at=self._now(),
        )

    def _handler_outcome(self) -> HandlerOutcome:
        error = self._recorder.error
        if self._timed_out:
            return HandlerOutcome(HandlerKind.TIMED_OUT)
        if self._cancelled:
            return HandlerOutcome(HandlerKind.CANCELLED)
        if error is None or isinstance(error.exception, NotEnded):
            return HandlerOutcome(HandlerKind.ENDED)
        return HandlerOutcome(HandlerKind.FAILED, error.code)


_LEFT: set["asyncio.Task[Any]"] = set()


def _leave_to_itself(task: "asyncio.Task[Any]") -> None:
    """Keep a task that runs on: the loop alone would let it be collected half-way.  What it raises is nobody's."""
    _LEFT.add(task)
    task.add_done_callback(_LEFT.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())


def _ended(delivery: "asyncio.Task[DeliveryKind]") -> bool:
    return delivery.done() and not delivery.cancelled()
