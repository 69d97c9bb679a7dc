"""The one door through which every handler shape answers: ResponseWriter, and the Sink behind it.

A handler's side calls `finalize`, `write`, `finish` and `fail`; these never wait.  The side that
delivers (invocation.py) is the only one that calls `Sink.drain` and `Sink.end`.  Everything here
happens on the loop.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from apptheory_streaming.errors import (
    FunctionTimeout,
    PayloadTooLarge,
    ResponseTooLarge,
    RuntimeFailure,
    StreamingError,
    Throttled,
    code_of,
)
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.front import Front, checked_head, collected_note
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.lifecycle import State, Step, advance
from apptheory_streaming.wire.limits import Limits
from apptheory_streaming.wire.marshal import BufferedPayload
from apptheory_streaming.wire.outcome import DeliveryKind, Ending
from apptheory_streaming.wire.recorder import TranscriptRecorder
from apptheory_streaming.wire.transcript import EventKind, HandlerError

__all__ = ["CHUNKS_A_TURN", "SECONDS_A_TURN", "Clock", "ResponseWatcher", "ResponseWriter", "Sink", "message_of"]

Clock = Callable[[], float | None]
"""Seconds on the clock of the invocation, or None where times are not taken."""

# How long one response may keep the loop to itself when its handler never waits.
CHUNKS_A_TURN = 64
SECONDS_A_TURN = 0.001


class Sink(Protocol):
    """Where a response goes: a capture, an HTTP connection, the Runtime API."""

    def start(self, head: Head, /) -> None:
        """Take the head, once, before any chunk."""
        ...

    def write(self, data: bytes) -> bool:
        """Take a chunk (empty ones too) without waiting; false asks for a drain before the next."""
        ...

    async def drain(self) -> None:
        """Wait until more may be written; ConnectionError says that the client is gone."""
        ...

    async def end(self, ending: Ending) -> DeliveryKind:
        """Finish, and say whether the client saw a complete response or a cut one."""
        ...


class ResponseWatcher(Protocol):
    """Somebody who acts, or looks, where no chunk is on its way: between the final head and chunk 0."""

    def head_final(self) -> None:
        """Hear that a streamify handler has fixed its head; its code goes on when this returns."""
        ...

    async def before_body(self, body: object) -> None:
        """Hear that a head is final, before this body is asked for its first chunk."""
        ...


class ResponseWriter:
    """Holds one response to the lifecycle table, to the limits and to the rules for errors."""

    def __init__(
        self,
        sink: Sink,
        recorder: TranscriptRecorder,
        *,
        front: Front,
        limits: Limits | None = None,
        now: Clock = lambda: None,
        head_only: bool = False,
    ) -> None:
        """Write to `sink` by the rules of `front`; `head_only` for a HEAD request (rule E6)."""
        self.recorder = recorder
        self.state = State.OPEN
        self.body_allowed = not head_only
        self.body_complete = False
        self.client_gone = False
        self.delivery_due = asyncio.Event()
        self.on_drained: Callable[[], object] = _ignore
        self._sink = sink
        self._put = sink.write
        self._front = front
        self._limits = limits or Limits()
        self._most_bytes = self._limits.most_response_bytes(buffered=front.collects)
        self._now = now
        self._admitted = 0
        self._admitted_bytes = 0
        self._produced = 0
        self._collected: list[bytes] | None = [] if front.collects else None
        self._refused: ResponseTooLarge | None = None
        self.stopped: StreamingError | None = None
        self.on_final: Callable[[], None] | None = None
        self._drain_due = False
        self._when_drained: list[Callable[[], None]] = []
        self._turn_chunks = 0
        self._turn_began = now()

    # -- the handler's side -------------------------------------------------------------------

    def finalize(self, head: Head) -> None:
        """Fix the head; from here on only an early error can replace it."""
        self._check_stopped()
        self._finalize(checked_head(self._front, head))
        if self.on_final is not None:
            self.on_final()

    def admit(self, size: int) -> None:
        """Hold a chunk of `size` bytes to the limit, before it is given to `take`.

        Raises ResponseTooLarge, now and at every later call, for the chunk that would exceed the
        limit; that chunk is dropped whole (rule L2).  Calls may come from a thread, one at a time.
        """
        self.check_refused()
        total = self._admitted_bytes + size
        if total > self._most_bytes:
            self._refused = self._limits.response_refusal(total, chunk=self._admitted, buffered=self._front.collects)
            raise self._refused
        self._admitted += 1
        self._admitted_bytes = total

    def fits(self, size: int) -> bool:
        """Whether a chunk of `size` bytes would be admitted."""
        return self._refused is None and self._admitted_bytes + size <= self._most_bytes

    def check_refused(self) -> None:
        """Raise ResponseTooLarge if a chunk was refused before."""
        if self._refused is not None:
            raise self._refused

    def write(self, data: bytes) -> bool:
        """Admit and take one chunk; false asks the caller to await `drained` before the next."""
        self._check_stopped()
        self.admit(len(data))
        return self.take(data, self._now())

    def take(self, data: bytes, produced_at: float | None) -> bool:
        """Take one admitted chunk; false asks the caller to await `drained` before the next."""
        self._check_stopped()
        self._produced += 1
        if self._collected is not None:
            self._collected.append(data)
            return self._turn_left()
        return self._send(data, produced_at)

    def commit(self) -> None:
        """Let the head go before the first chunk, unless the response is collected."""
        self._check_stopped()
        if self._collected is None and not self.client_gone:
            self._commit_once()

    def end_body(self) -> None:
        """Say that the body is complete although the handler still runs."""
        self._check_stopped()
        if self._collected is None and not self.client_gone:
            self._commit_once()
            self.body_complete = True
            self.delivery_due.set()

    def answer_buffered(self, payload: BufferedPayload) -> None:
        """Answer with a value instead of a stream, as the front shows it (rule R0)."""
        self._limits.check_payload(len(payload.body))
        answer = self._front.buffered(payload)
        note = self._front.note_on_buffered()
        if note is not None:
            self.recorder.note(note)
        if answer is not None:
            self.recorder.buffered = True
            self._collected = None
            self.finalize(answer.head)
            self.admit(len(answer.body))
            if answer.body:
                self._send(answer.body, self._now())

    def finish(self) -> None:
        """Say that the handler came to its end without an error."""
        if self.stopped is not None:
            return
        if self._refused is not None:
            self.fail(self._refused)
            return
        collected, self._collected = self._collected, None
        if collected:
            self.recorder.note(collected_note(self._front))
            self.recorder.buffered = True
            self._send(b"".join(collected), self._now())
        if self.state in (State.FINALIZED, State.SUBSTITUTED) and not self.client_gone:
            self._commit()

    def fail(self, error: BaseException) -> None:
        """Take the error that ended the handler: a response of its own if early, else the end (E2, E3).

        A chunk over the limit has failed the response already, whatever the handler made of that.
        What a stopped handler raises changes nothing any more and is only noted.
        """
        if self.stopped is not None:
            if error is not self.stopped:
                what = f"{type(error).__name__}: {message_of(error)}"
                self.recorder.note(f"the handler raised while it was being stopped: {what}")
            return
        if self._refused is not None and not isinstance(error, FunctionTimeout):
            error = self._refused
        late = self._collected is None and (self._produced > 0 or self.state is State.COMMITTED)
        self._collected = None
        code = code_of(error) or "app.internal"
        self.recorder.error = HandlerError(code, message_of(error), error, late, _type_name(error))
        if not late and not self.client_gone:
            answer = self._early_answer(error)
            if answer is not None:
                self._substitute(answer)

    def stop(self, error: StreamingError) -> None:
        """Take nothing more: from here on a handler that still runs gets `error` for what it writes."""
        self.stopped = self.stopped or error

    @property
    def streams(self) -> bool:
        """Whether a chunk that is written now is on its way to a client."""
        head = self.recorder.head
        bodyless = not self.body_allowed or (head is not None and head.bodyless)
        return self.stopped is None and self._collected is None and not self.client_gone and not bodyless

    @property
    def collects(self) -> bool:
        """Whether the front takes the response in one piece."""
        return self._front.collects

    @property
    def held_back(self) -> bool:
        """Whether the sink has asked for a drain that has not come yet."""
        return self._drain_due

    def on_chunk(self, note: Callable[[bytes], object]) -> None:
        """Call `note` with each chunk that goes to the sink; a response that has no use for it pays nothing."""
        put = self._put

        def noted(data: bytes) -> bool:
            note(data)
            return put(data)

        self._put = noted

    async def drained(self) -> None:
        """Wait until the next chunk may be written; always lets others run."""
        if self._drain_due and not self.client_gone:
            ready = asyncio.get_running_loop().create_future()
            self._when_drained.append(lambda: _let_go(ready))
            await ready
        else:
            await asyncio.sleep(0)
        self._new_turn()

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call back once the next chunk may be written, never at once."""

        def resume() -> None:
            self._new_turn()
            callback()

        if self._drain_due and not self.client_gone:
            self._when_drained.append(resume)
        else:
            asyncio.get_running_loop().call_soon(resume)

    # -- the delivering side ------------------------------------------------------------------

    def drain_done(self) -> None:
        """Say that the sink took everything written so far."""
        self._drain_due = False
        self.recorder.delivered(self._now())
        self.on_drained()
        self._let_handler_go_on()

    def lose_client(self) -> None:
        """Say that the client is gone: chunks are counted and dropped from here on (rule E4)."""
        self.client_gone = True
        self.delivery_due.set()
        self._let_handler_go_on()

    def close(self) -> None:
        """Take the last step of the lifecycle."""
        if self.state is not State.CLOSED:
            self._step(Step.CLOSE)

    # -- the rules ----------------------------------------------------------------------------

    def _step(self, step: Step) -> None:
        self.state = advance(self.state, step)

    def _check_stopped(self) -> None:
        if self.stopped is not None:
            raise self.stopped

    def _finalize(self, head: Head) -> None:
        self._step(Step.FINALIZE)
        self.recorder.head = head
        self.recorder.event(EventKind.FINALIZED, self._now())

    def _send(self, data: bytes, produced_at: float | None) -> bool:
        if self.state is not State.COMMITTED and not self.client_gone:
            self._commit_once()
        if self.client_gone or not self.body_allowed:
            self.recorder.dropped_chunks += 1
            return self._turn_left()
        if self.state is not State.COMMITTED:  # else the step changes nothing, and costs a tenth of a chunk
            self._step(Step.CHUNK)
        self.recorder.chunk(len(data), self._now() if produced_at is None else produced_at)
        if not self._put(data):
            self._drain_due = True
            self.delivery_due.set()
            return False
        if not self._drain_due:
            self.recorder.delivered(self._now())
        return self._turn_left() and not self._drain_due

    def _commit_once(self) -> None:
        if self.state in (State.FINALIZED, State.SUBSTITUTED):
            self._commit()

    def _commit(self) -> None:
        self._step(Step.COMMIT)
        self.recorder.event(EventKind.COMMITTED, self._now())
        head = self.recorder.head or Head()
        self._sink.start(head)
        self.body_allowed = self.body_allowed and not head.bodyless
        self._drain_due = True
        self.delivery_due.set()

    def _early_answer(self, error: BaseException) -> Answer | None:
        code = code_of(error)
        request_id = self.recorder.request_id
        if code is not None and not isinstance(error, FunctionTimeout | Throttled):  # which are the platform's
            answer = self._front.coded_error(code, message_of(error), request_id)
            if answer is not None:
                return answer
        return self._front.function_error(error, request_id)

    def _substitute(self, answer: Answer) -> None:
        if self.state is State.OPEN:
            self._finalize(answer.head)
        else:
            self._step(Step.SUBSTITUTE)
            self.recorder.event(EventKind.SUBSTITUTED, self._now())
            self.recorder.head = answer.head
        if answer.body:
            self._send(answer.body, self._now())
        else:
            self._commit()

    def _let_handler_go_on(self) -> None:
        waiting, self._when_drained = self._when_drained, []
        for callback in waiting:
            callback()

    def _turn_left(self) -> bool:
        """Whether this response may go on without letting others run."""
        self._turn_chunks += 1
        if self._turn_chunks >= CHUNKS_A_TURN:
            return False
        now = self._now()
        return now is None or self._turn_began is None or now - self._turn_began < SECONDS_A_TURN

    def _new_turn(self) -> None:
        self._turn_chunks = 0
        self._turn_began = self._now()


def _ignore() -> None:
    """Do nothing: nobody listens."""


def _let_go(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def _type_name(error: BaseException) -> str:
    return error.error_type if isinstance(error, RuntimeFailure | PayloadTooLarge) else type(error).__name__


def message_of(error: BaseException) -> str:
    """Give the text of an error, whatever its `__str__` does."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a handler's exception may do anything, and must not hang a response
        return f"(no message: its __str__ raised {type(broken).__name__})"
