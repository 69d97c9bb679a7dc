"""Workers that run a few lines of handler in a runtime that starts in no time, and gates to hold them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from textwrap import dedent
from typing import Any

from apptheory_emulator import WorkerFunction, worker

__all__ = ["Gate", "is_there", "light_worker", "open_gate", "runs", "until", "write_handler"]

RUNTIME = Path(__file__).parent / "light_runtime.py"


def write_handler(folder: Path, code: str) -> Path:
    """Write the file of a handler, or another text in its place."""
    path = folder / "handler.py"
    path.write_text(dedent(code))
    return path


def light_worker(folder: Path, code: str, **options: Any) -> WorkerFunction:
    """A function whose handler is this code; `gate()` in it needs `open_gate` with the same folder."""
    path = write_handler(folder, code)
    options["env"] = {"GATE": str(folder / "gate"), **options.get("env", {})}
    command = [sys.executable, "-I", "-S", str(RUNTIME), str(path)]
    return worker(exec=command, cwd=folder, **{"name": "light", **options})


class Gate:
    """Where handlers wait: `reached` gives the name of the next that came, `let_go` lets them go on."""

    def __init__(self) -> None:
        self._names: asyncio.Queue[str] = asyncio.Queue()
        self._waiting: dict[str, asyncio.StreamWriter] = {}
        self._connections: list[asyncio.StreamWriter] = []

    async def reached(self) -> str:
        """Wait for a handler to come to its gate."""
        return await self._names.get()

    def let_go(self, name: str | None = None) -> None:
        """Let one go on, or all that wait."""
        for each in list(self._waiting) if name is None else [name]:
            self._waiting.pop(each).write(b"!")

    async def arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection of `gate()`."""
        self._connections.append(writer)
        name = (await reader.readline()).decode().strip()
        self._waiting[name] = writer
        self._names.put_nowait(name)

    async def close(self) -> None:
        """Let all go on that still wait, and those that come no more."""
        for writer in self._connections:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def open_gate(folder: Path) -> AsyncIterator[Gate]:
    """Listen where the handlers of this folder come."""
    gate = Gate()
    server = await asyncio.start_unix_server(gate.arrive, folder / "gate")
    try:
        yield gate
    finally:
        server.close()
        await gate.close()


def runs(pid: int) -> bool:
    """Whether a process is there and not dead: one that nobody has waited for yet is."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that only the system knows; the limit is that of the test."""
    while not condition():  # noqa: ASYNC110 - nobody could set an event
        await asyncio.sleep(0.005)


def is_there(pid: int) -> bool:
    """Whether there is anything of a process, also if it is dead and nobody has waited for it."""
    return Path(f"/proc/{pid}").exists()
