"""`@pytest.mark.streaming(sweep=disconnect, leaks=probe)`: one test as a sweep over every event of its requests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest

from apptheory_plugins.marker import is_async, marked, place_of_test
from apptheory_plugins.no_snapshot import without_snapshots

if TYPE_CHECKING:
    from apptheory_testkit.sweeping.swept_test import SweptTest

__all__ = ["sweeping"]


@contextmanager
def sweeping(item: pytest.Item) -> Iterator[None]:
    """Turn the test into its sweep inside the block, if its marker says so.

    The test runs once as it is; what it raises then is its own result.  The runs that follow use
    the same fixtures and end as FAILED, without a traceback, when anything was left behind.
    """
    fault = marked(item, "sweep")
    if fault is None or not isinstance(item, pytest.Function):
        if marked(item, "leaks") is not None:
            pytest.fail("`leaks` needs a `sweep`, such as sweep=disconnect", pytrace=False)
        yield
        return
    make = _maker(fault, marked(item, "leaks"))
    holder, name = place_of_test(item)
    test = getattr(holder, name)
    setattr(holder, name, _swept_async(test, make) if is_async(item) else _swept(test, make))
    try:
        yield
    finally:
        setattr(holder, name, test)


def _maker(fault: Any, leaks: Any) -> "Callable[[], SweptTest]":
    """Check what the marker says once, and give what makes a sweep for each example of a property too."""
    from apptheory_streaming.errors import UsageError  # noqa: PLC0415 - heavy
    from apptheory_testkit.sweeping.leak_watch import probes_of  # noqa: PLC0415
    from apptheory_testkit.sweeping.sweep import check_factory  # noqa: PLC0415
    from apptheory_testkit.sweeping.swept_test import SweptTest  # noqa: PLC0415

    try:
        factory, probes = check_factory(fault), probes_of(leaks)
    except UsageError as error:
        wrong = str(error)
    else:
        return lambda: SweptTest(factory, probes)
    pytest.fail(wrong, pytrace=False)


def _swept_async(test: Callable[..., Any], make: "Callable[[], SweptTest]") -> Callable[..., Any]:
    @wraps(test)
    async def swept(*arguments: Any, **fixtures: Any) -> Any:
        sweep = make()
        with sweep.undisturbed():
            result = await test(*arguments, **fixtures)
        for run in _runs(sweep):
            with run:
                await test(*arguments, **without_snapshots(fixtures))
        _fail_for_problems(sweep)
        return result

    return swept


def _swept(test: Callable[..., Any], make: "Callable[[], SweptTest]") -> Callable[..., Any]:
    @wraps(test)
    def swept(*arguments: Any, **fixtures: Any) -> Any:
        sweep = make()
        with sweep.undisturbed():
            result = test(*arguments, **fixtures)
        for run in _runs(sweep):
            with run:
                test(*arguments, **without_snapshots(fixtures))
        _fail_for_problems(sweep)
        return result

    return swept


def _runs(sweep: "SweptTest") -> Iterator[Any]:
    from apptheory_streaming.errors import UsageError  # noqa: PLC0415 - heavy

    wrong = None
    try:
        yield from sweep.runs()
    except UsageError as error:
        wrong = str(error)
    if wrong is not None:
        pytest.fail(wrong, pytrace=False)


def _fail_for_problems(sweep: "SweptTest") -> None:
    if sweep.problems is not None:
        pytest.fail(sweep.problems, pytrace=False)
