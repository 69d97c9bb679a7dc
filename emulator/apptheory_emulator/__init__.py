"""A local Lambda Function URL: serves handlers to real HTTP clients, chunk by chunk.

Names are loaded when they are asked for, so that the command can say what to install when the
extra is missing: importing `apptheory_emulator.__main__` imports this first.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apptheory_emulator.config import FunctionConfig, LateErrors
    from apptheory_emulator.control_server import ControlPort
    from apptheory_emulator.front.request_handler import Exchange
    from apptheory_emulator.http_transport import HttpTransport
    from apptheory_emulator.server import (
        Emulator,
        FunctionUrlFactory,
        ServedFunction,
        ServedUrl,
        ServeOptions,
        serve_function_url,
    )
    from apptheory_emulator.threaded import ThreadedUrl, serve_function_url_threaded
    from apptheory_emulator.workers.client_factory import WorkerClientFactory
    from apptheory_emulator.workers.function import WorkerFunction
    from apptheory_emulator.workers.web import WebFunction, web
    from apptheory_emulator.workers.worker import worker
    from apptheory_streaming.wire.cors import CorsConfig

__all__ = [
    "ControlPort",
    "CorsConfig",
    "Emulator",
    "Exchange",
    "FunctionConfig",
    "FunctionUrlFactory",
    "HttpTransport",
    "LateErrors",
    "ServeOptions",
    "ServedFunction",
    "ServedUrl",
    "ThreadedUrl",
    "WebFunction",
    "WorkerClientFactory",
    "WorkerFunction",
    "serve_function_url",
    "serve_function_url_threaded",
    "web",
    "worker",
]

_HOMES = {
    "ControlPort": "control_server",
    "Exchange": "front.request_handler",
    "FunctionConfig": "config",
    "HttpTransport": "http_transport",
    "LateErrors": "config",
    "ThreadedUrl": "threaded",
    "WebFunction": "workers.web",
    "WorkerClientFactory": "workers.client_factory",
    "WorkerFunction": "workers.function",
    "serve_function_url_threaded": "threaded",
    "web": "workers.web",
    "worker": "workers.worker",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'server')}"), name)
