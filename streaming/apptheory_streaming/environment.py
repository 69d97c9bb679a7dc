"""Environment variables for as long as a call takes, also when calls overlap."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["environment"]


class _Overlay:
    """The variables of one call that is running."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)


# The environment belongs to the process, so what lies over it does too.
_running: list[_Overlay] = []
_before: dict[str, str | None] = {}


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables inside the block; once the last block with a name is left, it is as it was.

    Blocks may be left in any order, as those of concurrent calls are; of two that set one name the
    later one wins.
    """
    overlay = _Overlay(values)
    for name in overlay.values:
        _before.setdefault(name, os.environ.get(name))
    _running.append(overlay)
    try:
        os.environ.update(overlay.values)
        yield
    finally:
        _running.remove(overlay)
        for name in overlay.values:
            _uncover(name)


def _uncover(name: str) -> None:
    """Give a variable the value of the latest block that still sets it, or the one it had before."""
    value = next((each.values[name] for each in reversed(_running) if name in each.values), None)
    if value is None:
        value = _before.pop(name)
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
