"""A slow consumer makes the runtime wait: memory is bounded, whatever it sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from apptheory_emulator.workers.runtime_answer import AnswerBody
from apptheory_emulator.workers.runtime_api import RuntimeAnswer
from apptheory_streaming.errors import RuntimeExit
from raw_http import RawConnection
from running import jump, until
from runtime_wire import NEXT, STREAMING, invoked, read_all, response_path, running_api, runtime_of, within

pytestmark = pytest.mark.streaming(clock="real")

MIB = 1024 * 1024
BODY = 100 * MIB
PIECE = bytes(64 * 1024)
MOST_BUFFERED = 64 * 1024 + 256 * 1024
"""The mark at which reading pauses, and what one read of a socket may bring on top."""


class Sender:
    """A runtime that sends BODY as fast as it may."""

    def __init__(self, runtime: RawConnection) -> None:
        self.runtime = runtime
        self.sent = 0

    async def send(self) -> None:
        for _ in range(BODY // len(PIECE)):
            self.runtime._writer.write(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
            await self.runtime._writer.drain()
            self.sent += len(PIECE)
        await self.runtime.send(b"0\r\n\r\n")


@asynccontextmanager
async def sending() -> AsyncIterator[tuple[Sender, RuntimeAnswer, "asyncio.Task[None]"]]:
    """Begin an answer of BODY bytes."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), STREAMING)
        sender = Sender(runtime)
        task = asyncio.create_task(sender.send())
        try:
            yield sender, await within(answer), task
            if task.done():
                assert (await runtime.read_response()).status == 202
                await runtime.request("GET", NEXT)
                await within(api.idle())
        finally:
            if not task.done():
                runtime.reset()  # what it has not sent would keep it from closing
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until_it_stands(sender: Sender, body: AnswerBody) -> int:
    """Let the runtime send until nothing moves any more; gives the most that was buffered."""
    most = quiet = before = 0
    while quiet < 2000:
        await asyncio.sleep(0)
        most = max(most, body.buffered_bytes)
        quiet = quiet + 1 if sender.sent == before else 0
        before = sender.sent
    return most


@pytest.mark.parametrize("waits_for", ["an invocation", "nothing"])
async def test_a_runtime_that_asks_on_and_on(waits_for: str) -> None:
    """What is sent ahead of answers is bounded: behind a poll that waits, and where nobody reads the answers."""
    pings = b"GET /2018-06-01/ping HTTP/1.1\r\nHost: a\r\n\r\n" * 10_000
    async with running_api() as api, runtime_of(api) as runtime:
        if waits_for == "an invocation":
            await runtime.request("GET", NEXT)
            await within(api.initialised())
        sent = quiet = before = 0

        async def ask() -> None:
            nonlocal sent
            while True:
                await runtime.send(pings)
                sent += len(pings)

        # The test reads no answers: past what fits into the sockets, the stream's own buffer pauses its transport.
        task = asyncio.create_task(ask())
        while quiet < 2000 and sent < BODY:
            await asyncio.sleep(0)
            quiet = quiet + 1 if sent == before else 0
            before = sent
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        runtime.reset()

        assert sent < BODY / 2


async def test_a_consumer_that_never_reads() -> None:
    """The runtime stands still with most of its bytes unsent."""
    async with sending() as (sender, answer, task):
        assert isinstance(answer.body, AnswerBody)
        most = await until_it_stands(sender, answer.body)

        assert most <= MOST_BUFFERED
        assert sender.sent < BODY / 2
        assert not task.done()


async def test_a_consumer_that_reads_everything() -> None:
    """Every byte comes, and what waits stays bounded."""
    async with sending() as (_, answer, task):
        body, received, most = answer.body, 0, 0
        assert isinstance(body, AnswerBody)
        async for piece in body:
            received += len(piece)
            most = max(most, body.buffered_bytes)

        assert received == BODY
        assert most <= MOST_BUFFERED
        await within(task)


async def test_a_consumer_that_begins_late() -> None:
    """Reading makes the runtime go on from where it stood."""
    async with sending() as (sender, answer, task):
        assert isinstance(answer.body, AnswerBody)
        await until_it_stands(sender, answer.body)

        assert len(await within(read_all(answer))) == BODY
        await within(task)


async def test_a_consumer_that_gives_up() -> None:
    """Behind `aclose` the rest is dropped as it comes, and the runtime goes on to its next poll."""
    async with sending() as (sender, answer, task):
        body = answer.body
        assert isinstance(body, AnswerBody)
        await until_it_stands(sender, body)
        await anext(body)
        await body.aclose()
        await within(task)

        assert body.buffered_bytes == 0
        assert sender.sent == BODY
        assert [piece async for piece in body] == []
        await body.aclose()


async def test_an_invocation_that_is_given_up_while_its_answer_waits() -> None:
    """E5: the runtime hears 410, and what it still sends is dropped, though nobody closes the body."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), STREAMING)
        sender = Sender(runtime)
        task = asyncio.create_task(sender.send())
        body = (await within(answer)).body
        assert isinstance(body, AnswerBody)
        await until_it_stands(sender, body)
        api.abandon()

        await within(task)
        assert (await runtime.read_response()).status == 410
        assert body.buffered_bytes <= MOST_BUFFERED
        await runtime.request("GET", NEXT)
        await within(api.idle())


async def test_a_slow_consumer_gets_the_last_words_of_a_worker() -> None:
    """What a process sent before its end waits in its socket as long as the consumer needs."""
    size = 4 * MIB
    async with running_api() as api:
        async with runtime_of(api) as runtime:
            answer = await invoked(api, runtime)
            await runtime.request("POST", response_path(), STREAMING)
            runtime._writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (size, bytes(size)))
            result = await within(answer)
            assert isinstance(result.body, AnswerBody)
            body = result.body
            await until(lambda: body.full)
            api.worker_gone(RuntimeExit("exit status 0"))
            for _ in range(3):
                jump(3600)
                for _ in range(100):
                    await asyncio.sleep(0)

            assert len(await read_all(result)) == size
        with pytest.raises(RuntimeExit):
            await within(api.idle())


async def test_giving_up_wakes_who_waits_for_bytes() -> None:
    """A body that is closed from elsewhere ends for who reads it."""
    async with running_api() as api, runtime_of(api) as runtime:
        answer = await invoked(api, runtime)
        await runtime.request("POST", response_path(), STREAMING)
        await runtime.send(b"1\r\na\r\n")
        body = (await within(answer)).body
        assert isinstance(body, AnswerBody)
        assert await anext(body) == b"a"
        reading = asyncio.create_task(read_all(answer.result()))
        await asyncio.sleep(0)
        await body.aclose()

        assert await within(reading) == b""
