"""Templates in, findings out: cfn-lint reads the file and runs our rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.rules import Rules
from cfnlint.runner.template import run_template_by_file_path

from apptheory_emulator.check import rules
from apptheory_emulator.check.base import StreamingRule
from apptheory_emulator.template.reading import TemplateFile
from apptheory_streaming.errors import UsageError

__all__ = ["RULES", "Finding", "Severity", "check_template"]

RULES: Mapping[str, type[StreamingRule]] = {
    rule.id: rule for rule in sorted((getattr(rules, name) for name in rules.__all__), key=lambda rule: rule.id[1:])
}


class Severity(StrEnum):
    """How bad a finding is: an error does not work, a warning may not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule found, at which place of which file; lines and columns count from 1."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    id: str
    severity: Severity
    message: str
    fix: str


def check_template(file: str) -> list[Finding]:
    """Give what the rules find in a template, in the order of its lines.

    Raises UsageError for a file that cannot be read as a template.
    """
    TemplateFile(file)
    return sorted((_finding(file, match) for match in _matches(file)), key=_place)


def _matches(file: str) -> list[Any]:
    try:
        return list(run_template_by_file_path(file, ConfigMixIn([]), _own_rules(), ignore_bad_template=False))
    except Exception as error:  # cfn-lint has no type for what it stumbles over, such as Metadata that are a number
        raise UsageError(
            f"{file}: not a template: cfn-lint cannot read it ({type(error).__name__}: {error})"
        ) from error


def _own_rules() -> Any:
    own = Rules()
    for name, rule in RULES.items():
        own[name] = rule()
    return own


def _finding(file: str, match: Any) -> Finding:
    if match.rule.id not in RULES:
        raise UsageError(f"{file}:{match.linenumber}:{match.columnnumber}: not a template: {match.message}")
    return Finding(
        file=file,
        line=match.linenumber,
        column=match.columnnumber,
        end_line=match.linenumberend,
        end_column=match.columnnumberend,
        id=match.rule.id,
        severity=Severity(match.rule.severity),
        message=match.problem,
        fix=match.rule.fix,
    )


def _place(finding: Finding) -> tuple[int, int, str]:
    return finding.line, finding.column, finding.id
