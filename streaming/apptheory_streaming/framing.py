"""A source of items as a source of chunks, with frames for the end and for an error."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from apptheory_streaming.errors import code_of
from apptheory_streaming.writer import message_of

__all__ = ["Framing", "public_error"]


def public_error(error: Exception) -> tuple[str, str]:
    """Give the code and the message of an error that a client may see (rules E1, E2).

    An error without a code of its own is `app.internal`, `internal error`: nothing private leaves.
    """
    code = code_of(error)
    if code is None:
        return "app.internal", "internal error"
    return code, message_of(error).encode("utf-8", "replace").decode()


class Framing(ABC):
    """Makes the frames of one response.

    An error goes on once its frames are sent, so that it is logged as any other (rule E3).  It has
    none before anything has left: then it becomes a whole response of its own (rules E2, E2b).
    """

    def __init__(self) -> None:
        """Begin with nothing sent."""
        self._sent = False

    def note_sent(self) -> None:
        """Say that something has left without these frames, such as a heartbeat."""
        self._sent = True

    def each(self, items: Iterable[object]) -> Iterator[bytes]:
        """Give the frames of every item, and the last ones; the source is closed with them."""
        iterator = iter(items)
        try:
            for item in iterator:
                yield from self._sending(self.frames_of(item))
            yield from self._sending(self.last_frames())
        except Exception as error:
            if self._sent:
                yield from self._frames_of_error(error)
            raise
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    async def each_async(self, items: AsyncIterable[object]) -> AsyncIterator[bytes]:
        """Give the same for an async source."""
        iterator = aiter(items)
        try:
            async for item in iterator:
                for frame in self._sending(self.frames_of(item)):
                    yield frame
            for frame in self._sending(self.last_frames()):
                yield frame
        except Exception as error:
            if self._sent:
                for frame in self._frames_of_error(error):
                    yield frame
            raise
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()

    @abstractmethod
    def frames_of(self, item: object) -> Iterable[bytes]:
        """Give the frames of one item."""

    @abstractmethod
    def last_frames(self) -> Iterable[bytes]:
        """Give the frames behind the last item."""

    @abstractmethod
    def error_frames(self, error: Exception) -> Iterable[bytes]:
        """Give the frames of a late error."""

    def _frames_of_error(self, error: Exception) -> Iterable[bytes]:
        """Give them, or none: what goes wrong in making them must not hide the error itself."""
        try:
            return tuple(self.error_frames(error))
        except Exception as second:  # noqa: BLE001 - a function of the user may raise anything
            error.add_note(f"making an event of this error then raised {second!r}")
            return ()

    def _sending(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        for frame in frames:
            self._sent = True
            yield frame
