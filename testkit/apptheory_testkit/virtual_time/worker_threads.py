"""Threads that are not the loop's own, but work for it all the same: those of anyio, which run sync endpoints."""

import asyncio
import sys
import threading
from typing import Any

__all__ = ["works_in_anyio"]


def works_in_anyio(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a worker thread of anyio runs a function for this loop.

    `anyio.to_thread` does not go through `run_in_executor`; Starlette and FastAPI run everything sync by it.
    """
    backend = sys.modules.get("anyio._backends._asyncio")
    worker = getattr(backend, "WorkerThread", None)
    if worker is None:
        return False
    threads = (each for each in threading.enumerate() if isinstance(each, worker))
    return any(getattr(each, "loop", None) is loop and _is_busy(each) for each in threads)


def _is_busy(thread: Any) -> bool:
    """What anyio does not tell any more, should it change, is taken for idle."""
    idle = getattr(thread, "idle_workers", None)
    return idle is not None and thread not in idle and not getattr(thread, "stopping", True)
