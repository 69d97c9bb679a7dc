"""The virtual loop under anyio's own pytest plugin."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from apptheory_plugins.clocks import REAL, clock_of, loop_factory

__all__ = ["hold_virtual_runner", "releasing_runner"]

_RUNNER = pytest.StashKey[ExitStack]()


@contextmanager
def releasing_runner(item: pytest.Item) -> Iterator[None]:
    """Let the runner of a test go once all its fixtures are torn down."""
    try:
        yield
    finally:
        if (held := item.stash.get(_RUNNER, None)) is not None:
            held.close()
            del item.stash[_RUNNER]


def hold_virtual_runner(item: pytest.Item, backend: object) -> None:
    """Take anyio's runner for a test in virtual time, before a fixture or the test makes one in real time.

    All async fixtures of a test and the test share one runner, the first that was asked for.
    """
    theirs = item.get_closest_marker("asyncio") is not None and item.config.pluginmanager.hasplugin("asyncio")
    if _RUNNER in item.stash or theirs or clock_of(item) == "real":
        return
    from anyio import pytest_plugin  # noqa: PLC0415 - there, since it runs the test

    name, options = pytest_plugin.extract_backend_and_options(backend)
    if name != "asyncio":
        return
    _check(item, options)
    ours = {"use_uvloop": False, "loop_factory": loop_factory(item.config, "virtual")}
    held = ExitStack()
    held.enter_context(pytest_plugin.get_runner(name, options | ours))
    item.stash[_RUNNER] = held


def _check(item: pytest.Item, options: dict[str, Any]) -> None:
    from anyio import pytest_plugin  # noqa: PLC0415

    chosen = getattr(getattr(item, "callspec", None), "params", {}).get("anyio_backend")
    if chosen is not None and options.get("use_uvloop"):
        pytest.fail(
            "this test asks for uvloop and runs in virtual time, which has a loop of its own: leave one of them, "
            f"or mark the test: {REAL}",
            pytrace=False,
        )
    if pytest_plugin._current_runner is not None:  # noqa: SLF001
        pytest.fail(
            "an async fixture of a wider scope holds anyio's loop, which runs in real time: make the fixture one of "
            f"a function, or mark the test: {REAL}",
            pytrace=False,
        )
