"""The Lambda Runtime API of one worker, on a loopback port of its own."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from apptheory_emulator.workers.listener import LoopbackListener
from apptheory_emulator.workers.runtime_answer import RuntimeAnswer
from apptheory_emulator.workers.runtime_attempt import Attempt, ReportReceiver, ResponseReceiver
from apptheory_emulator.workers.runtime_connection import Receiver, RuntimeConnection, Turn
from apptheory_streaming.errors import RuntimeExit, RuntimeFailure, UsageError
from apptheory_streaming.wire.runtime_api import STREAMING_MODE, InvocationRequest, ReportedError
from apptheory_streaming.wire.runtime_replies import (
    ACCEPTED,
    CONTAINER_ERROR,
    INVALID_REQUEST_ID,
    INVALID_RESPONSE_MODE,
    INVOKE_TIMEOUT,
    MAX_BUFFERED_BYTES,
    METHOD_NOT_ALLOWED,
    NOT_EMULATED,
    NOT_FOUND,
    PONG,
    TOO_LARGE,
    TOO_LARGE_FAILURE,
    RuntimeReply,
    delivery,
    refused_step,
)
from apptheory_streaming.wire.runtime_routes import Route, RuntimeCall
from apptheory_streaming.wire.runtime_states import RUNTIME_TRANSITIONS, RuntimeState, RuntimeStep

__all__ = ["RuntimeAnswer", "RuntimeApi"]

LAST_WORDS_PASSES = 20
"""So many turns of the loop may pass until the connections show that a dead process had opened."""
LAST_WORDS_SECONDS = 0.25
"""So long may connections of a dead process stay open, such as those that its children have."""
ACCEPT_PASSES = 5
"""So many turns of the loop it takes until a connection that was just accepted is known here."""
KEPT_IDS = 100

_PLAIN = {
    Route.PING: PONG,
    Route.NOT_EMULATED: NOT_EMULATED,
    Route.WRONG_METHOD: METHOD_NOT_ALLOWED,
    Route.UNKNOWN: NOT_FOUND,
}


class RuntimeApi:
    """What one runtime talks to: it fetches invocations here, one at a time, and answers them.

    `initialised`, `invoke` and `idle` raise RuntimeFailure once the runtime reported that it cannot start, and
    RuntimeExit once its process is gone or this is closed.
    """

    def __init__(self) -> None:
        """Listen nowhere yet."""
        self.address = ""
        self._listener: LoopbackListener | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[RuntimeConnection] = set()
        self._state = RuntimeState.STARTED
        self._changed = asyncio.Event()
        self._polls: deque[Turn] = deque()
        self._pending: Attempt | None = None
        self._current: Attempt | None = None
        self._abandoned: dict[str, None] = {}
        self._attempts = 0
        self._end: RuntimeExit | RuntimeFailure | None = None
        self._farewell: RuntimeExit | None = None
        self._timer: asyncio.Handle | None = None
        self._closed = False

    async def start(self) -> None:
        """Listen on a free port; `address` is `127.0.0.1:PORT` from then on."""
        self._listener = LoopbackListener()
        self.address = self._listener.address
        self._server = await asyncio.get_running_loop().create_server(
            lambda: RuntimeConnection(self), sock=self._listener, start_serving=False
        )
        await self._server.start_serving()

    async def initialised(self) -> None:
        """Wait until the runtime asks for its first invocation."""
        await self._until(lambda: self._state is not RuntimeState.STARTED)

    async def invoke(self, request: InvocationRequest) -> RuntimeAnswer:
        """Hand an invocation to the runtime and give its answer when the first byte of it is there, or its end.

        Raises RuntimeFailure for an error that the runtime reports before the first byte, RuntimeExit when
        nothing comes any more, UsageError while another invocation runs.  Cancelling it abandons the invocation.
        """
        self._check_free()
        self._attempts += 1
        if not request.invocation_id:
            request = replace(request, invocation_id=f"{request.request_id}-{self._attempts}")
        self._pending = attempt = Attempt(request)
        self._dispatch()
        try:
            return await attempt.answer
        except asyncio.CancelledError:
            if not attempt.over:
                self.abandon()
            raise

    async def idle(self) -> None:
        """Wait until the runtime asks for another invocation, with which Lambda takes the last one as over."""
        await self._until(lambda: self._state is RuntimeState.READY)

    def abandon(self) -> None:
        """Give the current invocation up: who waits for it gets RuntimeExit, and the runtime's late answer is 410."""
        attempt, self._pending = self._pending, None
        if (self._state, RuntimeStep.ABANDON) in RUNTIME_TRANSITIONS and self._current is not None:
            attempt = self._current
            self._abandoned[attempt.request.request_id] = None
            if len(self._abandoned) > KEPT_IDS:
                del self._abandoned[next(iter(self._abandoned))]
            self._go(RuntimeStep.ABANDON)
        if attempt is not None:
            attempt.abandon()

    def worker_gone(self, reason: RuntimeExit) -> None:
        """Say that the process ended; what it had sent before still counts, then all that waits gets `reason`."""
        if self._farewell is None:
            self._farewell = reason
            self._listen_to_last_words(LAST_WORDS_PASSES)

    async def close(self) -> None:
        """Close the port and every connection; may be called again."""
        self._closed = True
        self._finish(RuntimeExit("the Runtime API was closed while the runtime still worked"))
        if self._timer is not None:
            self._timer.cancel()
        await self._stop_listening()
        for connection in tuple(self._connections):
            connection.abort()
        while self._connections:
            await self._changed.wait()
        if self._server is not None:
            await self._server.wait_closed()

    async def _stop_listening(self) -> None:
        """Close the port, behind the connections that were accepted in this moment: asyncio would lose them."""
        if self._server is None or self._listener is None:
            return
        loop = asyncio.get_running_loop()
        for each in self._server.sockets:
            loop.remove_reader(each.fileno())
        for _ in range(ACCEPT_PASSES):
            await asyncio.sleep(0)
        self._listener.close_accepted()
        self._server.close()

    def connected(self, connection: RuntimeConnection) -> None:
        """Keep a connection."""
        self._connections.add(connection)
        if self._listener is not None:
            self._listener.taken(connection.number)
        if self._closed:
            connection.abort()  # it was accepted meanwhile

    def disconnected(self, connection: RuntimeConnection) -> None:
        """Forget a connection; with the last one of a dead process all has been said."""
        self._connections.discard(connection)
        if self._farewell is not None and not self._connections:
            self._listen_to_last_words(LAST_WORDS_PASSES)
        self._pulse()

    def call(self, call: RuntimeCall, turn: Turn) -> Receiver | None:
        """Take a request of the runtime."""
        if reply := _PLAIN.get(call.route):
            turn.answer(reply)
            return None
        if call.route is Route.NEXT:
            self._next(turn)
            return None
        if call.route is Route.INIT_ERROR:
            return ReportReceiver(call, on_report=lambda report: self._init_failed(report, turn), on_lost=_ignore)
        return self._answer(call, turn)

    def _next(self, turn: Turn) -> None:
        if isinstance(self._end, RuntimeExit):  # a process asks that the dead one has left behind
            turn.answer(CONTAINER_ERROR)
        elif self._allows(RuntimeStep.NEXT, turn):
            self._polls = deque(poll for poll in self._polls if poll.open)
            self._polls.append(turn)
            self._dispatch()

    def _dispatch(self) -> None:
        """Give an invocation to a poll, where there are both."""
        if self._state is RuntimeState.READY and self._pending is not None and any(poll.open for poll in self._polls):
            self._current, self._pending = self._pending, None
            self._abandoned.pop(self._current.request.request_id, None)
            self._go(RuntimeStep.INVOKE)
        if self._state is RuntimeState.RUNNING and self._current is not None:
            while self._polls:
                poll = self._polls.popleft()
                if poll.open:
                    poll.answer(delivery(self._current.request))
                    return

    def _init_failed(self, report: ReportedError, turn: Turn) -> None:
        if self._allows(RuntimeStep.INIT_ERROR, turn):
            self._finish(report.failure())
            turn.answer(ACCEPTED)

    def _answer(self, call: RuntimeCall, turn: Turn) -> Receiver | None:
        attempt = self._current
        if reply := self._refusal(call):
            turn.answer(reply)
        elif attempt is not None and call.route is Route.ERROR:
            if self._allows(RuntimeStep.REPORT, turn):
                return self._report(attempt, call, turn)
        elif attempt is not None and self._allows(RuntimeStep.RESPOND, turn):
            return self._response(attempt, call, turn)
        return None

    def _refusal(self, call: RuntimeCall) -> RuntimeReply | None:
        """Say why an answer is of no invocation that still waits for one."""
        if call.request_id in self._abandoned:
            return INVOKE_TIMEOUT
        if self._current is None or call.request_id != self._current.request.request_id:
            return INVALID_REQUEST_ID
        # A runtime that does not echo the id is not checked.
        stale = call.invocation_id not in ("", self._current.request.invocation_id)
        return INVOKE_TIMEOUT if stale else None

    def _response(self, attempt: Attempt, call: RuntimeCall, turn: Turn) -> Receiver | None:
        if call.response_mode not in ("", STREAMING_MODE):
            message = f"the runtime sent the response mode {call.response_mode!r}; the only one is streaming"
            failure = RuntimeFailure(message, error_type="Runtime.InvalidResponseModeHeader")
            self._refuse(attempt, failure, turn, INVALID_RESPONSE_MODE)
            return None
        if not call.streaming and call.content_length > MAX_BUFFERED_BYTES:
            failure = RuntimeFailure(TOO_LARGE_FAILURE, error_type="Function.ResponseSizeTooLarge")
            self._refuse(attempt, failure, turn, TOO_LARGE)
            return None
        return ResponseReceiver(attempt, call, turn, on_sent=self._sent)

    def _refuse(self, attempt: Attempt, failure: RuntimeFailure, turn: Turn, reply: RuntimeReply) -> None:
        attempt.fail(failure)
        self._sent()
        turn.answer(reply)

    def _report(self, attempt: Attempt, call: RuntimeCall, turn: Turn) -> Receiver:
        attempt.turn = turn

        def reported(report: ReportedError) -> None:
            if not attempt.over:
                attempt.fail(report.failure())
                self._sent()
                turn.answer(ACCEPTED)

        def lost(problem: str) -> None:
            if not attempt.over:
                attempt.fail(RuntimeExit(f"the runtime broke off while it reported an error: {problem}"))
                self._sent()

        return ReportReceiver(call, on_report=reported, on_lost=lost)

    def _sent(self) -> None:
        self._go(RuntimeStep.SENT)

    def _allows(self, step: RuntimeStep, turn: Turn) -> bool:
        """Take a step of the runtime, or refuse it."""
        if (self._state, step) not in RUNTIME_TRANSITIONS:
            turn.answer(refused_step(self._state, step))
            return False
        self._go(step)
        return True

    def _go(self, step: RuntimeStep) -> None:
        self._state = RUNTIME_TRANSITIONS[self._state, step]
        self._pulse()

    def _check_free(self) -> None:
        if (end := self._end or self._farewell) is not None:
            raise end
        busy = self._state in (RuntimeState.RUNNING, RuntimeState.RESPONDING, RuntimeState.REPORTING)
        if busy or self._pending is not None:
            raise UsageError("a runtime takes one invocation at a time: wait for the answer, or abandon it, first")

    def _listen_to_last_words(self, passes: int) -> None:
        """Let what the process sent before its end be read: it is in sockets that close by themselves."""
        if self._timer is not None:
            self._timer.cancel()
        if self._end is not None or self._farewell is None:
            return
        loop = asyncio.get_running_loop()
        if passes:
            self._timer = loop.call_soon(self._listen_to_last_words, passes - 1)
        elif self._connections:
            self._timer = loop.call_later(LAST_WORDS_SECONDS, self._cut_off, self._farewell)
        else:
            self._finish(self._farewell)

    def _cut_off(self, reason: RuntimeExit) -> None:
        """Wait no longer, except for what only a slow consumer keeps from being read."""
        if any(connection.paused for connection in self._connections):
            self._listen_to_last_words(LAST_WORDS_PASSES)
        else:
            self._finish(reason)

    def _finish(self, reason: RuntimeExit | RuntimeFailure) -> None:
        """Let all that waits, and all that will, have `reason`; only the first one counts."""
        if self._end is None:
            self._end = reason
        attempts = (self._pending, self._current)
        self._pending = None
        for attempt in attempts:
            if attempt is not None:
                attempt.fail(self._end)
        self._pulse()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while True:
            if self._end is not None:
                raise self._end
            if condition():
                return
            await self._changed.wait()

    def _pulse(self) -> None:
        self._changed.set()
        self._changed.clear()


def _ignore(problem: str) -> None:
    """A runtime that breaks off while it says why it cannot start is about to end, which is told otherwise."""
