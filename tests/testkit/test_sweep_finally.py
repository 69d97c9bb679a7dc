"""The sweep names a `finally` of a body that never began, if what it gives back was there before."""

import asyncio
import functools
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from apptheory_streaming import sse_stream
from apptheory_testkit import stream_client
from apptheory_testkit.faults import cancel
from disturbed import problems

logger = logging.getLogger(__name__)
global_count = 0


class Pool:
    """Something that bodies claim and give back."""

    def __init__(self) -> None:
        self.in_use = 0
        self.lock = asyncio.Lock()
        self.log = logger
        self.active = {"x": 1}

    def claim(self) -> None: ...

    def release(self, *what: object) -> None: ...

    async def give_back(self) -> None: ...

    async def rows(self) -> AsyncIterator[str]:
        yield "row"


pool = Pool()


def release(*what: object) -> None:
    """Give something back."""


async def claim(*what: object) -> None:
    """Take something."""


# -- it gives back what was there before ----------------------------------------------------------


async def an_attribute() -> AsyncIterator[str]:
    """Its text is no statement."""
    try:
        yield "one"
    finally:
        pool.in_use -= 1


async def a_global() -> AsyncIterator[str]:
    global global_count  # noqa: PLW0603 - what is tested
    try:
        yield "one"
    finally:
        global_count -= 1


async def an_item(of: Pool = pool) -> AsyncIterator[str]:
    try:
        yield "one"
    finally:
        del of.active["x"]


async def a_method(of: Pool = pool) -> AsyncIterator[str]:
    try:
        async for row in of.rows():
            if row.startswith("r"):
                yield row
                await asyncio.sleep(0)
                logger.info(", ".join(row))
    finally:
        of.lock.release()


async def a_function() -> AsyncIterator[str]:
    try:
        yield "one"
    finally:
        release()


async def a_method_that_is_handed_over(give_back: Callable[[], None] = pool.lock.release) -> AsyncIterator[str]:
    try:
        yield "one"
    finally:
        give_back()


release_one = functools.partial(release, 1)


async def a_partial() -> AsyncIterator[str]:
    try:
        yield "one"
    finally:
        release_one()


async def inside_of_a_library_call() -> AsyncIterator[str]:
    try:
        yield "one"
    except* ValueError:
        yield "two"
    finally:
        await asyncio.wait_for(pool.give_back(), 5)


def sync() -> Iterator[str]:
    try:
        yield "one"
    finally:
        pool.release()


def closure() -> AsyncIterator[str]:
    held = ["slot"]

    async def body() -> AsyncIterator[str]:
        try:
            yield "one"
        finally:
            held.pop()

    return body()


GIVING_BACK = [
    an_attribute,
    a_global,
    an_item,
    a_method,
    a_function,
    a_method_that_is_handed_over,
    a_partial,
    inside_of_a_library_call,
    sync,
    closure,
]

# -- it gives back nothing, or what the body made -------------------------------------------------


async def nothing() -> AsyncIterator[str]:
    try:
        yield "one"
    finally:
        pass


async def a_builtin_function() -> AsyncIterator[str]:
    try:
        yield "one"
    finally:
        print("over", pool)  # noqa: T201 - what is tested


async def a_library_function() -> AsyncIterator[str]:
    try:
        yield "one"
    finally:
        await asyncio.sleep(0)
        at = time.monotonic()
        str(at).strip()


async def a_line_of_a_log() -> AsyncIterator[str]:
    try:
        yield "one"
    finally:
        logger.info("over")
        pool.log.info("over")


async def claimed_above() -> AsyncIterator[str]:
    claimed = pool
    try:
        yield "one"
    finally:
        claimed.release()


async def made_in_the_try() -> AsyncIterator[str]:
    try:
        slot = object()
        yield "one"
    finally:
        pool.release(slot)  # pyright: ignore[reportPossiblyUnboundVariable]


async def replaced_in_the_try(slot: object = pool) -> AsyncIterator[str]:
    try:
        slot = object()
        yield "one"
    finally:
        pool.release(slot)


async def imported_in_the_try() -> AsyncIterator[str]:
    try:
        import json as made

        yield "one"
    finally:
        pool.release(made)  # pyright: ignore[reportPossiblyUnboundVariable]


