"""Workers that die, hang or break the rules, as an HTTP client sees it: its response ends, and the next one is served."""

import asyncio
import gc
import json
import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from apptheory_emulator import FunctionUrlFactory, WorkerFunction
from light_workers import light_worker, open_gate, runs, until
from raw_http import RawConnection, RawResponse, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")

CODE = """
    import os, sys, time

    Api = sys.modules["__main__"].Api
    ordinary = Api.respond
    path = ""

    def respond(self, request_id, chunks, **options):
        if path in ("/garbage", "/early-garbage"):
            self.send("POST", f"invocation/{request_id}/response", options["headers"])
            self.socket.sendall(b"1\\r\\n{" if path == "/early-garbage" else wire(options["prelude"], next(chunks)))
            self.socket.sendall(b"\\r\\nnot a size\\r\\n\\0\\1\\2")
            self.answer()
            self.__init__()  # the Runtime API has closed the connection
            return
        ordinary(self, request_id, chunks, **options)
        if path == "/twice":
            report["second"] = second(self, request_id)

    def second(self, request_id):
        self.send("POST", f"invocation/{request_id}/response", "Content-Length: 6\\r\\n", b"second")
        while b"}" not in self.buffer:
            self.receive()
        answer, self.buffer = self.buffer, b""
        return answer.partition(b"\\r\\n")[0].decode()

    def wire(*pieces):
        return b"".join(b"%x\\r\\n%s\\r\\n" % (len(piece), piece) for piece in pieces)[:-2]

    Api.respond = respond
    report = {"second": ""}

    def handler(event):
        global path
        path = event["rawPath"]
        return body()

    def body():
        pid = str(os.getpid()).encode()
        if path == "/early":
            gate()
        if path == "/early-exit":
            os._exit(0)
        if path == "/early-hang":
            time.sleep(1000)
        if path == "/early-error":
            raise ValueError("x" * 100_000)
        yield pid
        if path == "/late":
            gate()
        if path == "/late-exit":
            os._exit(0)
        if path == "/late-hang":
            time.sleep(1000)
        if path == "/late-error":
            raise ValueError("x" * 100_000)
        if path == "/endless":
            while True:
                yield b"more"
        if path == "/stderr":
            for _ in range(10_000):
                sys.stderr.write("x" * 1000 + "\\n")
        if path == "/report":
            yield b" " + report["second"].encode()
        yield b" end"
"""

BAD_GATEWAY = (502, b"Internal Server Error", False)


def seen(response: RawResponse) -> tuple[int, bytes, bool]:
    """Status, body, and whether it was cut."""
    return response.status, response.body, response.cut


async def serving_pid(url: str) -> int:
    """Have the next request served as it should be, and say by which process."""
    status, body, cut = seen(await fetch(url))

    assert (status, body.endswith(b" end"), cut) == (200, True, False)
    return int(body.removesuffix(b" end"))


@asynccontextmanager
async def served(function_url: FunctionUrlFactory, folder: Path) -> AsyncIterator[tuple[WorkerFunction, str]]:
    """A function with one worker at a time, and its URL."""
    function = light_worker(folder, CODE, concurrency=1)
    yield function, await function_url(function)
    await function.settled()


async def begun(connection: RawConnection, path: str) -> bytes:
    """Send a request and read the first frame of its response."""
    await connection.request("GET", path)
    assert (await connection.read_head()).status == 200
    frame = await connection.read_frame()
    assert frame is not None
    return frame


async def cut_behind(connection: RawConnection) -> bool:
    """Whether the connection ends without the last chunk."""
    return await connection.read_to_end() == b""


async def test_killed_before_its_first_byte(function_url: FunctionUrlFactory, tmp_path: Path) -> None:
    """E3b: 502, and another process serves the next."""
    async with open_gate(tmp_path) as gate, served(function_url, tmp_path) as (_, url):
        request = asyncio.create_task(fetch(url, target="/early"))
        pid = int(await gate.reached())
        os.kill(pid, signal.SIGKILL)

        assert seen(await request) == BAD_GATEWAY
        assert await serving_pid(url) != pid


