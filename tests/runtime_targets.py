"""The contract's handlers in each runtime of the suite, as targets of a client or of a URL."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from apptheory_emulator import worker
from runtime_clients import HANDLERS, go_program, missing, node, official_node_client

__all__ = ["RUNTIMES", "STREAMING", "WITH_BUFFERED", "target"]


def in_process(name: str) -> Any:
    """The handler itself."""
    return f"{HANDLERS / 'python/contract.py'}:{name}"


def python(name: str) -> Any:
    """Our Python runtime."""
    return worker("python", f"contract.py:{name}", cwd=HANDLERS / "python")


def official_python(name: str) -> Any:
    """AWS's client for Python, which cannot stream."""
    if sys.platform != "linux":
        missing("awslambdaric", "the suite installs awslambdaric on Linux alone")
    return worker(exec=[sys.executable, "-m", "awslambdaric", f"contract.{name}"], cwd=HANDLERS / "python")


def our_node(name: str) -> Any:
    """Our Node runtime."""
    node()
    return worker("node", f"index.mjs:{name}", cwd=HANDLERS / "node")


def official_node(name: str) -> Any:
    """AWS's client for Node."""
    return worker(exec=[*official_node_client(), f"index.{name}"], cwd=HANDLERS / "node")


def go(name: str) -> Any:
    """AWS's library for Go, with a reader as the body of a response."""
    return worker(exec=[go_program(), {"handler": "streaming"}.get(name, name)], cwd=HANDLERS / "go")


def go_reader(_name: str) -> Any:
    """AWS's library for Go, with a reader as all that there is."""
    return worker(exec=[go_program(), "reader"], cwd=HANDLERS / "go")


def go_http(_name: str) -> Any:
    """AWS's library for Go, around an http.Handler."""
    return worker(exec=[go_program(), "http"], cwd=HANDLERS / "go")


RUNTIMES: dict[str, Callable[[str], Any]] = {
    "in-process": in_process,
    "python": python,
    "awslambdaric": official_python,
    "node": our_node,
    "aws-lambda-ric": official_node,
    "go": go,
    "go-reader": go_reader,
    "go-http": go_http,
}
STREAMING = [name for name in RUNTIMES if name != "awslambdaric"]
WITH_BUFFERED = [name for name in RUNTIMES if name not in ("go-reader", "go-http")]


@asynccontextmanager
async def target(runtime: str, name: str = "handler") -> AsyncIterator[Any]:
    """A handler in a runtime, which is ended with the block."""
    found = RUNTIMES[runtime](name)
    try:
        yield found
    finally:
        if not isinstance(found, str):
            await found.aclose()
