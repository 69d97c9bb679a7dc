"""Clients for functions in processes of their own, which end with the test."""

import inspect
from collections.abc import Callable
from typing import Any

from apptheory_emulator import WorkerClientFactory, worker
from apptheory_emulator.keeper import Keeper
from apptheory_testkit import StreamClient, StreamClientFactory

__all__ = ["worker_client_factory"]

_WORKER_OPTIONS = frozenset(inspect.signature(worker).parameters)


def worker_client_factory(
    stream_client: StreamClientFactory, *, on_pool: Callable[[Keeper[Any]], object]
) -> WorkerClientFactory:
    """Make workers and their clients; `on_pool` hears of what has to end with the test.

    What both take, `env` and `timeout`, is the worker's, whose time the client then keeps.
    """

    def make(*names: Any, **options: Any) -> StreamClient:
        own = {name: options.pop(name) for name in tuple(options) if name in _WORKER_OPTIONS}
        function = worker(*names, **own)
        function.on_pool = on_pool
        return stream_client(function, **options)

    return make
