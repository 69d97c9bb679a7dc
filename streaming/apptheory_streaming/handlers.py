"""Handler shapes to ResponseWriter calls: one adapter a shape, one entrance for all.

A handler is called with `(event, context)`; only a marked one gets `(event, response_stream,
context)`, and parameters are never counted.  What may block runs on a thread of its own.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from apptheory_streaming.batching import Batch
from apptheory_streaming.client_signal import ClientSignal
from apptheory_streaming.errors import NotEnded, RuntimeExit, StreamingError
from apptheory_streaming.heartbeat import Heartbeat, HeartbeatTimer
from apptheory_streaming.shapes import StreamedAnswer, discard, read_answer
from apptheory_streaming.streamify import HttpResponseStream, is_streamified
from apptheory_streaming.threads import HandlerThread
from apptheory_streaming.watch import HeadWatch
from apptheory_streaming.wire.chunk import encode_chunk
from apptheory_streaming.wire.marshal import BufferedPayload, marshal
from apptheory_streaming.wire.transcript import HandlerError
from apptheory_streaming.write_queue import WriteQueue
from apptheory_streaming.writer import ResponseWatcher, ResponseWriter

__all__ = ["Handler", "HandlerRun", "is_async"]

Handler = Callable[..., Any]


@dataclass(slots=True)
class HandlerRun:
    """One run of a handler, up to its last chunk or its error."""

    handler: Handler
    event: Any
    context: Any
    writer: ResponseWriter
    watch: HeadWatch
    thread: HandlerThread
    writes: WriteQueue
    watch_foreign: bool = False
    contain_exit: bool = False
    refusal: StreamingError | None = None
    watcher: ResponseWatcher | None = None
    client: ClientSignal = field(default_factory=ClientSignal)
    _heartbeat: HeartbeatTimer | None = field(default=None, init=False)
    _batch: Batch | None = field(default=None, init=False)

    async def drive(self) -> None:
        """Call the handler and write what it gives; a failure goes to the writer."""
        self.client.use()
        try:
            await self._answer()
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its answer
            self.writer.fail(error)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if not self.contain_exit or self._is_being_cancelled(error):
                raise
            self.writer.fail(_runtime_exit(error))
        else:
            self.writer.finish()
        finally:
            self.thread.close()

    async def _answer(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        if is_streamified(self.handler):
            await self._streamified()
        else:
            await self._returned()

    async def _streamified(self) -> None:
        stream = HttpResponseStream(self.writes, self.writer, self.watch, watch_foreign=self.watch_foreign)
        if self.watcher is not None:
            self.writer.on_final = self.watcher.head_final
        try:
            await self._call(self.handler, self.event, stream, self.context)
        finally:
            await self._flush()
        if not stream.ended:
            error = NotEnded("the handler returned without calling end; the stream was ended for it")
            stream.end()
            if self.writer.recorder.error is None:
                self.writer.recorder.error = HandlerError(
                    "app.internal", str(error), error, False, type(error).__name__
                )

    async def _returned(self) -> None:
        value = await self._call(self.handler, self.event, self.context)
        try:
            answer = read_answer(value)
            if answer is None:
                self.writer.answer_buffered(marshal(value))
                return
            if answer.verbatim and self.writer.collects:
                self.writer.answer_buffered(await _whole(answer))
                return
            self.writer.finalize(answer.head)
        except Exception:
            await self._discard(value)
            raise
        if answer.commit:
            self.writer.commit()
        self._watch(answer)
        self._start_heartbeat(answer.heartbeat)
        if answer.batching is not None:
            self._batch = Batch(answer.batching, writer=self.writer, writes=self.writes, watch=self.watch)
        try:
            await self._write_whole_body(answer)
        finally:
            self._stop_timers()
            self.watch.stop()
            if answer.live is not None:
                answer.live.detach(self.watch)
        if answer.rest is not None:
            await self._rest(answer.rest)

    async def _call(self, handler: Handler, *arguments: Any) -> Any:
        """Call on the loop what cannot block it, anything else on the thread; await what is awaitable."""
        if _runs_on_loop(handler):
            value = handler(*arguments)
        else:
            value = await self.thread.run(functools.partial(handler, *arguments), discard=discard)
        return await value if isinstance(value, Awaitable) else value

    async def _rest(self, rest: Callable[[], Awaitable[None]]) -> None:
        """Let the client have the end of the response while the handler runs on."""
        try:
            self.writer.end_body()
        finally:
            await rest()

    def _watch(self, answer: StreamedAnswer) -> None:
        if answer.live is not None:
            answer.live.attach(self.watch)
        elif answer.look is not None and self.watch_foreign:
            self.watch.compare(answer.look)

    def _start_heartbeat(self, heartbeat: Heartbeat | None) -> None:
        if heartbeat is not None:
            self._heartbeat = HeartbeatTimer(heartbeat, writer=self.writer, writes=self.writes, watch=self.watch)
            self._heartbeat.start()

    async def _write_whole_body(self, answer: StreamedAnswer) -> None:
        """Write the body, and what is left of a batch: behind an error too, which came after it."""
        try:
            await self._write_body(answer)
        except Exception:
            await self._write_rest()
            raise
        await self._write_rest()

    async def _write_rest(self) -> None:
        if self._batch is not None and (data := self._batch.rest()) and self.writer.stopped is None:
            self.watch.chunk_produced()
            if not self.writer.write(data):
                await self.writer.drained()

    async def _write_body(self, answer: StreamedAnswer) -> None:
        body = answer.body
        if self.watcher is not None or answer.prefix is not None:
            try:
                await self._before_body(answer)
            except BaseException:
                await self._discard(body)
                raise
        if isinstance(body, AsyncIterable):
            await self._write_async(body)
        elif isinstance(body, list | tuple):  # cannot block
            for chunk in body:
                await self._write(chunk)
        else:
            try:
                await self.thread.run(lambda: self._write_in_thread(body))
            finally:
                await self._flush()

    async def _before_body(self, answer: StreamedAnswer) -> None:
        if self.watcher is not None:
            await self.watcher.before_body(answer.body)
        if answer.prefix is not None:
            await self._write(answer.prefix)

    async def _discard(self, value: Any) -> None:
        """Close what nobody will read, on the thread where it may belong."""
        if isinstance(value, StreamedAnswer):
            value = value.body
        if isinstance(value, AsyncIterable):
            await _close_async(value)
        elif self.thread.closed:
            discard(value)
        else:
            await self.thread.run(functools.partial(discard, value))

    async def _flush(self) -> None:
        """Write what a thread has put: it comes before the end, and before what the handler raised."""
        if not self.writer.stopped:
            await self.writes.flush()

    async def _write(self, chunk: object) -> None:
        data = encode_chunk(chunk, self.watch.produced)
        if self._batch is not None and not (data := self._batch.add(data)):
            return
        self.watch.chunk_produced()
        if not self.writer.write(data):
            await self.writer.drained()

    async def _write_async(self, body: AsyncIterable[Any]) -> None:
        iterator = aiter(body)
        try:
            async for chunk in iterator:
                await self._write(chunk)
        except BaseException as error:
            try:
                await _close_async(iterator)
            except Exception as second:  # noqa: BLE001 - what came first is the answer
                error.add_note(f"closing the body then raised {second!r}")
            raise
        await _close_async(iterator)

    def _write_in_thread(self, body: Iterable[Any]) -> None:
        iterator = iter(body)
        try:
            for chunk in iterator:
                data = encode_chunk(chunk, self.watch.produced)
                if self._batch is not None and not (data := self._batch.add(data)):
                    continue
                self.watch.chunk_produced()
                self.writes.put(data)
        except BaseException as error:
            try:
                _close(iterator)
            except Exception as second:  # noqa: BLE001 - what came first is the answer
                error.add_note(f"closing the body then raised {second!r}")
            raise
        _close(iterator)

    def _is_being_cancelled(self, error: BaseException) -> bool:
        """Whether this is our own cancellation, not one of the handler's making."""
        return isinstance(error, asyncio.CancelledError) and self.writer.stopped is not None

    def stop_heartbeat(self) -> None:
        """Send no heartbeat any more: the body is over, or nobody takes it."""
        if self._heartbeat is not None:
            self._heartbeat.stop()

    def _stop_timers(self) -> None:
        self.stop_heartbeat()
        if self._batch is not None:
            self._batch.stop()

    def stop_writes(self, error: StreamingError) -> None:
        """Make every later write of the handler raise; a thread sees it at its next one."""
        self.writer.stop(error)
        self._stop_timers()
        self.writes.close(error)
        self.thread.close()


