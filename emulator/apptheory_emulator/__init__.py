"""A local Lambda Function URL: serves handlers to real HTTP clients, chunk by chunk.

Names are loaded when they are asked for, so that the command can say what to install when the
extra is missing: importing `apptheory_emulator.__main__` imports this first.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apptheory_emulator.config import FunctionConfig, LateErrors
    from apptheory_emulator.front.function_url import Exchange
    from apptheory_emulator.server import (
        Emulator,
        FunctionUrlFactory,
        ServedFunction,
        ServedUrl,
        serve_function_url,
    )

__all__ = [
    "Emulator",
    "Exchange",
    "FunctionConfig",
    "FunctionUrlFactory",
    "LateErrors",
    "ServedFunction",
    "ServedUrl",
    "serve_function_url",
]

_HOMES = {"Exchange": "front.function_url", "FunctionConfig": "config", "LateErrors": "config"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'server')}"), name)
