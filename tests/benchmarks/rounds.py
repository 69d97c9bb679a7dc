"""Plays scenarios in turns, round after round."""

import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.scenario import Result, Scenario

__all__ = ["play"]


def play(scenarios: Sequence[Scenario], *, rounds: int, seconds: float) -> Iterator[Result]:
    """Play every scenario in every round, so that no scenario has a moment of the machine to itself.

    One round that warms up does not count; none is started after so many seconds.
    """
    until = time.monotonic() + seconds
    played: list[list[dict[str, float]]] = []
    for number in range(rounds + 1):
        figures = [scenario.play_round() for scenario in scenarios]
        if number:  # the first one warms up
            played.append(figures)
        if played and time.monotonic() > until:
            if number < rounds:
                sys.stderr.write(f"stopped after {number} of {rounds} rounds: out of time\n")
            break
    for scenario, figures_of_it in zip(scenarios, zip(*played, strict=True), strict=True):
        yield Result(scenario, figures_of_it)
