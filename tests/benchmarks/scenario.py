"""A scenario: the same work done by several contenders in turns, and the figures that come of it."""

import gc
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Contender", "Figures", "Result", "Scenario"]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the work; `measure` does it once and gives the figure in the unit of the scenario."""

    name: str
    measure: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Figures:
    """Median, least and greatest of what several rounds gave."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Figures":
        """Sum up samples, of which there is at least one."""
        return cls(statistics.median(samples), min(samples), max(samples))


@dataclass(frozen=True, slots=True)
class Scenario:
    """The work, the unit of its figures, who does it, and which contenders are the measure of the others."""

    title: str
    unit: str
    contenders: Sequence[Contender]
    baselines: Sequence[str]

    def play_round(self) -> dict[str, float]:
        """Measure every contender once, one after the other, each without the garbage of the one before."""
        figures: dict[str, float] = {}
        for contender in self.contenders:
            gc.collect()
            figures[contender.name] = contender.measure()
        return figures


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a scenario, one mapping of contender to figure a round."""

    scenario: Scenario
    rounds: Sequence[Mapping[str, float]]

    def absolute(self, name: str) -> Figures:
        """What a contender reached."""
        return Figures.of([figures[name] for figures in self.rounds])

    def ratio(self, name: str, baseline: str) -> Figures:
        """Contender by baseline, each round by itself, so that a slow moment of the machine cancels out."""
        return Figures.of([figures[name] / figures[baseline] for figures in self.rounds])
