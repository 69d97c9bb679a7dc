"""The name of a handler, as in Lambda's configuration, and the function that it names."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from apptheory_streaming.errors import TargetError
from apptheory_streaming.handlers import Handler
from apptheory_streaming.runtime.fault import Fault, FaultType
from apptheory_streaming.target import check_target, load_target

__all__ = ["load_handler", "put_task_root_on_path"]


def put_task_root_on_path() -> None:
    """Let modules of the function be found: those of LAMBDA_TASK_ROOT, else those of the current folder."""
    folder = os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()  # noqa: PTH109 - a text is what sys.path takes
    if folder not in sys.path:
        sys.path.insert(0, folder)


def load_handler(name: str) -> Handler:
    """Import what `module.handler`, `folder/module.handler`, `module:attribute` or `file.py:attribute` names.

    Raises Fault with the types and texts of awslambdaric, and what the module raises as it is.
    """
    return _of_target(name) if ":" in name else _of_lambda(name)


def _of_lambda(name: str) -> Handler:
    place, dot, attribute = name.rpartition(".")
    if not dot:
        raise Fault(
            FaultType.MALFORMED_HANDLER_NAME,
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    if place.split(".")[0] in sys.builtin_module_names:
        raise Fault(FaultType.BUILT_IN_MODULE_CONFLICT, f"Cannot use built-in module {place} as a handler module")
    try:
        module = importlib.import_module(place.replace("/", "."))
    except ImportError as error:
        raise _unable_to_import(place, error) from error
    except SyntaxError as error:
        raise _syntax_error(place, error) from error
    return _callable(getattr(module, attribute, None), attribute, place)


def _of_target(name: str) -> Handler:
    try:
        place, attribute = check_target(name)
    except TargetError as error:
        raise Fault(FaultType.MALFORMED_HANDLER_NAME, f"Bad handler '{name}': {error}") from error
    try:
        handler: Handler = load_target(name)
    except TargetError as error:
        raise _told_by(error, place, attribute) from error
    return handler


def _told_by(error: TargetError, place: str, attribute: str) -> BaseException:
    """The fault for a target that cannot be loaded, or what its module raised."""
    cause = error.__cause__
    if isinstance(cause, SyntaxError):
        return _syntax_error(place, cause)
    if isinstance(cause, ImportError):
        return _unable_to_import(place, cause)
    if cause is not None:
        return cause
    if place.endswith(".py") and not Path(place).is_file():
        return Fault(FaultType.IMPORT_MODULE, f"Unable to import module '{place}': {error}")
    return Fault(FaultType.HANDLER_NOT_FOUND, f"Handler '{attribute}' missing on module '{place}': {error}")


def _callable(found: Any, attribute: str, place: str) -> Handler:
    if found is None:
        raise Fault(FaultType.HANDLER_NOT_FOUND, f"Handler '{attribute}' missing on module '{place}'")
    if not callable(found):
        kind = type(found).__name__
        raise Fault(FaultType.HANDLER_NOT_FOUND, f"Handler '{attribute}' on module '{place}' is no function but {kind}")
    handler: Handler = found
    return handler


def _unable_to_import(place: str, error: ImportError) -> Fault:
    return Fault(FaultType.IMPORT_MODULE, f"Unable to import module '{place}': {error}")


def _syntax_error(place: str, error: SyntaxError) -> Fault:
    line = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
    return Fault(FaultType.USER_CODE_SYNTAX, f"Syntax error in module '{place}': {error}", (line,))
