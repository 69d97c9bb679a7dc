"""Whether chunks come as they are made, which is proved by order and not by speed.

The handler writes a chunk, waits for a pause, writes the next.  Its first pause begins after the
request was sent, so chunk n + 1 is not written before n pauses have passed since then.  A chunk that
came earlier came before the next was made, whatever the network did; an endpoint that collects can
never pass.  A slow path may fail one that streams, so that a longer pause is tried before it does.
"""

from collections.abc import Sequence

from apptheory_emulator.score import sources
from apptheory_emulator.score.case import Case, Finding, Grade, Group
from apptheory_emulator.score.endpoint import Endpoint
from apptheory_emulator.score.exchange import End, shown_bytes

__all__ = ["STREAMING", "PausedChunks", "held_together", "late_chunks"]

LETTERS = b"abcdefghij"
LARGE = 128 * 1024
SMALL = 16
LONG_PAUSE = 1.0


class PausedChunks:
    """Chunks of `size` bytes with a pause of so many seconds between them."""

    def __init__(self, count: int, size: int, pause: float) -> None:
        """Ask for `count` of them."""
        self.count = count
        self.size = size
        self.seconds = pause * (count - 1)
        """How long the handler takes for them."""
        self.query = f"ms={pause * 1000:g}&count={count}&size={size}"
        self.body = b"".join(LETTERS[each : each + 1] * size for each in range(count))


def late_chunks(moments: Sequence[float | None], pause: float) -> list[str]:
    """Name the chunks that came when the one behind them was already made, from the seconds of each."""
    return [
        f"chunk {number} after {'no time' if moment is None else f'{moment:.2f} s'}, "
        f"when chunk {number + 1} was due at {number * pause:g} s"
        for number, moment in enumerate(moments, start=1)
        if moment is None or moment >= number * pause
    ]


def held_together(first: float | None, last: float, pause: float) -> bool:
    """Whether the first chunk came with the last one, after pauses that no stall of a network is like."""
    return pause >= LONG_PAUSE and first is not None and last - first < pause / 2


async def _in_time(endpoint: Endpoint, *, count: int, looked_at: int, size: int) -> Finding:
    """Look whether the first `looked_at` of `count` chunks come before the chunk behind them is made."""
    expected = f"{looked_at} of {count} chunks before the one behind them is made"
    late: list[str] = []
    for pause in endpoint.patience.pauses:
        chunks = PausedChunks(count, size, pause)
        exchange = await endpoint.http.fetch("pauses", chunks.query, longer=chunks.seconds)
        if exchange.body != chunks.body or exchange.end is not End.WHOLE or exchange.status != 200:
            wanted = f"{expected}: status 200, {shown_bytes(chunks.body)}"
            return Finding(holds=False, expected=wanted, came=str(exchange))
        moments = [exchange.when(size * (each + 1)) for each in range(looked_at)]
        late = late_chunks(moments, pause)
        if not late:
            return Finding(holds=True, expected=expected, came=expected)
        if held_together(moments[0], exchange.seconds, pause):
            break
    return Finding(holds=False, expected=expected, came="; ".join(late))


async def _first_byte(endpoint: Endpoint) -> Finding:
    return await _in_time(endpoint, count=3, looked_at=1, size=LARGE)


async def _each_chunk(endpoint: Endpoint) -> Finding:
    return await _in_time(endpoint, count=4, looked_at=3, size=LARGE)


async def _small_chunks(endpoint: Endpoint) -> Finding:
    return await _in_time(endpoint, count=3, looked_at=2, size=SMALL)


STREAMING = (
    Case(
        id="first-byte",
        group=Group.STREAMING,
        sentence="The first chunk arrives before the handler makes the second.",
        source=sources.STREAMING,
        grade=Grade.PROVEN,
        handler="pauses",
        check=_first_byte,
    ),
    Case(
        id="each-chunk",
        group=Group.STREAMING,
        sentence="Each chunk arrives before the next is made: none waits for another.",
        source=sources.STREAMING,
        grade=Grade.PROVEN,
        handler="pauses",
        check=_each_chunk,
    ),
    Case(
        id="small-chunks",
        group=Group.STREAMING,
        sentence="Chunks of 16 bytes arrive one by one too.",
        source=sources.SMALL_CHUNKS,
        grade=Grade.INFERRED,
        handler="pauses",
        check=_small_chunks,
    ),
)
