"""Reads the file of a template with cfn-lint, which keeps the lines of all parts."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cfnlint.decode import decode
from cfnlint.template import Template

from apptheory_streaming.errors import UsageError

__all__ = ["TemplateFile"]


class TemplateFile:
    """A template of SAM or CloudFormation, as YAML or JSON, with SAM's Globals merged into its resources."""

    def __init__(self, file: str) -> None:
        """Read it; raises UsageError for a file that is no template."""
        if not Path(file).is_file():
            raise UsageError(f"{file}: there is no such file")
        logging.getLogger("cfnlint").setLevel(logging.CRITICAL)  # what it logs of a broken file, its matches say too
        template, broken = decode(file)
        for match in broken:
            raise UsageError(f"{file}:{match.linenumber}:{match.columnnumber}: not a template: {match.message}")
        if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
            raise UsageError(f"{file}: not a template: it has no Resources")
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
