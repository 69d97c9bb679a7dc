"""What `@pytest.mark.streaming(…)` says about one test."""

import inspect
import sys
from typing import Any

import pytest

__all__ = ["brings_loop", "is_async", "is_async_function", "marked", "place_of_test", "written_function"]

OPTIONS = {
    "clock": "'virtual' or 'real'",
    "leaks": "a function that counts what is in use, or a mapping of names to such functions",
    "sweep": "a fault, such as disconnect",
    "transport": "'in-process', 'http' or 'both'",
}


def marked(item: pytest.Item, option: str) -> Any:
    """Give what the nearest marker says about an option, None if none does; raises UsageError for a wrong one."""
    for marker in item.iter_markers("streaming"):
        unknown = marker.kwargs.keys() - OPTIONS.keys()
        if marker.args or unknown:
            choices = ", ".join(f"{name} ({what})" for name, what in OPTIONS.items())
            raise pytest.UsageError(f"{item.nodeid}: the marker `streaming` takes by keyword: {choices}")
        if option in marker.kwargs:
            return marker.kwargs[option]
    return None


def written_function(item: pytest.Item) -> Any:
    """Give the function that the author wrote; hypothesis and pytest-asyncio wrap it."""
    function = getattr(item, "obj", None)
    wrapped = getattr(function, "hypothesis", None)
    return function if wrapped is None else wrapped.inner_test


def place_of_test(item: pytest.Function) -> tuple[Any, str]:
    """Give the object and the attribute that hold the function to run: hypothesis wraps it into one of its own."""
    wrapped = getattr(item.obj, "hypothesis", None)
    return (item, "obj") if wrapped is None else (wrapped, "inner_test")


def is_async(item: pytest.Item) -> bool:
    """Whether the author wrote the test as a coroutine function."""
    return is_async_function(written_function(item))


def brings_loop(item: pytest.Item) -> bool:
    """Whether the test is a method of unittest, whose async cases make their own loops."""
    unittest = sys.modules.get("unittest")  # heavy, and not there for a test that is no method of its cases
    return unittest is not None and issubclass(getattr(item, "cls", None) or object, unittest.TestCase)


def is_async_function(function: Any) -> bool:
    """Whether a function is a coroutine function or an async generator function under its wrappers."""
    inner = inspect.unwrap(function)
    return inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)