async def test_killed_in_the_middle_of_its_stream(function_url: FunctionUrlFactory, tmp_path: Path) -> None:
    """E3b: what came is there, and the last chunk is not."""
    async with open_gate(tmp_path) as gate, served(function_url, tmp_path) as (_, url), connect(url) as connection:
        first = await begun(connection, "/late")
        pid = int(await gate.reached())
        os.kill(pid, signal.SIGKILL)

        assert first == str(pid).encode()
        assert await cut_behind(connection)
        assert await serving_pid(url) != pid


async def test_killed_behind_its_stream(function_url: FunctionUrlFactory, tmp_path: Path) -> None:
    """Nobody notices: the next request, on the same connection too, has another process."""
    async with served(function_url, tmp_path) as (function, url), connect(url) as connection:
        await connection.request("GET")
        pid = int((await connection.read_response()).body.removesuffix(b" end"))
        await function.settled()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not runs(pid))
        await connection.request("GET")

        status, body, cut = seen(await connection.read_response())
        assert (status, body.endswith(b" end"), cut) == (200, True, False)
        assert body != f"{pid} end".encode()


@pytest.mark.parametrize("path", ["/early-exit", "/late-exit"])
async def test_an_exit_with_status_0(function_url: FunctionUrlFactory, tmp_path: Path, path: str) -> None:
    """E3b: 502 before the first byte; behind it the response is cut, for it never came to its end."""
    async with served(function_url, tmp_path) as (_, url):
        before = await serving_pid(url)
        response = await fetch(url, target=path)

        assert seen(response) == (BAD_GATEWAY if path == "/early-exit" else (200, str(before).encode(), True))
        assert await serving_pid(url) != before


@pytest.mark.parametrize("path", ["/early-hang", "/late-hang", "/endless"])
async def test_a_handler_that_never_ends(function_url: FunctionUrlFactory, tmp_path: Path, path: str) -> None:
    """E5: at its deadline 502, or the cut of what has begun, and its process is killed."""
    async with served(function_url, tmp_path) as (function, url):
        before = await serving_pid(url)
        response = await fetch(await function_url(function, timeout=0.5), target=path)

        if path == "/early-hang":
            assert seen(response) == BAD_GATEWAY
        else:
            assert (response.status, response.cut) == (200, True)
            assert response.body.startswith(str(before).encode())
        await function.settled()
        assert not runs(before)
        assert await serving_pid(url) != before


