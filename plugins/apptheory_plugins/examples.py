"""The examples of a property: each begins as the first one did, so that one that fails can be repeated alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest

from apptheory_plugins.marker import is_async, place_of_test

if TYPE_CHECKING:
    from apptheory_testkit import RequestIds

__all__ = ["beginning_anew"]


@contextmanager
def beginning_anew(item: pytest.Item, request_ids: "RequestIds | None") -> Iterator[None]:
    """Set back clock and request ids before each example of a property inside the block (rules D1, D2)."""
    if request_ids is None or not isinstance(item, pytest.Function) or not hasattr(item.obj, "hypothesis"):
        yield
        return
    holder, name = place_of_test(item)
    test = getattr(holder, name)
    used = request_ids.used

    @wraps(test)
    async def example_async(*arguments: Any, **fixtures: Any) -> Any:
        request_ids.used = used
        import asyncio  # noqa: PLC0415 - heavy

        if (clock := getattr(asyncio.get_running_loop(), "clock", None)) is not None:
            clock.begin()
        return await test(*arguments, **fixtures)

    @wraps(test)
    def example(*arguments: Any, **fixtures: Any) -> Any:
        request_ids.used = used
        return test(*arguments, **fixtures)

    setattr(holder, name, example_async if is_async(item) else example)
    try:
        yield
    finally:
        setattr(holder, name, test)
