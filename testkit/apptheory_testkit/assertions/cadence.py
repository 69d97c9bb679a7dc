"""How steadily a response keeps coming, in four classes."""

from enum import StrEnum

__all__ = ["Cadence"]


class Cadence(StrEnum):
    """The class of a response by its largest gap between two chunks, in seconds."""

    GOOD = "good"
    """Up to 0.5 s: it reads as one flow."""
    ACCEPTABLE = "acceptable"
    """Up to 2 s."""
    SLOW = "slow"
    """Up to 5 s."""
    POOR = "poor"
    """Longer: people think that it hangs, and proxies begin to give up."""

    @property
    def longest_gap(self) -> float:
        """The longest gap of this class, in seconds."""
        return _LONGEST_GAP[self]

    @classmethod
    def of(cls, gap: float) -> "Cadence":
        """Give the class of a largest gap, in seconds."""
        return next(each for each in cls if gap <= each.longest_gap)


_LONGEST_GAP = {
    Cadence.GOOD: 0.5,
    Cadence.ACCEPTABLE: 2.0,
    Cadence.SLOW: 5.0,
    Cadence.POOR: float("inf"),
}
