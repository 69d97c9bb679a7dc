"""No process outlives what started it: a worker, a pool, a loop, or an emulator that is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apptheory_emulator import serve_function_url, worker
from apptheory_emulator.workers.guard import guard
from apptheory_testkit import StreamClientFactory
from light_workers import RUNTIME, is_there, light_worker, open_gate, runs, until

pytestmark = pytest.mark.streaming(clock="real")

FAMILY = """
    import os, subprocess

    def handler(event):
        child = subprocess.Popen(["sleep", "1000"])
        yield f"{os.getpid()} {child.pid}".encode()
        if event["rawPath"] == "/exit":
            os._exit(1)
"""


async def test_after_the_close_nothing_of_a_worker_is_left(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """Neither it, nor what it has started, nor its guardian, nor anything that nobody has waited for."""
    function = light_worker(tmp_path, FAMILY)
    leader, child = map(int, (await stream_client(function).get("/")).text.split())
    guardian = guard.pid
    assert guardian is not None
    assert runs(leader)
    assert runs(child)

    await function.aclose()

    assert not is_there(leader)  # has been waited for
    await until(lambda: not runs(child))  # was killed, which takes the system a moment
    assert not runs(guardian)
    assert guard.pid is None


async def test_what_a_worker_has_started_ends_with_it(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """Its group is killed when it has ended by itself."""
    function = light_worker(tmp_path, FAMILY)
    capture = await stream_client(function).get("/exit")
    _, child = map(int, capture.text.split())
    await function.settled()

    assert capture.error is not None
    await until(lambda: not runs(child))


async def test_a_function_may_be_called_again_after_its_close(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """It starts other processes then."""
    function = light_worker(tmp_path, FAMILY)
    before = await stream_client(function).get("/")
    await function.aclose()
    await function.aclose()

    assert (await stream_client(function).get("/")).text != before.text


async def test_a_stop_cuts_what_still_streams(tmp_path: Path) -> None:
    """An emulator that stops leaves neither a handler nor its process behind."""
    code = """
        import os

        def handler(event):
            yield str(os.getpid()).encode()
            gate()
    """
    async with open_gate(tmp_path) as gate:
        async with serve_function_url(light_worker(tmp_path, code)) as url:
            host, port = url.removeprefix("http://").rstrip("/").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            pid = int(await gate.reached())
            assert runs(pid)

        assert not is_there(pid)
        writer.close()
        await writer.wait_closed()
        assert str(pid).encode() in await reader.read()


async def test_a_polite_worker_may_end_in_its_own_way(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """SIGTERM comes first, and there is some time; what it does then is done."""
    code = f"""
        import os, signal

        def end(*_):
            open({str(tmp_path / "ended")!r}, "w").close()
            os._exit(0)

        signal.signal(signal.SIGTERM, end)

        def handler(event):
            yield b"ready"
    """
    function = light_worker(tmp_path, code)
    await stream_client(function).get("/")

    await function.aclose()

    assert (tmp_path / "ended").exists()


async def test_a_stubborn_worker_is_killed(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """One that ignores SIGTERM gets no more than its time."""
    code = """
        import os, signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)

        def handler(event):
            yield str(os.getpid()).encode()
    """
    function = light_worker(tmp_path, code)
    pid = int((await stream_client(function).get("/")).text)

    await function.aclose()

    assert not runs(pid)


HANG_SECONDS = 60

HOLDER = """
import asyncio, os, signal, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from apptheory_emulator import serve_function_url
from light_workers import light_worker

async def main(folder, forks):
    function = light_worker(folder, (folder / "code.py").read_text())
    async with serve_function_url(function) as url:
        host, port = url.removeprefix("http://").rstrip("/").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        await reader.readuntil(b"pids=")
        pids = (await reader.readuntil(b";")).decode()
        fork = os.fork() if forks else 0
        if forks and fork == 0:
            signal.pause()
        print(pids, fork, flush=True)
        await asyncio.Event().wait()