def _runtime_exit(error: BaseException) -> RuntimeExit:
    """What would end a runtime, as a function error that keeps where it came from."""
    did = f"called sys.exit({error.code!r})" if isinstance(error, SystemExit) else f"raised {error!r}"
    runtime_exit = RuntimeExit(f"the handler {did}, which ends a Lambda runtime")
    runtime_exit.__cause__ = error
    return runtime_exit


def is_async(handler: Handler) -> bool:
    """Whether a handler is of `async def`: its code runs on the loop."""
    return _makes(handler, inspect.iscoroutinefunction, inspect.isasyncgenfunction)


def _runs_on_loop(handler: Handler) -> bool:
    """Whether calling it only makes a coroutine or a generator."""
    return is_async(handler) or _makes(handler, inspect.isgeneratorfunction)


def _makes(handler: Handler, *tests: Callable[[Any], bool]) -> bool:
    call = handler if inspect.isroutine(handler) else type(handler).__call__
    return any(test(function) for test in tests for function in (handler, call))


async def _whole(answer: StreamedAnswer) -> BufferedPayload:
    """Give all that a runtime sent; its body is async, as everything that comes from elsewhere."""
    assert isinstance(answer.body, AsyncIterable)
    return BufferedPayload(b"".join([chunk async for chunk in answer.body]), answer.head.content_type)


async def _close_async(iterator: AsyncIterable[Any]) -> None:
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()


def _close(iterator: Iterator[Any]) -> None:
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
