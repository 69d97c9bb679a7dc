"""Verdicts as a table, documents by targets."""

from collections.abc import Iterator, Sequence

from apptheory_testkit.contract.verdict import Outcome, Verdict
from apptheory_testkit.rendering.chunks import render_count

__all__ = ["render_table"]

_WORDS = {Outcome.PASSED: "ok", Outcome.FAILED: "FAILED", Outcome.NOT_HERE: "not here", Outcome.NOT_OURS: "not ours"}


def render_table(verdicts: Sequence[Verdict]) -> str:
    """Give a table of documents by targets, the failures, why others were not run, and a line that counts."""
    parts = [_grid(verdicts) if verdicts else "", *_failures(verdicts), *_left_out(verdicts), _summary(verdicts)]
    return "\n\n".join(part for part in parts if part)


def _grid(verdicts: Sequence[Verdict]) -> str:
    targets = list(dict.fromkeys(verdict.target for verdict in verdicts))
    rows: dict[str, dict[str, str]] = {}
    for verdict in verdicts:
        rows.setdefault(verdict.document.file, {})[verdict.target] = _WORDS[verdict.outcome]
    ids = {verdict.document.file: verdict.document.id for verdict in verdicts}
    table = [
        ["document", *targets],
        *([ids[file], *(row.get(each, "") for each in targets)] for file, row in rows.items()),
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table
    )


def _failures(verdicts: Sequence[Verdict]) -> Iterator[str]:
    return (verdict.explain() for verdict in verdicts if verdict.failed)


def _left_out(verdicts: Sequence[Verdict]) -> Iterator[str]:
    lines = [
        f"{verdict.outcome}: {verdict.document.id} ({verdict.target}): {verdict.reason}"
        for verdict in verdicts
        if verdict.reason
    ]
    yield "\n".join(lines)


def _summary(verdicts: Sequence[Verdict]) -> str:
    documents = len({verdict.document.file for verdict in verdicts})
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = ", ".join(f"{outcomes.count(each)} {each}" for each in Outcome if each in outcomes)
    if not any(verdict.passed or verdict.failed for verdict in verdicts):
        counts = f"nothing was run ({counts})" if counts else "nothing was run"
    return f"{render_count(documents, 'document')}: {counts}"