async def claimed_by_a_method() -> AsyncIterator[str]:
    try:
        pool.claim()
        yield "one"
    finally:
        pool.release()


async def claimed_in_a_library_call() -> AsyncIterator[str]:
    try:
        await asyncio.wait_for(pool.lock.acquire(), 5)
        yield "one"
    finally:
        pool.lock.release()


async def claimed_in_a_condition() -> AsyncIterator[str]:
    try:
        if not await pool.lock.acquire():
            return
        yield "one"
    finally:
        pool.lock.release()


async def claimed_by_a_function() -> AsyncIterator[str]:
    try:
        await claim()
        yield "one"
    finally:
        release()


async def claimed_by_a_class() -> AsyncIterator[str]:
    try:
        Pool()
        yield "one"
    finally:
        release()


async def counted_in_the_try() -> AsyncIterator[str]:
    try:
        pool.in_use += 1
        yield "one"
    finally:
        pool.in_use -= 1


async def an_item_set_in_the_try() -> AsyncIterator[str]:
    try:
        pool.active["x"] = 1
        yield "one"
    finally:
        del pool.active["x"]


async def a_global_set_in_the_try() -> AsyncIterator[str]:
    global global_count  # noqa: PLW0603 - what is tested
    try:
        global_count += 1
        yield "one"
    finally:
        global_count -= 1


async def an_argument_that_is_replaced(of: Pool | None = pool) -> AsyncIterator[str]:
    try:
        yield "one"
    finally:
        of = None
        logger.debug("%s", of)


HARMLESS = [
    nothing,
    a_builtin_function,
    a_library_function,
    a_line_of_a_log,
    claimed_above,
    made_in_the_try,
    replaced_in_the_try,
    imported_in_the_try,
    claimed_by_a_method,
    claimed_in_a_library_call,
    claimed_in_a_condition,
    claimed_by_a_function,
    claimed_by_a_class,
    counted_in_the_try,
    an_item_set_in_the_try,
    a_global_set_in_the_try,
    an_argument_that_is_replaced,
]


def handler_of(make: Callable[[], Any]) -> Callable[..., Any]:
    async def handler(event: Any, context: Any) -> Any:
        return make()

    return handler


@pytest.mark.parametrize("wrap", [lambda body: body, sse_stream], ids=["bare", "in a helper"])
@pytest.mark.parametrize("make", GIVING_BACK)
def test_f1_a_finally_of_a_body_that_never_began(make: Callable[[], Any], wrap: Callable[[Any], Any]) -> None:
    """F1: with no probe at all; only at chunk 0, behind which it runs."""
    (found,) = problems(stream_client(handler_of(lambda: wrap(make()))), fault=cancel)

    assert found.startswith("cancel(at=0) before the first chunk: the `finally` at test_sweep_finally.py:")
    assert found.endswith(" did not run, because its body never began")


@pytest.mark.parametrize("wrap", [lambda body: body, sse_stream], ids=["bare", "in a helper"])
@pytest.mark.parametrize("make", HARMLESS)
def test_f1_a_finally_that_had_nothing_to_give_back(make: Callable[[], Any], wrap: Callable[[Any], Any]) -> None:
    """F1: it does nothing, or is for what the body made or may have claimed itself, which was not made."""
    assert stream_client(handler_of(lambda: wrap(make()))).sync.sweep("GET", fault=cancel).runs == 2


def test_a_body_that_its_handler_asks_has_begun() -> None:
    """Then its `finally` runs when it is closed, as that of any other."""

    async def peeks(event: Any, context: Any) -> Any:
        body = an_attribute()
        await anext(body)
        return sse_stream(body)

    def peeks_sync(event: Any, context: Any) -> Any:
        body = sync()
        next(body)
        return sse_stream(body)

    for handler in (peeks, peeks_sync):
        assert stream_client(handler).sync.sweep("GET", fault=cancel).runs == 1


def test_a_handler_that_is_a_generator_itself_had_nothing_before_it() -> None:
    """Not a line of it ran."""

    class Handler:
        async def method(self, event: Any, context: Any) -> AsyncIterator[str]:
            try:
                yield "one"
            finally:
                pool.release()

    async def function(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            yield "one"
        finally:
            pool.release()

    for handler in (function, Handler().method):
        assert stream_client(handler).sync.sweep("GET", fault=cancel).runs == 2
