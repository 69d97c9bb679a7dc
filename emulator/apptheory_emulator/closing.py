"""Closing a port."""

import asyncio
from typing import Any

from aiohttp import web

__all__ = ["stop_accepting"]


async def stop_accepting(runner: web.AppRunner) -> None:
    """Close the port at a moment when the loop is not about to accept: CPython would leak that connection."""
    while accepting := {task for task in asyncio.all_tasks() if _is_accepting(task)}:
        await asyncio.wait(accepting)
    for site in runner.sites:
        await site.stop()


def _is_accepting(task: "asyncio.Task[Any]") -> bool:
    return getattr(task.get_coro(), "__name__", "") == "_accept_connection2"