async def test_ten_megabytes_on_stderr(
    function_url: FunctionUrlFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They hold nothing up, and the same process serves the next."""
    caplog.set_level(logging.INFO)
    async with served(function_url, tmp_path) as (function, url):
        response = await fetch(url, target="/stderr")
        await function.settled()
        pid = await serving_pid(url)

    assert seen(response) == (200, f"{pid} end".encode(), False)
    assert sum("x" * 1000 in record.getMessage() for record in caplog.records) == 10_000


@pytest.mark.parametrize("path", ["/early-error", "/late-error"])
@pytest.mark.parametrize("late_errors", ["aws", "abort"])
async def test_an_error_of_100_kilobytes(
    function_url: FunctionUrlFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str, late_errors: str
) -> None:
    """E2b, E3: such trailers are read as short ones, the log has them, and the same process serves the next."""
    url = await function_url(light_worker(tmp_path, CODE, concurrency=1), late_errors=late_errors)
    response = await fetch(url, target=path)
    late = (200, str(await serving_pid(url)).encode(), late_errors == "abort")

    assert seen(response) == (BAD_GATEWAY if path == "/early-error" else late)
    assert "x" * 100_000 in caplog.text


@pytest.mark.parametrize("path", ["/early-garbage", "/garbage"])
async def test_a_body_that_claims_chunks_and_sends_garbage(
    function_url: FunctionUrlFactory, tmp_path: Path, path: str
) -> None:
    """E3b: 502 while the head is not whole, else the cut behind the bytes that came; the next request is served."""
    async with served(function_url, tmp_path) as (_, url):
        before = await serving_pid(url)
        response = await fetch(url, target=path)

        assert seen(response) == (BAD_GATEWAY if path == "/early-garbage" else (200, str(before).encode(), True))
        await serving_pid(url)


async def test_two_responses_for_one_invocation(function_url: FunctionUrlFactory, tmp_path: Path) -> None:
    """The client has the first, the runtime is refused the second, and the next request gets its own."""
    async with served(function_url, tmp_path) as (_, url):
        first = await fetch(url, target="/twice")
        report = await fetch(url, target="/report")
        pid = await serving_pid(url)

    assert seen(first) == (200, f"{pid} end".encode(), False)
    assert seen(report) == (200, f"{pid} HTTP/1.1 403 Forbidden end".encode(), False)


async def test_fifty_requests_at_once_and_one_more(function_url: FunctionUrlFactory, tmp_path: Path) -> None:
    """Each has a worker of its own, the fifty-first gets 429, and nothing of them is left behind the close."""
    code = """
        import os

        def handler(event):
            gate()
            yield str(os.getpid()).encode()
    """
    before = children_of(os.getpid())
    async with open_gate(tmp_path) as gate:
        function = light_worker(tmp_path, code, concurrency=50)
        url = await function_url(function)
        requests = [asyncio.create_task(fetch(url)) for _ in range(50)]
        held = {await gate.reached() for _ in requests}
        refused = await fetch(url)
        gate.let_go()
        responses = [seen(await request) for request in requests]
        await function.aclose()

    assert refused.status == 429
    assert json.loads(refused.body)["Reason"]
    assert sorted(responses) == sorted((200, pid.encode(), False) for pid in held)
    assert len(held) == 50
    assert not any(runs(int(pid)) for pid in held)
    assert set(children_of(os.getpid())) <= set(before)


async def test_a_thousand_requests_over_http_need_no_more_than_a_hundred(
    function_url: FunctionUrlFactory, tmp_path: Path
) -> None:
    """Neither processes nor sockets, files, tasks or objects grow, here and in the worker."""
    function = light_worker(tmp_path, "import os\n\ndef handler(event):\n    yield str(os.getpid()).encode()\n")
    url = await function_url(function)

    async def ask(connection: RawConnection, count: int) -> set[int]:
        pids = set()
        for _ in range(count):
            await connection.request("GET")
            pids.add(int((await connection.read_response()).body))
        await function.settled()
        url.exchanges.clear()  # which are kept for the test
        gc.collect()
        return pids

    def used() -> dict[str, object]:
        return {
            "open": kinds_of_files(os.getpid()),
            "open in the worker": kinds_of_files(pid),
            "processes": children_of(os.getpid()),
            "tasks": len(asyncio.all_tasks()),
            "threads": threading.active_count(),
        }

    async with connect(url) as connection:
        (pid,) = await ask(connection, 100)
        before, objects = used(), len(gc.get_objects())
        assert await ask(connection, 1000) == {pid}

        assert used() == before
        assert len(gc.get_objects()) - objects < 500


def children_of(parent: int) -> list[str]:
    """What a process has started and not waited for."""
    tasks = Path(f"/proc/{parent}/task").iterdir()
    return sorted(pid for task in tasks for pid in (task / "children").read_text().split())


def kinds_of_files(pid: int) -> Counter[str]:
    """How many sockets, pipes and other files a process has open."""
    kinds = Counter[str]()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # the folder itself, while it was read
            kinds[str(each.readlink()).partition(":")[0]] += 1
    return kinds
