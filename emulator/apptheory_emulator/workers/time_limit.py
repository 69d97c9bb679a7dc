"""How long an invocation may take."""

import asyncio
from typing import Self

__all__ = ["TimeLimit"]


class TimeLimit:
    """So many seconds from the moment it is made, on the clock of the running loop."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self._now = asyncio.get_running_loop().time
        self.seconds = seconds
        self.deadline = self._now() + seconds
        """The time of the loop at which it is over."""

    @classmethod
    def of_milliseconds(cls, milliseconds: int) -> Self:
        """Take what a context says to be left."""
        return cls(milliseconds / 1000)

    @property
    def over(self) -> bool:
        """Whether the time has passed."""
        return self._now() >= self.deadline
