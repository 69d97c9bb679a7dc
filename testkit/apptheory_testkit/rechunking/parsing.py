"""Runs a parser of streams over chunks that are all there, be it async or not."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from inspect import isawaitable, iscoroutine
from typing import Any

from apptheory_streaming.errors import UsageError

__all__ = ["Chunks", "Parse", "parse_chunks"]

_NO_LOOP = "no running event loop"  # what `asyncio.sleep` and its like raise in a test that is not async
_MOST_TURNS = 10_000  # of `asyncio.sleep(0)`, for one that waits for something never ends


class Chunks(list[bytes]):
    """A list of chunks that is an async iterable too."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


Parse = Callable[[Chunks], object]


def parse_chunks(parse: Parse, chunks: Iterable[bytes]) -> object:
    """Give what the parser makes of the chunks, an iterator's items as a list.

    An async parser is run without a loop, since nothing in it has to wait: raises UsageError when
    it does, or gives what is only awaitable on a loop.
    """
    result = parse(Chunks(chunks))
    if iscoroutine(result):
        result = _drive(result)
    elif isawaitable(result):
        raise UsageError(
            f"parse gave a {type(result).__name__}, which needs a loop: give the coroutine function itself"
        )
    if isinstance(result, Iterator):
        return list(result)
    if isinstance(result, AsyncIterator):
        return _drive(_listed(result))
    return result


async def _listed(items: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in items]


def _drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        for _ in range(_MOST_TURNS):
            if coroutine.send(None) is not None:
                break
    except StopIteration as end:
        return end.value
    except RuntimeError as error:
        if str(error) != _NO_LOOP:
            raise
        raise _waits() from error
    finally:
        coroutine.close()
    raise _waits()


def _waits() -> UsageError:
    return UsageError(
        "parse waits for something besides its chunks, which are all there: give a parser that reads "
        "`async for chunk in chunks` and nothing else"
    )
