"""Reads the file of a template with cfn-lint, which keeps the lines of all parts."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cfnlint.decode import decode
from cfnlint.template import Template

from apptheory_streaming.errors import UsageError

__all__ = ["TemplateFile"]

_MOST_PARTS = 20_000
"""Of all conditions, with those that they name put in: cfn-lint puts them in, and takes a second for so many."""


class TemplateFile:
    """A template of SAM or CloudFormation, as YAML or JSON, with SAM's Globals merged into its resources."""

    def __init__(self, file: str) -> None:
        """Read it; raises UsageError for a file that is no template."""
        _check_text(file)
        logging.getLogger("cfnlint").setLevel(logging.CRITICAL)  # what it logs of a broken file, its matches say too
        template, broken = decode(file)
        for match in broken:
            raise UsageError(f"{file}:{match.linenumber}:{match.columnnumber}: not a template: {match.message}")
        if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
            raise UsageError(f"{file}: not a template: it has no Resources")
        _check_conditions(file, template.get("Conditions"))
        self.file = file
        self._read = Template(file, template)
        for match in self._read.transform():
            raise UsageError(f"{file}: not a template: {match.message}")

    @property
    def data(self) -> Mapping[str, Any]:
        """The template."""
        data: Mapping[str, Any] = self._read.template
        return data

    def line_of(self, path: Sequence[str | int]) -> int:
        """Give the line of a part, or of what is around it."""
        place = self._read.get_location_yaml(self._read.template, list(path))
        return place[0] + 1 if place else 1


def _check_text(file: str) -> None:
    """Raise UsageError for what has no text to be read: cfn-lint's words for it name nothing."""
    path = Path(file)
    if path.is_dir():
        raise UsageError(f"{file}: it is a folder; name the template in it")
    if not path.is_file():
        raise UsageError(f"{file}: there is no such file")
    try:
        path.read_bytes().decode()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not a template: it is not UTF-8, at byte {error.start}") from error


def _check_conditions(file: str, conditions: object) -> None:
    """Raise UsageError for conditions that double so often, or name each other, that cfn-lint would never be done."""
    parts = 0
    for name, condition in conditions.items() if isinstance(conditions, Mapping) else ():
        left = [condition]
        while left and parts <= _MOST_PARTS:
            parts += 1
            node = left.pop()
            if isinstance(node, Mapping):
                left += (_named(conditions, each) if key == "Condition" else each for key, each in node.items())
            elif isinstance(node, list):
                left += node
        if left:
            mark = getattr(condition, "start_mark", None)
            line = f":{mark.line + 1}" if mark is not None else ""
            raise UsageError(
                f"{file}{line}: Conditions: with {name} they come to more than {_MOST_PARTS} parts once each has "
                "those that it names in it; let fewer of them name others"
            )


def _named(conditions: object, name: object) -> object:
    return conditions.get(name) if isinstance(conditions, Mapping) and isinstance(name, str) else None
