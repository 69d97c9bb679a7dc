"""Where the handlers of a run are: a module, a Python file, or a folder with files of several languages."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apptheory_fixtures
from apptheory_emulator.workers.launch import NODE_ENDINGS
from apptheory_streaming.errors import UsageError
from apptheory_testkit.contract import Handlers, load_handlers

__all__ = ["HandlersPlace", "shipped_handlers"]

_STEM = "documents"


@dataclass(frozen=True, slots=True)
class HandlersPlace:
    """What `--handlers` names; None is nothing, which programs that know their handlers do with."""

    text: str | None = None

    @property
    def folder(self) -> Path:
        """Where programs are started: the folder itself, else the current one."""
        return Path.cwd() if self._folder is None else self._folder.resolve()

    def python(self) -> str:
        """Give the Python module or file; raises UsageError where there is none."""
        if self.text is None:
            raise UsageError("--handlers is missing: it names the module, the Python file or the folder of handlers")
        return self._file(self._folder, "python", frozenset({".py"})) if self._folder is not None else self.text

    def node(self) -> str:
        """Give the file of Node; raises UsageError where there is none."""
        if self._folder is None:
            raise UsageError(
                f"the target node takes handlers from a folder, with a file {_STEM}.mjs or node/{_STEM}.mjs"
            )
        return self._file(self._folder, "node", NODE_ENDINGS)

    def load(self) -> Handlers:
        """Give the handlers of Python; raises UsageError where there are none, TargetError for a broken module."""
        return load_handlers(self.python())

    @property
    def _folder(self) -> Path | None:
        """The folder that is named; a package is a module."""
        folder = None if self.text is None else Path(self.text)
        is_folder = folder is not None and folder.is_dir() and not (folder / "__init__.py").is_file()
        return folder if is_folder else None

    def _file(self, folder: Path, language: str, endings: frozenset[str]) -> str:
        for file in _candidates(folder, language, endings):
            if file.is_file():
                return str(file.resolve())
        ending = min(endings)
        raise UsageError(f"{self.text!r} has no {_STEM}{ending}, and no {language}/{_STEM}{ending}")


def shipped_handlers() -> HandlersPlace:
    """Give those of the contract's own documents."""
    return HandlersPlace(str(Path(apptheory_fixtures.__file__).parent / "handlers"))


def _candidates(folder: Path, language: str, endings: frozenset[str]) -> Iterator[Path]:
    for place in (folder / language, folder):
        yield from (place / f"{_STEM}{ending}" for ending in sorted(endings))
