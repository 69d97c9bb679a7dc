"""A source of items as a source of chunks: one chunk an item."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator

from apptheory_streaming.errors import UsageError

__all__ = ["Items", "encode_items", "items_of"]

Items = Iterable[object] | AsyncIterable[object] | None
"""Where items come from; None is a source without any."""

_Encode = Callable[[object], bytes]
_Finish = Callable[[], bytes]


def items_of(items: object, *, one: tuple[type, ...], call: str) -> Iterable[object] | AsyncIterable[object]:
    """Give a source of items: none for None, and one for a value of the types in `one`, which is never iterated.

    Raises UsageError, which names the `call`, for what is no source.
    """
    if items is None:
        return ()
    if isinstance(items, one):
        return (items,)
    if isinstance(items, Iterable | AsyncIterable):
        return items
    raise UsageError(f"{call} takes an iterable, sync or async, not {type(items).__name__}")


def encode_items(
    items: Items, encode: _Encode, *, call: str, finish: _Finish = bytes
) -> Iterator[bytes] | AsyncIterator[bytes]:
    """Give the chunk of each item, and behind the last one what `finish` gives, unless that is empty.

    The source is closed with the chunks, also when an item has none.  Raises UsageError, which
    names the `call`, for what is no source of items.
    """
    if isinstance(items, AsyncIterable):
        return _encode_async(items, encode, finish)
    if items is None:
        return _encode((), encode, finish)
    if isinstance(items, Iterable):
        return _encode(items, encode, finish)
    raise UsageError(f"{call} takes an iterable, sync or async, not {type(items).__name__}")


def _encode(items: Iterable[object], encode: _Encode, finish: _Finish) -> Iterator[bytes]:
    iterator = iter(items)
    try:
        for item in iterator:
            yield encode(item)
        if last := finish():
            yield last
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


async def _encode_async(items: AsyncIterable[object], encode: _Encode, finish: _Finish) -> AsyncIterator[bytes]:
    iterator = aiter(items)
    try:
        async for item in iterator:
            yield encode(item)
        if last := finish():
            yield last
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
