"""Targets: the text by which people name a handler, and how the object is found."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from apptheory_streaming.errors import TargetError
from apptheory_streaming.handlers import Handler

__all__ = ["LazyHandler", "check_target", "load_module", "load_object", "load_target", "target_name"]

_FORMS = "a target is `package.module:attribute` or `path/to/file.py:attribute`"


class LazyHandler:
    """A handler, or the target of one, which is imported once; what cannot be imported is tried again.

    `name` is one for its function: that of the target, or `function`.
    """

    def __init__(self, target: Handler | str) -> None:
        """Import nothing yet; raises TargetError for what is neither of the two."""
        if not isinstance(target, str) and not callable(target):
            raise TargetError(f"a handler is something that can be called, or its target as text, not {target!r}")
        self.name: str = (
            target_name(target) if isinstance(target, str) else getattr(target, "function_name", "function")
        )
        self._target = target
        self._handler: Handler | None = None if isinstance(target, str) else target

    def load(self) -> Handler:
        """Give the handler; raises TargetError as `load_target` does."""
        if self._handler is None:
            handler: Handler = load_target(str(self._target))
            self._handler = handler
        return self._handler


def load_target(target: str) -> Any:
    """Import the handler that `module:attribute` or `path/file.py:attribute` names.

    Raises TargetError as `load_object` does, and for what is not callable.
    """
    return _load(target, _find_callable)


def load_object(target: str) -> Any:
    """Import what `module:attribute` or `path/file.py:attribute` names.

    The attribute may be dotted.  The current folder, or the file's own, is put on `sys.path`, as
    `python -m` and `python file.py` do.  Raises TargetError when the target cannot be found; an
    exception that the module itself raises while it is imported comes out as the cause of one.
    """
    return _load(target, _find)


def _load(target: str, find: Callable[[ModuleType, str, str], Any]) -> Any:
    place, attribute = check_target(target)
    known = frozenset(sys.modules)
    module = load_module(place)
    try:
        return find(module, attribute, target)
    except TargetError:
        if module.__name__ not in known:  # so that the next call reads a file that was put right
            sys.modules.pop(module.__name__, None)
        raise


def load_module(place: str) -> ModuleType:
    """Import a module by its name, or a Python file by its path; raises TargetError as `load_target` does."""
    return _load_file(Path(place)) if _is_file(place) else _load_module(place)


def check_target(target: str) -> tuple[str, str]:
    """Give the place and the attribute of a well-formed target; raises TargetError for another."""
    place, colon, attribute = target.rpartition(":")
    if not colon or not place or not attribute:
        raise TargetError(f"{target!r} names no attribute: {_FORMS}")
    if _is_file(place) and Path(place).suffix != ".py":
        raise TargetError(f"{place!r} is not a Python file: {_FORMS}")
    return place, attribute


def target_name(target: str) -> str:
    """Give a name for the function of a target: the last part of its module or its file's stem."""
    place = target.rpartition(":")[0] or target
    return Path(place).stem if _is_file(place) else place.rpartition(".")[2]


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or "\\" in place or Path(place).is_file()


def _load_module(name: str) -> ModuleType:
    _put_on_path(Path.cwd())
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise TargetError(f"there is no module {name!r} on the path or in {Path.cwd()}") from error
        raise TargetError(f"module {name!r} cannot be imported: {error}") from error
    except (Exception, SystemExit) as error:
        raise TargetError(f"module {name!r} cannot be imported: {type(error).__name__}: {error}") from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"there is no file {str(path)!r} (looked from {Path.cwd()})")
    file = path.resolve()
    name = _free_name(file)
    loaded = sys.modules.get(name)
    if loaded is not None:
        return loaded
    _put_on_path(file.parent)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise TargetError(f"{str(path)!r} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _free_name(file: Path) -> str:
    """The file's stem, or a name of its own where that stem is another module (`json.py`) or no module name."""
    loaded = sys.modules.get(file.stem)
    if loaded is not None:
        taken_by = getattr(loaded, "__file__", None)
    elif "." in file.stem:
        taken_by = None
    else:
        spec = importlib.util.find_spec(file.stem)
        taken_by = str(file) if spec is None else spec.origin
    return file.stem if taken_by == str(file) else f"{file.stem}@{file}"


def _find_callable(module: ModuleType, attribute: str, target: str) -> Any:
    handler = _find(module, attribute, target)
    if not callable(handler):
        raise TargetError(f"{target!r} is of type {type(handler).__name__}, not something that can be called")
    return handler


def _find(module: ModuleType, attribute: str, target: str) -> Any:
    found: Any = module
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            public = ", ".join(sorted(key for key, value in vars(module).items() if callable(value) and key[0] != "_"))
            raise TargetError(f"{target!r}: there is no {name!r} in it; it has {public or 'nothing to call'}") from None
    return found


def _put_on_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
