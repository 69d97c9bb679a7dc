"""Findings as text for people, as JSON for scripts, as SARIF for tools that show them at their lines."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from apptheory_emulator.check.findings import RULES, Finding

__all__ = ["Format", "shown"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html"


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def shown(findings: Sequence[Finding], *, form: Format) -> str:
    """Give findings as one text, without a last end of line; as text, none are the empty one."""
    if form is Format.TEXT:
        return "\n".join(map(_text, findings))
    value = [asdict(each) for each in findings] if form is Format.JSON else _sarif(findings)
    return json.dumps(value, indent=2, ensure_ascii=False)


def _text(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}:{finding.column}"
    return f"{place}: {finding.severity} {finding.id}: {finding.message}\n    {finding.fix}."


def _sarif(findings: Sequence[Finding]) -> object:
    """A log of SARIF 2.1.0 with one run."""
    driver = {
        "name": "apptheory-emulate check",
        "version": version("apptheory-streaming"),
        "informationUri": _PAGE,
        "rules": _descriptors(sorted({finding.id for finding in findings})),
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": list(map(_result, findings))}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _descriptors(ids: Iterable[str]) -> list[object]:
    return [
        {
            "id": name,
            "shortDescription": {"text": RULES[name].shortdesc},
            "fullDescription": {"text": RULES[name].description},
            "help": {"text": RULES[name].fix},
            "helpUri": RULES[name].source_url,
        }
        for name in ids
    ]


def _result(finding: Finding) -> object:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    artifact = {"uri": quote(Path(finding.file).as_posix())}
    return {
        "ruleId": finding.id,
        "level": finding.severity.value,
        "message": {"text": f"{finding.message}. {finding.fix}."},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
    }
