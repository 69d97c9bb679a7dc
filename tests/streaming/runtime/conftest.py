"""Handlers in files of their own, a gate they wait at, and the runtime that serves them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from textwrap import dedent

import pytest

from raw_runtime_api import Gate, RunningRuntime, start_runtime

Serve = Callable[..., AbstractContextManager[RunningRuntime]]

GATES = """
import asyncio
import socket

def stand_at(port):
    with socket.create_connection(("127.0.0.1", port)) as gate:
        gate.recv(1)

async def stand_async_at(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await reader.read(1)
    finally:
        writer.transport.abort()
"""


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Write `app.py` and run the runtime on it; `handler` names another one than `app.handler`."""

    def serve(source: str, handler: str = "app.handler", **environment: str) -> AbstractContextManager[RunningRuntime]:
        (tmp_path / "gates.py").write_text(GATES)
        (tmp_path / "app.py").write_text(dedent(source))
        return start_runtime(handler, tmp_path, **environment)

    return serve
