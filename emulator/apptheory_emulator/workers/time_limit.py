"""How long an invocation may take."""

import asyncio
from typing import Self

from apptheory_streaming.context import LambdaContext, RemainingTime

__all__ = ["TimeLimit"]


class TimeLimit:
    """So many seconds from the moment it is made, on the clock of the running loop."""

    def __init__(self, seconds: float, *, of: float | None = None) -> None:
        """Begin now, with `seconds` that are left `of` as many as the function is set to have."""
        self._now = asyncio.get_running_loop().time
        self.configured = seconds if of is None else of
        """What the function is set to have, in seconds, of which some may have passed before."""
        self.deadline = self._now() + seconds
        """The time of the loop at which it is over."""

    @classmethod
    def of_context(cls, context: LambdaContext) -> Self:
        """Take what a context says to be left."""
        remaining = context.remaining_seconds
        timeout = remaining.timeout if isinstance(remaining, RemainingTime) else None
        return cls(context.get_remaining_time_in_millis() / 1000, of=timeout)

    @property
    def over(self) -> bool:
        """Whether the time has passed."""
        return self._now() >= self.deadline
