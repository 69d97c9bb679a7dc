"""The handler of a worker, by the name that documents have for it: in the worker's own process.

The runtime takes `module:attribute`; this module has one attribute, whose value the environment chooses.
"""

import os
from typing import Any

from apptheory_streaming.errors import TargetError
from apptheory_streaming.target import LazyHandler, load_module, load_target

__all__ = ["TARGET", "environment"]

TARGET = f"{__name__}:handler"
"""What the runtime is told."""

_PLACE = "APPTHEORY_CONTRACT_HANDLERS"
_NAME = "APPTHEORY_CONTRACT_HANDLER"


def environment(place: str, name: str) -> dict[str, str]:
    """Give the variables that choose a handler of a module or a Python file."""
    return {_PLACE: place, _NAME: name}


def __getattr__(attribute: str) -> Any:
    if attribute != "handler":
        raise AttributeError(attribute)
    place, name = os.environ[_PLACE], os.environ[_NAME]
    handlers = getattr(load_module(place), "HANDLERS", None)
    if handlers is None:
        return load_target(f"{place}:{name}")
    if name not in handlers:
        raise TargetError(f"there is no handler {name!r}; there are {', '.join(map(str, handlers)) or 'none'}")
    return LazyHandler(handlers[name]).load()
