"""One attempt at one invocation, from the call of `invoke` to the end of the answer."""

import asyncio
from collections.abc import Callable, Mapping

from apptheory_emulator.workers.runtime_answer import AnswerBody, RuntimeAnswer
from apptheory_emulator.workers.runtime_connection import Turn
from apptheory_streaming.errors import RuntimeExit
from apptheory_streaming.wire.runtime_api import ERROR_BODY_TRAILER, ERROR_TYPE_HEADER, InvocationRequest, ReportedError
from apptheory_streaming.wire.runtime_replies import ACCEPTED, INVOKE_TIMEOUT, MAX_BUFFERED_BYTES
from apptheory_streaming.wire.runtime_routes import RuntimeCall

__all__ = ["Attempt", "ReportReceiver", "ResponseReceiver"]


class Attempt:
    """An invocation, the answer that somebody waits for, and where the answer comes from."""

    def __init__(self, request: InvocationRequest) -> None:
        """Wait for an answer to `request`."""
        self.request = request
        self.answer: asyncio.Future[RuntimeAnswer] = asyncio.get_running_loop().create_future()
        self.body: AnswerBody | None = None
        self.turn: Turn | None = None
        self.over = False

    def begin(self, turn: Turn) -> AnswerBody:
        """The runtime begins to respond."""
        self.turn = turn
        self.body = AnswerBody(turn.read_on)
        return self.body

    def deliver(self, call: RuntimeCall) -> None:
        """Give the answer to who waits for it; only the first call counts."""
        if not self.answer.done() and self.body is not None:
            self.answer.set_result(RuntimeAnswer(call.content_type, call.streaming, self.body))

    def finish(self, call: RuntimeCall) -> None:
        """The answer is whole."""
        self.over = True
        if self.body is not None:
            self.body.end()
        self.deliver(call)

    def fail(self, error: Exception) -> None:
        """There is no answer, or no more of it."""
        if self.over:
            return
        self.over = True
        if self.answer.done():
            if self.body is not None:
                self.body.end(error)
        else:
            self.answer.set_exception(error)

    def abandon(self) -> None:
        """Nobody wants the answer any more; a runtime that is sending it is told so."""
        self.fail(RuntimeExit(f"invocation {self.request.request_id} was given up before its answer was complete"))
        if self.turn is not None:
            self.turn.answer(INVOKE_TIMEOUT)
            self.turn.read_on()


class ResponseReceiver:
    """Takes the body of `…/response`; a streamed one is handed on as it comes, a buffered one as a whole."""

    def __init__(self, attempt: Attempt, call: RuntimeCall, turn: Turn, on_sent: Callable[[], None]) -> None:
        """Answer `attempt`; `on_sent` is called at the end, however it ends."""
        self._attempt = attempt
        self._call = call
        self._streaming = call.streaming
        self._turn = turn
        self._on_sent = on_sent
        self._body = attempt.begin(turn)

    @property
    def full(self) -> bool:
        """Whether the consumer has enough to read; a buffered answer has its bound in its size."""
        return self._streaming and self._body.full and not self._attempt.over

    def data(self, data: bytes) -> None:
        """Hand a piece on."""
        if self._attempt.over:
            return
        self._body.put(data)
        if self._streaming:
            self._attempt.deliver(self._call)

    def ended(self, trailers: Mapping[str, str]) -> None:
        """The runtime has said all, perhaps that it failed."""
        if self._attempt.over:
            return
        error_type = trailers.get(ERROR_TYPE_HEADER.lower(), "")
        document = trailers.get(ERROR_BODY_TRAILER.lower(), "")
        if error_type or document:
            self._attempt.fail(ReportedError.from_trailers(error_type, document).failure())
        else:
            self._attempt.finish(self._call)
        self._on_sent()
        self._turn.answer(ACCEPTED)

    def lost(self, problem: str) -> None:
        """The runtime broke off."""
        if self._attempt.over:
            return
        count = self._body.received_bytes
        self._attempt.fail(
            RuntimeExit(
                f"the runtime broke its answer off after {count} bytes of it: {problem}; a fault of the runtime"
            )
        )
        self._on_sent()


class ReportReceiver:
    """Takes the document of `…/error` or `init/error`."""

    full = False

    def __init__(
        self, call: RuntimeCall, *, on_report: Callable[[ReportedError], None], on_lost: Callable[[str], None]
    ) -> None:
        """Call one of the two at the end; of a document beyond MAX_BUFFERED_BYTES the rest is dropped."""
        self._call = call
        self._on_report = on_report
        self._on_lost = on_lost
        self._document = bytearray()

    def data(self, data: bytes) -> None:
        """Keep a piece."""
        self._document += data[: MAX_BUFFERED_BYTES - len(self._document)]

    def ended(self, trailers: Mapping[str, str]) -> None:  # noqa: ARG002 - a report has none
        """Hand the report on."""
        self._on_report(ReportedError.from_document(bytes(self._document), error_type=self._call.error_type))

    def lost(self, problem: str) -> None:
        """The runtime broke off."""
        self._on_lost(problem)
