"""`load_settings`: the functions that a file describes."""

from pathlib import Path

from apptheory_emulator.settings.function_settings import FunctionSettings
from apptheory_emulator.settings.toml_file import read_toml
from apptheory_streaming.errors import UsageError

__all__ = ["load_settings"]

_TEMPLATES = (".yaml", ".yml", ".json", ".template")


def load_settings(path: str | Path) -> tuple[FunctionSettings, ...]:
    """Give the functions of `apptheory.toml`, of `pyproject.toml`, or of a template of SAM or CloudFormation.

    Which one it is tells the name.  Raises UsageError with file, line and key for what cannot be.
    """
    file = Path(path)
    if file.is_dir():
        raise UsageError(f"{file}: it is a folder; name the file in it")
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file")
    if file.suffix == ".toml":
        return read_toml(file)
    if file.suffix in _TEMPLATES:
        from apptheory_emulator.settings.template_file import read_template  # noqa: PLC0415 - cfn-lint takes its time

        return read_template(file)
    raise UsageError(f"{file}: settings are a .toml file, or a template ({', '.join(_TEMPLATES)})")
