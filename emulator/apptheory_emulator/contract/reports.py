"""Verdicts as text, as JSON and as JUnit's XML."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from apptheory_testkit.contract import Outcome, Verdict, render_table

__all__ = ["ReportFormat", "render_report"]

_SUITE = "contract"
_ILLEGAL = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


class ReportFormat(StrEnum):
    """What `--format` takes."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


def render_report(verdicts: Sequence[Verdict], form: ReportFormat) -> str:
    """Give the verdicts in one of the formats."""
    return _REPORTS[form](verdicts).encode("utf-8", "backslashreplace").decode()  # a message may have no UTF-8 form


def _json(verdicts: Sequence[Verdict]) -> str:
    return json.dumps({"verdicts": [_fields(verdict) for verdict in verdicts]}, ensure_ascii=False, indent=2)


def _fields(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.document.id,
        "name": verdict.document.name,
        "file": verdict.document.file,
        "target": verdict.target,
        "outcome": str(verdict.outcome),
        "reason": verdict.reason,
        "differences": list(verdict.differences),
    }


def _junit(verdicts: Sequence[Verdict]) -> str:
    failed = sum(verdict.failed for verdict in verdicts)
    skipped = sum(not verdict.failed and not verdict.passed for verdict in verdicts)
    counts = {"tests": str(len(verdicts)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}
    suites = Element("testsuites", counts)
    suite = SubElement(suites, "testsuite", {"name": _SUITE, **counts})
    for verdict in verdicts:
        _case(suite, verdict)
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=True)


def _case(suite: Element, verdict: Verdict) -> None:
    case = SubElement(
        suite, "testcase", {"classname": _legal(f"{_SUITE}.{verdict.target}"), "name": _legal(verdict.document.id)}
    )
    if verdict.failed:
        failure = SubElement(case, "failure", {"message": _legal(verdict.differences[0])})
        failure.text = _legal(verdict.explain())
    elif verdict.outcome is not Outcome.PASSED:
        SubElement(case, "skipped", {"message": _legal(f"{verdict.outcome}: {verdict.reason}")})


def _legal(text: str) -> str:
    """XML has no form for control characters; chunks are rendered without them, messages of handlers may have some."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


_REPORTS: Mapping[ReportFormat, Callable[[Sequence[Verdict]], str]] = {
    ReportFormat.TEXT: render_table,
    ReportFormat.JSON: _json,
    ReportFormat.JUNIT: _junit,
}
