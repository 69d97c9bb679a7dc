"""Settings from `apptheory.toml`, and from `[tool.apptheory]` in `pyproject.toml`."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from apptheory_emulator.settings.function_settings import FunctionSettings
from apptheory_emulator.settings.schema import faults
from apptheory_emulator.settings.toml_lines import TomlLines
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.cors import CorsConfig
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.iam import AuthType

__all__ = ["read_toml"]

_PLACE = re.compile(r"^(.*) \(at line (\d+), column (\d+)\)$", re.DOTALL)
_IN_PYPROJECT = ("tool", "apptheory")


def read_toml(path: Path) -> tuple[FunctionSettings, ...]:
    """Give the functions of a file, in its order; they are found from its folder.

    Raises UsageError, naming file, line and key, for what no function can have.
    """
    text = _text(path)
    data = _parsed(path, text)
    inside = _IN_PYPROJECT if path.name == "pyproject.toml" else ()
    lines = TomlLines(text)
    for name in inside:
        data = data.get(name) if isinstance(data, dict) else None
    if data is None:
        raise UsageError(f"{path}: there is no [tool.apptheory]")
    for fault in faults(data):
        _refuse(path, lines, (*inside, *fault.path), fault.why)
    found = []
    for name, table in data["functions"].items():
        try:
            found.append(_function(path, name, table))
        except UsageError as error:
            _refuse(path, lines, (*inside, "functions", name, *(["cors"] if "cors" in table else [])), str(error))
    return tuple(found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: it is not UTF-8, at byte {error.start}") from error


def _parsed(path: Path, text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = _PLACE.match(str(error))
        why, place = (said[1], f":{said[2]}:{said[3]}") if said else (str(error), "")
        raise UsageError(f"{path}{place}: not TOML: {why}") from error


def _refuse(path: Path, lines: TomlLines, key: tuple[str | int, ...], why: str) -> NoReturn:
    dotted = ".".join(map(str, key)) or "the file"
    raise UsageError(f"{path}:{lines.line_of(key)}: {dotted}: {why}")


def _function(path: Path, name: str, table: Mapping[str, Any]) -> FunctionSettings:
    rest = dict(table)
    if "cors" in rest:
        rest["cors"] = CorsConfig(**rest["cors"])
    if isinstance(rest.get("exec"), list):
        rest["exec"] = tuple(rest["exec"])
    rest["invoke_mode"] = InvokeMode(rest.get("invoke_mode", InvokeMode.RESPONSE_STREAM))
    rest["auth"] = AuthType(rest.get("auth", AuthType.NONE))
    return FunctionSettings(name=name, folder=path.resolve().parent, **rest)
