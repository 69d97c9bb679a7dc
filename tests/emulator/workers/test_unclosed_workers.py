"""Functions that nobody closes: nothing of them is left when their loop ends, and no ResourceWarning (an error here)."""

import asyncio
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import uvloop

from apptheory_emulator import WorkerFunction, worker
from apptheory_emulator.workers.environment import MARK
from apptheory_emulator.workers.guard import guard
from apptheory_emulator.workers.runtime_api import RuntimeApi
from apptheory_testkit import StreamClientFactory
from apptheory_testkit import stream_client as make_client
from light_workers import is_there, light_worker
from runtime_clients import HANDLERS, go_program, node, official_node_client

pytestmark = pytest.mark.streaming(clock="real")

MIB = 1024 * 1024
WAIT_SECONDS = 30


def our_node() -> WorkerFunction:
    """Our Node runtime."""
    node()
    return worker("node", "index.mjs:handler", cwd=HANDLERS / "node")


TARGETS: dict[str, Callable[[], WorkerFunction]] = {
    "python": lambda: worker("python", "contract.py:handler", cwd=HANDLERS / "python"),
    "node": our_node,
    "aws-lambda-ric": lambda: worker(exec=[*official_node_client(), "index.handler"], cwd=HANDLERS / "node"),
    "go": lambda: worker(exec=[go_program(), "streaming"], cwd=HANDLERS / "go"),
}


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect behind the loop, so that a warning belongs to this test."""
    yield
    gc.collect()


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("runtime", TARGETS)
async def test_the_loop_of_a_test_ends_behind_a_large_answer(stream_client: StreamClientFactory, runtime: str) -> None:
    """Its runtime connects once more, or asks for the next invocation, in that moment."""
    capture = await stream_client(TARGETS[runtime]()).get("/large")

    assert len(capture.body) == 10 * MIB


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("runtime", TARGETS)
async def test_the_loop_of_a_test_ends_within_an_answer(stream_client: StreamClientFactory, runtime: str) -> None:
    """Its runtime still sends."""
    async with stream_client(TARGETS[runtime](), strict=False).stream("GET", "/large") as live:
        assert await anext(live)


@pytest.mark.parametrize("runtime", TARGETS)
def test_a_loop_of_ones_own_ends_behind_a_large_answer(runtime: str) -> None:
    """With `asyncio.run`, which cancels what is left."""
    client = make_client(TARGETS[runtime]())

    async def body() -> bytes:
        return (await client.get("/large")).body

    assert len(asyncio.run(body())) == 10 * MIB
    gc.collect()


def test_a_loop_ends_while_a_worker_starts(tmp_path: Path) -> None:
    """The request is cancelled with its loop; the process that it had begun to start is gone."""
    started = tmp_path / "pid"
    code = f"""
        import os, time
        open({str(started)!r}, "w").write(str(os.getpid()))
        time.sleep(1000)
    """
    client = make_client(light_worker(tmp_path, code))

    async def leave() -> None:
        task = asyncio.create_task(client.get("/"))
        while not (started.exists() and started.read_text()):
            assert not task.done()
            await asyncio.sleep(0.001)

    asyncio.run(leave())
    gc.collect()

    assert not is_there(int(started.read_text()))


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("turns", range(10))
def test_a_loop_ends_in_any_turn_of_the_start_of_a_worker(
    tmp_path: Path, turns: int, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """It cancels all its tasks at once: the process is waited for all the same, and its pipes are closed."""
    client = make_client(light_worker(tmp_path, "def handler(event):\n    yield b'x'\n"))

    async def leave() -> None:
        request = asyncio.create_task(client.get("/"))
        for _ in range(turns):
            await asyncio.sleep(0)
        assert not request.done()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(leave())
    gc.collect()

    assert marked_processes() == []


@pytest.mark.parametrize("turns", range(2, 12))
async def test_a_close_in_any_turn_of_the_start_of_a_worker(tmp_path: Path, turns: int) -> None:
    """Nothing of it is left, and nothing is started behind the close; the request fails."""
    function = light_worker(tmp_path, "def handler(event):\n    yield b'x'\n")
    request = asyncio.create_task(make_client(function).get("/"))
    for _ in range(turns):
        await asyncio.sleep(0)

    await function.aclose()
    left = marked_processes()
    capture = await request
    await function.aclose()

    assert left == []
    assert marked_processes() == []
    assert capture.status in (200, 502)  # 200 where it came behind the close


@pytest.mark.parametrize("turns", range(4))
def test_a_runtime_that_connects_while_the_loop_ends(turns: int) -> None:
    """In whatever turn of the loop: before it is accepted, before it has a transport, or after."""
    loop = asyncio.new_event_loop()
    api = RuntimeApi()
    loop.run_until_complete(api.start())
    host, port = api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_SECONDS) as runtime:
        for _ in range(turns):
            loop.call_soon(loop.stop)
            loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.run_until_complete(api.close())
        loop.close()

        assert ended(runtime)
    gc.collect()


def marked_processes() -> list[int]:
    """The processes of workers of this process, which each have its mark in their environment."""
    mark = f"{MARK}={guard.mark}".encode()
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                found += [int(folder.name)] * (mark in (folder / "environ").read_bytes().split(b"\0"))
    return found


def ended(connection: socket.socket) -> bool:
    """Whether the other side has closed it."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
