"""A Function URL on a thread of its own, for clients that block: requests, boto3, a browser's driver."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Self, Unpack

from apptheory_emulator.front.request_handler import Exchange
from apptheory_emulator.server import ServedUrl, ServeOptions, serve_function_url
from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import check_duration
from apptheory_testkit.virtual_time.loop import VirtualLoop

__all__ = ["ThreadedUrl", "serve_function_url_threaded"]


class ThreadedUrl(str):
    """The URL of a function that is served on a thread: a text that every HTTP client takes."""

    __slots__ = ("_loop", "_served")

    def __new__(cls, served: ServedUrl, loop: asyncio.AbstractEventLoop) -> Self:
        """Stand for a URL that is served on the loop of another thread."""
        url = super().__new__(cls, served)
        url._served = served
        url._loop = loop
        return url

    _served: ServedUrl
    _loop: asyncio.AbstractEventLoop

    @property
    def exchanges(self) -> list[Exchange]:
        """What the front saw so far, in the order in which it was over."""
        return list(self._served.exchanges)

    def settled(self, *, timeout: float | None = None) -> None:
        """Block until no handler runs, so that `exchanges` is whole; raises TimeoutError after `timeout` seconds.

        In an async test: `await asyncio.to_thread(url.settled)`.
        """
        if timeout is not None:
            check_duration("timeout", timeout)
        if self._loop.is_closed():
            return
        settled = asyncio.run_coroutine_threadsafe(self._served.settled(), self._loop)
        try:
            settled.result(timeout)
        except TimeoutError:
            raise TimeoutError(
                f"handlers still run after {timeout} s: give them more time, or let what they wait for happen"
            ) from None
        finally:
            settled.cancel()


@contextmanager
def serve_function_url_threaded(
    target: str | Callable[..., Any], **options: Unpack[ServeOptions]
) -> Iterator[ThreadedUrl]:
    """Serve a handler in real time until the block is left, with the options of `serve_function_url`.

    Raises what keeps it from serving, such as TargetError, and UsageError inside virtual time,
    where a client that blocks would stand still.
    """
    _need_real_time()
    thread = _ServingThread(target, options)
    url = thread.begin()
    try:
        yield url
    finally:
        thread.end()


class _ServingThread:
    """Runs a loop of its own with one server."""

    def __init__(self, target: str | Callable[..., Any], options: ServeOptions) -> None:
        self._target = target
        self._options = options
        self._ready: Future[tuple[ThreadedUrl, asyncio.Event]] = Future()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="function_url", daemon=True)

    def begin(self) -> ThreadedUrl:
        self._thread.start()
        try:
            url, self._over = self._ready.result()
        except BaseException:
            if self._ready.done():  # else it is this thread that was interrupted, and a daemon holds nobody up
                self._thread.join()
            raise
        self._loop = url._loop  # noqa: SLF001 - of one file
        return url

    def end(self) -> None:
        with suppress(RuntimeError):  # its loop is closed already: it came to an end of its own, which is the failure
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the thread that started this one gets it
            if self._ready.done():
                self._failure = error
            else:
                self._ready.set_exception(error)

    async def _serve(self) -> None:
        over = asyncio.Event()
        async with serve_function_url(self._target, **self._options) as url:
            self._ready.set_result((ThreadedUrl(url, asyncio.get_running_loop()), over))
            await over.wait()


def _need_real_time() -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    if isinstance(loop, VirtualLoop):
        raise UsageError(
            "function_url.threaded serves in real time, and this test runs in virtual time: mark it "
            '@pytest.mark.streaming(clock="real"), or serve on its own loop by `await function_url(handler)`'
        )
