"""`upstream_error`: what a handler does when the one it reads from fails in the middle."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from apptheory_streaming import AppError
from apptheory_streaming.errors import UsageError
from apptheory_testkit import stream_client
from apptheory_testkit.faults import upstream_error


class Upstream:
    """Three items, async or not, and whether somebody closed it."""

    def __init__(self) -> None:
        self.closed = False
        self.given = 0

    async def items(self) -> AsyncIterator[str]:
        for item in self.sync_items():
            yield item

    def sync_items(self) -> Iterator[str]:
        try:
            for item in "abc":
                self.given += 1
                yield item
        finally:
            self.closed = True


@pytest.mark.parametrize("at", range(4))
async def test_it_fails_in_the_place_of_one_item(at: int) -> None:
    """The upstream is not asked for that item, and is closed."""
    upstream = Upstream()
    got: list[str] = []

    async def read() -> None:
        async for item in upstream_error(upstream.items(), at, TimeoutError("no answer")):
            got.append(item)  # noqa: PERF401 - what came before the error is wanted

    with pytest.raises(TimeoutError, match="no answer"):
        await read()

    assert got == ["a", "b", "c"][:at]
    assert upstream.given == at


@pytest.mark.parametrize("at", range(1, 4))
def test_a_sync_one_too(at: int) -> None:
    upstream = Upstream()
    got: list[str] = []

    with pytest.raises(ConnectionError, match=f"the upstream failed at item {at}"):
        got.extend(upstream_error(upstream.sync_items(), at=at))

    assert got == ["a", "b", "c"][:at]
    assert (upstream.given, upstream.closed) == (at, True)


async def test_an_upstream_that_ends_before_is_left_alone() -> None:
    assert [item async for item in upstream_error(Upstream().items(), at=4)] == ["a", "b", "c"]
    assert list(upstream_error(Upstream().sync_items(), at=4)) == ["a", "b", "c"]


async def test_closing_it_closes_the_upstream() -> None:
    first, second = Upstream(), Upstream()
    wrapped, sync_wrapped = upstream_error(first.items(), at=9), upstream_error(second.sync_items(), at=9)
    await anext(wrapped)
    next(sync_wrapped)

    await wrapped.aclose()
    sync_wrapped.close()

    assert second.closed


async def test_e3_a_test_can_prove_what_a_handler_makes_of_it() -> None:
    """E3: here a late error with a code of its own."""
    upstream = Upstream()

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        try:
            async for item in upstream_error(upstream.items(), at=2):
                yield item
        except ConnectionError as error:
            raise AppError("app.overloaded", "The model is gone.") from error

    capture = await stream_client(handler).get()

    assert capture.chunks == [b"a", b"b"]
    assert capture.stream_error_code == "app.overloaded"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, 1), "upstream_error wraps what a handler reads from, an iterable or an async one, not NoneType"),
        (("abc", -1), "at is the number of an item, 0 or more, not -1"),
        (("abc", True), "at is the number of an item, 0 or more, not True"),
        (("abc", 1, "broken"), "error must be an exception, not 'broken'"),
    ],
)
def test_what_cannot_fail_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        upstream_error(*arguments)
