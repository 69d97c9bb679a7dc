"""What can go wrong on the client's side of a handler, made to happen at one exact moment.

A request takes them by its keyword `fault`, one or several: `client.get("/", fault=disconnect(at=2))`.
`at` is a number of chunks, the moment at which the client has that many (0: the head is final and
the body was not yet asked for its first chunk), or `seconds(2.5)` since the request, in virtual time.
"""

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import is_count
from apptheory_streaming.wire.pacing import Pacing, pacing_named
from apptheory_testkit.faults.plan import (
    Act,
    Bound,
    Fault,
    Moment,
    Reading,
    Seconds,
    Strike,
    check_moment,
    check_seconds,
)
from apptheory_testkit.faults.upstream import upstream_error

__all__ = [
    "Fault",
    "Moment",
    "cancel",
    "clock_jump",
    "deadline",
    "disconnect",
    "limit",
    "pace",
    "seconds",
    "slow_reader",
    "stall",
    "upstream_error",
]


def seconds(value: float) -> Seconds:
    """Name the moment so many seconds after the request, in virtual time; at least a little after it."""
    return Seconds(check_seconds("a moment", value))


def disconnect(at: Moment) -> Fault:
    """Let the client go away; what the handler does then is `on_disconnect`'s choice (rule E4)."""
    return Strike(Act.DISCONNECT, check_moment("disconnect", at))


def cancel(at: Moment) -> Fault:
    """Cancel the invocation: an async handler at once, a sync one at its next write."""
    return Strike(Act.CANCEL, check_moment("cancel", at))


def slow_reader(rate: float) -> Fault:
    """Let the client take `rate` bytes a second; a chunk is delivered when its last byte is."""
    return Reading(Pacing(0, rate), f"slow_reader({rate:g})")


def stall(at: Moment, seconds: float) -> Fault:  # the word that reads best, also as a keyword
    """Let the client take nothing for so many seconds from a moment on."""
    return Strike(Act.STALL, check_moment("stall", at), check_seconds("the seconds of a stall", seconds))


def deadline(seconds: float) -> Fault:
    """Give the handler so many seconds (rule E5); its context says how much of them is left."""
    return Bound(timeout=check_seconds("the seconds of a deadline", seconds))


def limit(bytes: int) -> Fault:  # noqa: A002 - the unit, as in the other faults
    """Allow so many bytes of response; the chunk that would exceed them is dropped whole (rule L2)."""
    if not is_count(bytes):
        raise UsageError(f"limit takes a number of bytes, 0 or more, not {bytes!r}")
    return Bound(response_bytes=bytes)


def pace(front: str | None = None, *, burst: int | None = None, rate: float | None = None) -> Fault:
    """Deliver at the pace of a front, `"aws"` or `"api-gateway"` (rule L3), or at one of small numbers.

    The first `burst` bytes take no time, the others `rate` bytes a second.
    """
    if front is not None and burst is None and rate is None:
        return Reading(pacing_named(front), f"pace({front!r})")
    if front is None and burst is not None and rate is not None:
        return Reading(Pacing(burst, rate), f"pace(burst={burst}, rate={rate:g})")
    raise UsageError('pace takes the name of a front, pace("aws"), or two numbers, pace(burst=10, rate=5)')


def clock_jump(at: Moment, seconds: float) -> Fault:
    """Move the wall clock by so many seconds, back if negative; monotonic and loop time go on as they were.

    It is so for as long as the request lasts: behind it the clock is set right again.
    """
    return Strike(
        Act.CLOCK_JUMP,
        check_moment("clock_jump", at),
        check_seconds("the seconds of a clock_jump", seconds, below=True),
    )
