"""An upstream that fails in the middle, for handlers that pass on what somebody else streams."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, TypeVar

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import is_count

__all__ = ["upstream_error"]

_Item = TypeVar("_Item")


def upstream_error(upstream: Any, at: int, error: BaseException | None = None) -> Any:
    """Give what an upstream gives, and raise in the place of item `at`, counted from 0.

    `error` is a ConnectionError unless another is given.  An upstream that ends before is left
    alone.  Closing what this gives closes the upstream.  Raises UsageError for what cannot be
    iterated.
    """
    if not is_count(at):
        raise UsageError(f"upstream_error: at is the number of an item, 0 or more, not {at!r}")
    failure = ConnectionError(f"the upstream failed at item {at}") if error is None else error
    if not isinstance(failure, BaseException):
        raise UsageError(f"upstream_error: error must be an exception, not {failure!r}")
    if isinstance(upstream, AsyncIterable):
        return _failing_async(upstream, at, failure)
    if isinstance(upstream, Iterable):
        return _failing(upstream, at, failure)
    raise UsageError(
        f"upstream_error wraps what a handler reads from, an iterable or an async one, not {type(upstream).__name__}"
    )


def _failing(upstream: Iterable[_Item], at: int, failure: BaseException) -> Iterator[_Item]:
    iterator = iter(upstream)
    try:
        for _ in range(at):
            try:
                item = next(iterator)
            except StopIteration:
                return
            yield item
        raise failure
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


async def _failing_async(upstream: AsyncIterable[_Item], at: int, failure: BaseException) -> AsyncIterator[_Item]:
    iterator = aiter(upstream)
    try:
        for _ in range(at):
            try:
                item = await anext(iterator)
            except StopAsyncIteration:
                return
            yield item
        raise failure
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
