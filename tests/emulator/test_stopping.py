"""Requests that come while the emulator stops: none of them is left behind, and none holds it up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from apptheory_emulator import Emulator, FunctionConfig
from apptheory_emulator.front.running import RunningInvocations
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_streaming.invocation import Invocation
from apptheory_streaming.wire.front import FunctionUrlFront
from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit.transports.sinks import CaptureSink
from raw_http import WAIT_SECONDS

HALF = b"POST / HTTP/1.1\r\nHost: chat.lambda-url.localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n1"

pytestmark = pytest.mark.streaming(clock="real")


class Endless:
    """A stream without an end, and how often it has begun and been closed."""

    def __init__(self) -> None:
        self.begun = self.closed = 0

    async def handler(self, event: Any, context: Any) -> AsyncIterator[bytes]:
        self.begun += 1
        try:
            while True:
                yield b"on and on"
                await asyncio.sleep(0.01)
        finally:
            self.closed += 1


async def test_a_body_that_ends_when_its_function_has_stopped_runs_nothing() -> None:
    """It came through the port of another function, by its host name; nobody would ever end what it starts."""
    endless = Endless()
    tasks = asyncio.all_tasks()
    configs = [FunctionConfig(name="open", target=endless.handler), FunctionConfig(name="chat", target=endless.handler)]

    async with Emulator(configs, shutdown_seconds=0) as emulator:
        port, own = (urlsplit(function.url).port for function in emulator.functions)
        held, late = await asyncio.open_connection("127.0.0.1", own), await asyncio.open_connection("127.0.0.1", port)
        for reader, writer in (held, late):  # the one makes closing the function's own port take a moment
            writer.write(HALF)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        closing = asyncio.create_task(finish_once_refused(own, late[1]))
    await closing

    assert (endless.begun, asyncio.all_tasks()) == (0, tasks)
    for _, writer in (held, late):
        writer.close()


async def finish_once_refused(port: int | None, writer: asyncio.StreamWriter) -> None:
    """Send the rest of a body when a port is no longer listened on, and its front has stopped in the passes after."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                _, probe = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                break
            probe.close()
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    writer.write(b"2")


async def test_an_invocation_that_was_just_started_is_stopped_too() -> None:
    """In the same pass of the loop it has no handler yet that could be cancelled, and never ends by itself."""
    endless = Endless()
    function = InProcessFunction(FunctionConfig(name="chat", target=endless.handler))
    over: list[Transcript] = []
    running = RunningInvocations()
    for _ in range(2):  # one before the stop and one after it
        invocation = Invocation(
            function.handler(),
            {},
            function.context("own"),
            sink=CaptureSink(),
            front=FunctionUrlFront(),
            request_id="own",
            policy=function.config.policy,
            now=asyncio.get_running_loop().time,
        )
        running.start(invocation, what="own", on_over=over.append)
        async with asyncio.timeout(WAIT_SECONDS):
            await running.stop(0)

    assert (endless.begun, endless.closed, len(over)) in ((1, 1, 1), (0, 0, 1))
