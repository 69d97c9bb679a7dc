"""The client's side of one response, by a plan: how fast it takes chunks, and what it does at which moment."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import Invocation
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit.faults.plan import Act, FaultPlan, Seconds, Strike
from apptheory_testkit.virtual_time.loop import VirtualLoop

__all__ = ["Reader"]


class Reader:
    """Carries out the faults of one request.

    A sink asks it to wait before each chunk and tells it of each chunk that the client has; it
    tells the invocation, exactly then, that the client is gone or that it is cancelled.
    """

    def __init__(self, plan: FaultPlan) -> None:
        """Made on the loop that the handler runs on; raises UsageError for a plan that this loop's time cannot keep."""
        self._loop = asyncio.get_running_loop()
        if plan.timed and not isinstance(self._loop, VirtualLoop):
            raise UsageError(
                f"{plan.timed[0]} needs virtual time, and this test runs in real time: "
                'mark it @pytest.mark.streaming(clock="virtual")'
            )
        self._plan = plan
        self._invocation: Invocation | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._due = list(plan.strikes)
        self._chunks = 0
        self._bytes = 0
        self._jumps: list[float] = []
        self._stalled_until = 0.0
        self._stalled_seconds = 0.0
        self.on_gone: Callable[[], object] = lambda: None

    def attend(self, invocation: Invocation) -> None:
        """Act on this invocation."""
        self._invocation = invocation
        if self._plan.observer is not None:
            self._plan.observer.attend(invocation)

    def begin(self) -> None:
        """Count the seconds from now on: the request is sent."""
        began = self._loop.time()
        for strike in self._plan.strikes:
            if isinstance(strike.at, Seconds):
                self._timers.append(self._loop.call_at(began + strike.at.value, self._strike, strike))

    def leave(self) -> None:
        """End: nothing happens any more, and the wall clock is set back by what it jumped; once is enough."""
        for timer in self._timers:
            timer.cancel()
        while self._jumps:  # the last first, which leads through no time where the clock was not
            self._step_wall(-self._jumps.pop())

    # -- what an invocation says --------------------------------------------------------------

    def head_final(self) -> None:
        """Act before the first chunk of a handler that writes instead of returning a body."""
        self._reached()

    async def before_body(self, body: object) -> None:
        """Act between the final head and the first chunk that the body is asked for."""
        if self._plan.observer is not None:
            self._plan.observer.body_made(body)
        if self._reached():
            await asyncio.sleep(0)  # where a cancelled handler is stopped
        if self._plan.observer is not None:
            self._plan.observer.body_asked()

    # -- what a sink says ---------------------------------------------------------------------

    def head_sent(self) -> None:
        """Act before the first chunk of a response that no body makes: a value, an error."""
        self._reached()

    async def ready_for(self, chunk: bytes) -> None:
        """Wait until the client has taken all of this chunk."""
        rest = self._stalled_until - self._loop.time()
        while rest > 0:
            await asyncio.sleep(rest)
            rest = self._stalled_until - self._loop.time()
        rest = max(
            (reading.pacing.seconds_for(len(chunk), sent=self._bytes) for reading in self._plan.readings), default=0.0
        )
        while rest > 0:
            stalled = self._stalled_seconds
            await asyncio.sleep(rest)
            rest = self._stalled_seconds - stalled  # a stall in the middle of a chunk makes it so much later

    def took(self, chunk: bytes) -> None:
        """Count a chunk that the client has, and act."""
        self._chunks += 1
        self._bytes += len(chunk)
        assert self._invocation is not None
        self._invocation.chunk_taken()
        self._reached()

    # -- what came of it ----------------------------------------------------------------------

    def ended(self, transcript: Transcript) -> bool:
        """Whether a fault of the plan is why the response ended as it did, which is no problem of the handler."""
        return self._plan.ended(
            transcript, struck={strike.act for strike in self._plan.strikes if strike not in self._due}
        )

    def annotated(self, transcript: Transcript) -> Transcript:
        """Note each fault whose moment never came: a test that relies on it proves nothing."""
        notes = tuple(f"{strike} did not happen: the response was over before" for strike in self._due)
        return replace(transcript, notes=(*transcript.notes, *notes)) if notes else transcript

    # -- acting -------------------------------------------------------------------------------

    def _reached(self) -> bool:
        """Do what is due now that the client has so many chunks; false when nothing was."""
        due = [strike for strike in self._due if strike.at == self._chunks]
        for strike in due:
            self._strike(strike)
        return bool(due)

    def _strike(self, strike: Strike) -> None:
        assert self._invocation is not None
        match strike.act:
            case Act.DISCONNECT:
                if not self._invocation.lose_client(after_bytes=self._bytes):
                    return
                self.on_gone()
            case Act.CANCEL:
                if not self._invocation.cancel():
                    return
            case Act.STALL:
                self._stalled_seconds += strike.seconds
                self._stalled_until = max(self._stalled_until, self._loop.time() + strike.seconds)
            case Act.CLOCK_JUMP:
                self._step_wall(strike.seconds)
                self._jumps.append(strike.seconds)
        self._due.remove(strike)

    def _step_wall(self, seconds: float) -> None:
        assert isinstance(self._loop, VirtualLoop)
        self._loop.clock.step_wall(seconds)