asyncio.run(main(Path(sys.argv[2]), sys.argv[3] == "forks"))
"""

ESCAPE = """
    import os, subprocess

    def handler(event):
        child = subprocess.Popen(["sleep", "1000"])
        escaped = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        yield f"pids={os.getpid()} {child.pid} {escaped.pid};".encode()
        gate()
"""


@pytest.mark.parametrize("forks", ["alone", "forks"])
async def test_an_emulator_that_is_killed_leaves_nothing(tmp_path: Path, forks: str) -> None:
    """SIGKILL can be caught by nobody: a guardian notices, kills the workers and ends itself.

    So it does when a fork of the emulator holds open all that it had open.
    """
    (tmp_path / "code.py").write_text(ESCAPE)
    command = [sys.executable, "-c", HOLDER, str(RUNTIME.parent), str(tmp_path), forks]
    async with open_gate(tmp_path) as gate:
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - as long as the test
        assert holder.stdout is not None
        fork = 0
        try:
            await gate.reached()
            *pids, fork = map(int, (await asyncio.to_thread(holder.stdout.readline)).replace(";", "").split())
            guardians = [pid for pid in children_of(holder.pid) if "guardian" in command_of(pid)]
            watched = [*pids, *guardians]
            assert len(watched) == 4
            assert all(runs(pid) for pid in watched)
        finally:
            holder.kill()
            holder.wait()
            holder.stdout.close()
        try:
            async with asyncio.timeout(HANG_SECONDS):
                await until(lambda: not any(runs(pid) for pid in watched))
        finally:
            if fork:
                os.kill(fork, signal.SIGKILL)


async def test_what_has_left_the_group_of_a_worker_ends_with_the_last_worker(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """A daemon of a handler would run on for ever."""
    async with open_gate(tmp_path) as gate:
        function = light_worker(tmp_path, ESCAPE)
        async with stream_client(function).stream("GET", "/") as live:
            escaped = int((await anext(live)).decode().strip("pids=;").split()[-1])
            assert runs(escaped)
            await gate.reached()
            gate.let_go()
            assert [chunk async for chunk in live] == []

        await function.aclose()

    await until(lambda: not runs(escaped))


async def test_a_guardian_that_is_killed_is_replaced(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """The next process that is started tells the new one of all."""
    function = light_worker(tmp_path, FAMILY)
    client = stream_client(function)
    leader, _ = map(int, (await client.get("/")).text.split())
    before = guard.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    await until(lambda: not runs(before))

    os.kill(leader, signal.SIGKILL)
    await until(lambda: not runs(leader))
    assert (await client.get("/")).status == 200

    assert guard.pid not in (None, before)
    await function.aclose()


@pytest.mark.streaming(transport="in-process")
async def test_a_thousand_requests_need_no_more_than_one(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """Neither files, nor tasks, nor processes grow with them."""
    function = light_worker(tmp_path, "def handler(event):\n    yield b'x'\n")
    client = stream_client(function)

    async def used() -> tuple[int, int, int]:
        await function.settled()
        return open_files(), len(asyncio.all_tasks()), len(children_of(os.getpid()))

    await client.get("/")
    before = await used()
    for _ in range(1000):
        assert (await client.get("/")).status == 200

    assert await used() == before


async def test_a_command_that_cannot_be_run_is_told(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """It may have gone since the worker was made."""
    program = tmp_path / "bootstrap"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    function = worker(exec=["./bootstrap"], cwd=tmp_path)
    program.unlink()

    capture = await stream_client(function).get("/")

    assert capture.status == 502
    assert "`./bootstrap` cannot be run" in str(capture.error)


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def children_of(parent: int) -> list[int]:
    """The processes that another has started and that are there, dead ones too."""
    return [
        int(pid) for task in Path(f"/proc/{parent}/task").iterdir() for pid in (task / "children").read_text().split()
    ]


def command_of(pid: int) -> str:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
