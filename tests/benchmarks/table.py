"""A result as a Markdown table."""

from benchmarks.scenario import Figures, Result

__all__ = ["table"]


def table(result: Result) -> str:
    """Give a row a contender: median (least to greatest) of the figures and of each ratio."""
    scenario = result.scenario
    head = ["contender", scenario.unit, *(f"ratio to {baseline}" for baseline in scenario.baselines)]
    rows = [
        [
            contender.name,
            _cell(result.absolute(contender.name)),
            *(_cell(result.ratio(contender.name, baseline)) for baseline in scenario.baselines),
        ]
        for contender in scenario.contenders
    ]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)]), *(_line(row) for row in rows)]
    return "\n".join([f"### {scenario.title}", "", *lines, ""])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(figures: Figures) -> str:
    return f"{_number(figures.median)} ({_number(figures.least)} to {_number(figures.greatest)})"


def _number(value: float) -> str:
    """Three digits that count: more would claim what such a run cannot show."""
    if value >= 100:
        return f"{round(value, 3 - len(str(int(value)))):,.0f}".replace(",", " ")
    return f"{value:.3g}"
