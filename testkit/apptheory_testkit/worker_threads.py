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
    threads: list[Any] = [each for each in threading.enumerate() if isinstance(each, worker)]
    return any(each.loop is loop and each not in each.idle_workers and not each.stopping for each in threads)
