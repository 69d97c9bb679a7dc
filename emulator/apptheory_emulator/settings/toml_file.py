"""Settings from `apptheory.toml`, and from `[tool.apptheory]` in `pyproject.toml`."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from apptheory_emulator.gateways import FrontKind
from apptheory_emulator.settings.fronts import FRONT_KEYS, read_fronts
from apptheory_emulator.settings.function_settings import FunctionSettings
from apptheory_emulator.settings.schema import faults
from apptheory_emulator.settings.setting_error import SettingError
from apptheory_emulator.settings.toml_lines import TomlLines
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.cors import CorsConfig
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.iam import AuthType

__all__ = ["read_toml"]

_PLACE = re.compile(r"^(.*) \(at line (\d+), column (\d+)\)$", re.DOTALL)
_IN_PYPROJECT = ("tool", "apptheory")
_CHECKED_LATER = ("handler", "exec", "environment")


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
    found: list[FunctionSettings] = []
    for name, table in data["functions"].items():
        key = (*inside, "functions", name)
        try:
            _check_environment(table.get("environment", {}))
            places = {each: _place(path, lines, (*key, each)) for each in _CHECKED_LATER}
            found.append(_function(path, name, table, places))
            _check_port(found)
        except SettingError as error:
            _refuse(path, lines, (*key, *error.key), str(error))
        except UsageError as error:
            _refuse(path, lines, (*key, *(["cors"] if "cors" in table else [])), str(error))
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
    except (ValueError, RecursionError) as error:  # beside what is no TOML: too many digits, or levels
        said = _PLACE.match(str(error))
        why, place = (said[1], f":{said[2]}:{said[3]}") if said else (str(error), "")
        raise UsageError(f"{path}{place}: not TOML: {why}") from error


def _refuse(path: Path, lines: TomlLines, key: tuple[str | int, ...], why: str) -> NoReturn:
    raise UsageError(f"{_place(path, lines, key)}: {why}")


def _place(path: Path, lines: TomlLines, key: tuple[str | int, ...]) -> str:
    """Where a key stands, in one line whatever its name is."""
    names = (str(each) if str(each).isprintable() else repr(each) for each in key)
    return f"{path}:{lines.line_of(key)}: {'.'.join(names) or 'the file'}"


def _check_environment(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name:
            why = "no variable has such a name: it is empty, or has = or a NUL in it"
            raise SettingError(why, ("environment", name))
        if "\0" in value:
            raise SettingError("it has a NUL in it, which no variable can have", ("environment", name))


def _check_port(functions: Sequence[FunctionSettings]) -> None:
    """Refuse the port of the last function if another has it; those of one API share theirs."""
    last = functions[-1]
    for other in functions[:-1] if last.port else ():
        if other.port == last.port and (_api(last) is None or _api(last) != _api(other)):
            raise SettingError(f"{last.port} is the port of {other.name} already", ("port",))


def _api(settings: FunctionSettings) -> tuple[FrontKind, str] | None:
    gateway = settings.gateway
    return None if gateway is None or gateway.api is None else (gateway.kind, gateway.api)


def _function(path: Path, name: str, table: Mapping[str, Any], places: Mapping[str, str]) -> FunctionSettings:
    rest = {key: value for key, value in table.items() if key not in FRONT_KEYS} | read_fronts(table)
    if "cors" in rest:
        rest["cors"] = CorsConfig(**rest["cors"])
    if isinstance(rest.get("exec"), list):
        rest["exec"] = tuple(rest["exec"])
    rest["invoke_mode"] = InvokeMode(rest.get("invoke_mode", InvokeMode.RESPONSE_STREAM))
    rest["auth"] = AuthType(rest.get("auth", AuthType.NONE))
    return FunctionSettings(name=name, folder=path.resolve().parent, places=places, **rest)
