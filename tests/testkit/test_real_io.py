"""What only real time brings is refused, with what to do; what the loop itself brings is not."""

import asyncio
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import anyio.to_thread
import pytest
from aiohttp import web

from apptheory_testkit import stream_client
from apptheory_testkit.virtual_time import loop as loop_module
from apptheory_testkit.virtual_time.loop import VirtualLoop
from apptheory_testkit.virtual_time.real_io import RealIOError

_T = TypeVar("_T")

Address = tuple[str, int]

REMEDY = 'let the test run in real time: @pytest.mark.streaming(clock="real")'
ELSEWHERE = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    connection.recv(100)
"""
CLIENT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.recv(100)
"""


def run(main: Callable[[], Awaitable[_T]]) -> _T:
    """Run on a virtual loop of its own."""

    async def call() -> _T:
        return await main()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(call())


@asynccontextmanager
async def serving(handle: Callable[..., Awaitable[None]]) -> AsyncIterator[Address]:
    """A server on the running loop."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what came, after 30 virtual seconds."""
    data = await reader.read(100)
    await asyncio.sleep(30)
    writer.write(data)
    writer.close()


async def ask(address: Any) -> bytes:
    """Be a client on the running loop."""
    if isinstance(address, tuple):
        reader, writer = await asyncio.open_connection(*address[:2])
    else:
        reader, writer = await asyncio.open_unix_connection(address)
    writer.write(b"hello")
    data = await reader.read()
    writer.close()
    return data


def ask_blocking(address: Address) -> bytes:
    """Be a client that knows nothing of the loop."""
    with socket.create_connection(address) as connection:
        connection.sendall(b"hello")
        return b"".join(iter(lambda: connection.recv(100), b""))


