"""At which line of a TOML file a key stands.

`tomllib` gives values without their places, and so do the packages that keep comments; a look at the headers and at the
left sides of `=` finds them, and where it does not, the table around the key is near enough.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["TomlLines"]

Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*\[\[?(.+?)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w\-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w\-]+|"[^"]*"|'[^']*'))*)\s*=""")


class TomlLines:
    """The lines of the keys of one file, which count from 1."""

    def __init__(self, text: str) -> None:
        """Look through a file that is valid TOML."""
        self._lines: dict[Path, int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.match(line):
                table = _names(header[1])
                found = table
            elif key := _KEY.match(line):
                found = table + _names(key[1])
            else:
                continue
            for length in range(1, len(found) + 1):
                self._lines.setdefault(found[:length], number)

    def line_of(self, path: Path) -> int:
        """Give the line of a key, or of the innermost table around it that has one."""
        return next((self._lines[part] for part in _outwards(path) if part in self._lines), 1)


def _outwards(path: Path) -> Iterator[Path]:
    return (path[:length] for length in range(len(path), 0, -1))


def _names(dotted: str) -> tuple[str, ...]:
    """The parts of a key, as TOML reads them."""
    try:
        value: Any = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    names = []
    while isinstance(value, Mapping):
        ((name, value),) = value.items()
        names.append(name)
    return tuple(names)
