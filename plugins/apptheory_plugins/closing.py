"""How the servers of a test end: on its own loop, before that loop is closed."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest

from apptheory_plugins.marker import place_of_test

if TYPE_CHECKING:
    from apptheory_plugins.servers import Servers

__all__ = ["closing"]


@contextmanager
def closing(servers: "Servers | None", item: pytest.Item) -> Iterator[None]:
    """Make an async test close its servers itself, if it has any."""
    if servers is None or not isinstance(item, pytest.Function):
        yield
        return
    holder, name = place_of_test(item)
    test = getattr(holder, name)
    if not inspect.iscoroutinefunction(test):
        _fail_for_stuck(servers)
        yield
        return
    before = servers.started if holder is not item else 0  # a fixture's outlive the examples of hypothesis

    @wraps(test)
    async def run_and_close(*arguments: Any, **fixtures: Any) -> Any:
        _fail_for_stuck(servers)
        try:
            return await test(*arguments, **fixtures)
        finally:
            await servers.close(keep=before)

    setattr(holder, name, run_and_close)
    try:
        yield
    finally:
        setattr(holder, name, test)


def _fail_for_stuck(servers: "Servers") -> None:
    if servers.stuck:
        pytest.fail(
            "a fixture of this test serves on a loop that does not run while the test does, so no request would "
            "be answered: call function_url in the test itself, as an `async def`",
            pytrace=False,
        )