@contextmanager
def server_in_a_thread() -> Iterator[Address]:
    """A server that the loop does not run: it accepts by itself and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()


@contextmanager
def server_in_a_process() -> Iterator[Address]:
    """A server of somebody else's."""
    with subprocess.Popen([sys.executable, "-c", ELSEWHERE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield "127.0.0.1", int(process.stdout.readline())
        process.kill()


@pytest.mark.parametrize("call", ["exec", "shell"])
def test_starting_a_process_is_refused(call: str) -> None:
    """The child lives in real time."""

    async def main() -> None:
        if call == "exec":
            await asyncio.create_subprocess_exec(sys.executable, "-V")
        else:
            await asyncio.create_subprocess_shell("true")

    with pytest.raises(RealIOError, match="starts another process") as caught:
        run(main)
    assert REMEDY in str(caught.value)


def test_a_process_that_a_thread_waits_for_is_waited_for() -> None:
    """`subprocess.run` blocks, and the clock stands still for it."""

    async def main() -> tuple[str, float]:
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", "print('hi')"], check=True, capture_output=True, text=True
        )
        return done.stdout, asyncio.get_running_loop().time()

    assert run(main) == ("hi\n", 0)


@pytest.mark.parametrize("server", [server_in_a_thread, server_in_a_process])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_connecting_to_what_this_loop_does_not_serve_is_refused(server: Any) -> None:
    """The answer would come in real time, and every timeout before it."""
    with server() as address, pytest.raises(RealIOError) as caught:
        run(lambda: ask(address))

    message = str(caught.value)
    assert f"this test connected to 127.0.0.1:{address[1]}, which its own loop does not serve" in message
    assert REMEDY in message


def test_the_refusal_is_given_once_and_the_loop_can_be_closed() -> None:
    """The runner cancels what waits, so `finally` blocks run."""
    cleaned = []

    async def main() -> None:
        try:
            with server_in_a_thread() as address:
                _, writer = await asyncio.open_connection(*address)
                try:
                    await asyncio.sleep(1)
                finally:
                    writer.close()
                    await asyncio.sleep(1)
        finally:
            cleaned.append("up")

    with pytest.raises(RealIOError):
        run(main)
    assert cleaned == ["up"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_client_in_another_process_is_refused() -> None:
    """What it asks for, and when, only real time tells."""

    async def main() -> None:
        async with serving(answer) as address:
            command = [sys.executable, "-c", CLIENT, str(address[1])]
            await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True)

    with pytest.raises(RealIOError, match=r"another process connected to 127\.0\.0\.1:") as caught:
        run(main)
    assert "which this test serves" in str(caught.value)
    assert REMEDY in str(caught.value)


def test_a_blocking_client_in_a_thread_of_this_process_is_served() -> None:
    """The clock stands still for the thread: it cannot wait for a server that waits for the clock."""

    async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        writer.close()

    async def main() -> tuple[bytes, float]:
        async with serving(at_once) as address:
            return await asyncio.to_thread(ask_blocking, address), asyncio.get_running_loop().time()

    assert run(main) == (b"hello", 0)


def test_a_thread_that_waits_for_the_clock_through_a_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hang for ever: the server sleeps, and the clock waits for the thread."""
    monkeypatch.setattr(loop_module, "STUCK_SECONDS", 0.1)

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await asyncio.sleep(30)

    async def main() -> None:
        async with serving(hold) as address:
            await asyncio.to_thread(ask_blocking, address)

    with pytest.raises(RealIOError, match=r"test_real_io\.py:\d+"):
        run(main)


def test_somebody_who_only_asks_whether_the_port_is_open_is_let_go() -> None:
    """The connection is closed before the loop has seen it, so nobody can say whose it was, and nothing will come."""

    async def main() -> float:
        async with serving(answer) as address:
            socket.create_connection(address).close()
            await asyncio.sleep(60)
        return asyncio.get_running_loop().time()

    assert run(main) == 60


def test_client_and_server_of_aiohttp_on_one_loop() -> None:
    """D1: with 30 s between two chunks, and keep-alive."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in (b"one", b"two"):
            await asyncio.sleep(30)
            await response.write(chunk)
        return response

    async def main() -> tuple[bytes, bytes, float]:
        app = web.Application()
        app.router.add_get("/", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "localhost", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            bodies = [await (await session.get(f"http://localhost:{port}/")).read() for _ in range(2)]
        at = asyncio.get_running_loop().time()
        await runner.cleanup()
        return bodies[0], bodies[1], at

    assert run(main) == (b"onetwo", b"onetwo", 120)


def test_an_unix_socket_of_the_loop_itself() -> None:
    """Its other end is known by its path."""

    async def main() -> tuple[bytes, float]:
        path = str(Path(folder) / "socket")
        server = await asyncio.start_unix_server(answer, path)
        data = await ask(path)
        server.close()
        return data, asyncio.get_running_loop().time()

    with tempfile.TemporaryDirectory() as folder:  # short: a path of a socket has 107 bytes at most
        assert run(main) == (b"hello", 30)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_unix_socket_of_somebody_else_is_refused() -> None:
    """As that of a database is."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = str(Path(folder) / "socket")
        listener.bind(path)
        listener.listen()
        with pytest.raises(RealIOError, match=r"this test connected to .*/socket, which"):
            run(lambda: ask(path))


def test_datagrams_between_two_sockets_of_the_loop() -> None:
    """One of them connected, so it has a peer."""

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(data, addr)

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        got = loop.create_future()

        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                got.set_result(data)

        server, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        address = server.get_extra_info("sockname")
        client, _ = await loop.create_datagram_endpoint(Client, remote_addr=address)
        client.sendto(b"hello")
        async with asyncio.timeout(5):
            data: bytes = await got
        client.close()
        server.close()
        return data

    assert run(main) == b"hello"


def test_socket_pairs_and_pipes() -> None:
    """They have no names, and two ends in this process."""

    async def main() -> tuple[bytes, bytes]:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with closing(one), closing(other):
            reader, writer = await asyncio.open_connection(sock=one)
            loop.call_later(3, other.sendall, b"pair\n")
            line = await reader.readline()
            writer.close()
        end, start = os.pipe()
        stream = asyncio.StreamReader()
        with os.fdopen(end, "rb") as file:
            transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), file)
            loop.call_later(3, os.write, start, b"pipe")
            loop.call_later(4, os.close, start)
            data = await stream.read()
            transport.close()
        return line, data

    assert run(main) == (b"pair\n", b"pipe")


def test_connections_outlive_the_socket_that_took_them() -> None:
    """A server that closed for new ones goes on with the old, here through many pauses of the flow control."""
    size = 5_000_000

    async def main() -> int:
        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server.close()
            writer.write(bytes(size))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.sleep(1)
        data = await reader.read()
        writer.close()
        return len(data)

    assert run(main) == size


def test_a_server_on_the_bare_calls_of_the_loop() -> None:
    """`sock_accept` watches the listening socket only while it waits."""

    async def main() -> list[bytes]:
        loop = asyncio.get_running_loop()

        async def serve() -> None:
            for _ in range(2):
                connection, _ = await loop.sock_accept(listener)
                with connection:
                    data = await loop.sock_recv(connection, 100)
                    await asyncio.sleep(1)
                    await loop.sock_sendall(connection, data)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            server = asyncio.create_task(serve())
            await asyncio.sleep(0)
            answers = [await ask(listener.getsockname()) for _ in range(2)]
            await server
        return answers

    assert run(main) == [b"hello", b"hello"]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no socket for both kinds of addresses")
def test_a_client_by_ipv4_of_a_server_of_both_kinds() -> None:
    """The server sees another spelling of the client's address."""

    async def main() -> bytes:
        listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        server = await asyncio.start_server(answer, sock=listener)
        data = await ask(("127.0.0.1", listener.getsockname()[1]))
        server.close()
        return data

    assert run(main) == b"hello"


@pytest.mark.parametrize("start", [asyncio.to_thread, anyio.to_thread.run_sync], ids=["asyncio", "anyio"])
def test_a_thread_that_blocks_while_a_timer_waits_is_named(
    start: Callable[..., Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer waits for the clock, the clock for the thread, and the thread perhaps for the timer."""
    monkeypatch.setattr(loop_module, "STUCK_SECONDS", 0.1)
    gate = threading.Event()

    def block() -> None:
        gate.wait(30)

    async def main() -> None:
        asyncio.get_running_loop().call_later(1, gate.set)
        try:
            await start(block)
        finally:
            gate.set()

    with pytest.raises(RealIOError, match=r"a thread has blocked .* while a timer waits for the clock") as caught:
        run(main)
    assert f"test_real_io.py:{block.__code__.co_firstlineno + 1}" in str(caught.value)
    assert REMEDY in str(caught.value)


def test_a_thread_that_computes_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It will be done some time, so it is not stuck, however long it takes."""
    monkeypatch.setattr(loop_module, "STUCK_SECONDS", 0.2)
    monkeypatch.setattr(loop_module, "BUSY_SHARE", 0.005)

    def compute() -> str:
        until = time.thread_time() + 0.5
        while time.thread_time() < until:
            pass
        return "done"

    async def main() -> tuple[str, list[float]]:
        loop = asyncio.get_running_loop()
        fired: list[float] = []
        loop.call_later(1, lambda: fired.append(loop.time()))
        return await asyncio.to_thread(compute), fired

    assert run(main) == ("done", [])


def test_without_a_timer_a_thread_may_block_as_long_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the clock."""
    monkeypatch.setattr(loop_module, "STUCK_SECONDS", 0.01)
    monkeypatch.setattr(loop_module, "QUIET_SECONDS", 0.01)

    async def main() -> bool:
        return await asyncio.to_thread(threading.Event().wait, 0.1)

    assert run(main) is False


def test_a_worker_thread_of_anyio_holds_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starlette runs sync endpoints by it; it is no deadlock, and no timer fires meanwhile."""
    monkeypatch.setattr(loop_module, "QUIET_SECONDS", 0.01)

    async def main() -> tuple[list[float], list[float]]:
        loop = asyncio.get_running_loop()
        fired: list[float] = []
        await anyio.to_thread.run_sync(threading.Event().wait, 0.1)
        loop.call_later(10, lambda: fired.append(loop.time()))
        await anyio.to_thread.run_sync(threading.Event().wait, 0.1)
        before = fired.copy()
        await asyncio.sleep(20)
        return before, fired

    assert run(main) == ([], [10])


def test_a_thread_that_nobody_waits_for_any_more_is_joined_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner does it, on newer Pythons with a time limit, which virtual time would be over at once."""
    monkeypatch.setattr(loop_module, "QUIET_SECONDS", 0.01)
    ended = threading.Event()

    def work() -> None:
        threading.Event().wait(0.2)
        ended.set()

    async def main() -> None:
        task = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0)
        task.cancel()

    run(main)

    assert ended.is_set()


def test_at_the_end_a_thread_that_blocks_is_left_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that went wrong must not hang as well."""
    monkeypatch.setattr(loop_module, "STUCK_SECONDS", 0.05)
    gate = threading.Event()

    def block() -> None:
        gate.wait(30)

    async def main() -> None:
        task = asyncio.create_task(asyncio.to_thread(block))
        await asyncio.sleep(0)
        task.cancel()

    try:
        with pytest.warns(RuntimeWarning, match=rf"still block .*test_real_io\.py:{block.__code__.co_firstlineno + 1}"):
            run(main)
    finally:
        gate.set()


def test_a_timer_that_never_fires_waits_for_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """`sleep(math.inf)` is for ever, so a thread may take its time beside it."""
    monkeypatch.setattr(loop_module, "STUCK_SECONDS", 0.01)

    async def main() -> bool:
        forever = asyncio.create_task(asyncio.sleep(math.inf))
        waited = await asyncio.to_thread(threading.Event().wait, 0.1)
        forever.cancel()
        return waited

    assert run(main) is False


def test_a_handler_on_a_thread_that_waits_for_ever_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of hanging: nothing else is under way, and nothing will come."""
    monkeypatch.setattr(loop_module, "STUCK_SECONDS", 0.1)
    never = threading.Event()

    def handler(event: Any, context: Any) -> Iterator[str]:
        yield "one"
        never.wait()

    try:
        with pytest.raises(RealIOError, match=r"a thread has blocked \(.*handler at test_real_io.py:\d+") as caught:
            run(lambda: stream_client(handler).get())
    finally:
        never.set()
    assert "nothing else is under way" in str(caught.value)


def test_sockets_of_others_stay_as_they_are() -> None:
    """A default timeout must not make them non-blocking when they are looked at."""
    one, other = socket.socketpair()

    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with serving(answer) as address:
            reader, writer = await asyncio.open_connection(*address)
            assert await reader.read() == b""
            writer.close()

    with one, other:
        socket.setdefaulttimeout(5)
        try:
            run(main)
        finally:
            socket.setdefaulttimeout(None)
        assert (os.get_blocking(one.fileno()), os.get_blocking(other.fileno())) == (True, True)


def test_another_process_that_a_handler_starts_fails_the_test() -> None:
    """Else it would be a 502, which a test may not look at."""

    async def handler(event: Any, context: Any) -> None:
        await asyncio.create_subprocess_exec(sys.executable, "-c", "")

    with pytest.raises(RealIOError, match="this test starts another process"):
        run(lambda: stream_client(handler).get())


def test_datagrams_to_a_socket_of_another_thread_are_refused() -> None:
    """Of the same process, but of no loop of ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        async def main() -> None:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=server.getsockname()
            )
            try:
                await asyncio.sleep(1)
            finally:
                transport.close()

        with pytest.raises(RealIOError, match=r"connected to 127\.0\.0\.1:"):
            run(main)
