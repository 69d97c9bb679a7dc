"""Web servers behind the emulated URL: started, waited for, streamed from, and gone in the end."""

import asyncio
import gzip
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from apptheory_emulator import HttpTransport, serve_function_url, web
from apptheory_emulator.workers.web_server import WebServer
from apptheory_streaming.errors import RuntimeExit, RuntimeFailure, UsageError
from apptheory_testkit import StreamClient
from apptheory_testkit import stream_client as typed_client
from running import until
from web_servers import NODE, PYTHON, UVICORN, serving

pytestmark = pytest.mark.streaming(clock="real")


def stream_client(target: Any, **options: Any) -> Any:
    """A client whose captures are compared with texts, and have errors."""
    return typed_client(target, **options)


async def pid_of(client: StreamClient) -> int:
    return int((await client.get("/echo")).json()["pid"])


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie, which only its new parent can take away."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] not in ("", "Z")


# -- requests and responses ---------------------------------------------------------------------


async def test_c15_a_request_comes_as_it_was_sent(tmp_path: Path) -> None:
    """Method, target with its escapes, headers, body; what belongs to one connection stays behind."""
    async with serving(tmp_path) as function:
        capture = await stream_client(function).post(
            "/caf%C3%A9/a%2Fb?x=%20&y[]=1",
            headers=[("X-A", "Grüße"), ("X-B", "1"), ("x-b", "2"), ("te", "trailers")],
            cookies={"session": "1"},
            content=bytes(range(256)),
        )
    found = capture.json()
    headers = {name.lower(): value for name, value in found["headers"].items()}

    assert (found["method"], found["target"]) == ("POST", "/caf%C3%A9/a%2Fb?x=%20&y[]=1")
    assert bytes.fromhex(found["body"]) == bytes(range(256))
    assert (headers["x-a"], headers["x-b"], headers["cookie"]) == ("Grüße", "1,2", "session=1")
    assert headers["host"].endswith("lambda-url.us-east-1.on.aws")
    assert headers["x-forwarded-proto"] == "https"
    assert "te" not in headers
    assert "accept-encoding" not in headers


async def test_what_an_event_says_of_a_connection_stays_behind(tmp_path: Path) -> None:
    """RFC 9110, 7.6.1; and the length of the body is that of the body."""
    event = {
        "rawPath": "/echo",
        "requestContext": {"http": {"method": "POST"}},
        "headers": {"upgrade": "h2c", "te": "trailers", "content-length": "999", "x-a": "1"},
        "cookies": ["a=1", "b=2"],
        "body": "hi",
    }
    async with serving(tmp_path) as function:
        found = (await stream_client(function).invoke(event)).json()
    headers = {name.lower(): value for name, value in found["headers"].items()}

    assert not {"upgrade", "te", "transfer-encoding"} & set(headers)
    assert (headers["x-a"], headers["cookie"], headers["content-length"]) == ("1", "a=1; b=2", "2")
    assert bytes.fromhex(found["body"]) == b"hi"


async def test_an_event_that_is_no_request_is_refused(tmp_path: Path) -> None:
    """Before anything is started."""
    capture = await stream_client(web("touch started", cwd=tmp_path)).invoke({"detail": 1})

    assert isinstance(capture.error.exception, UsageError)
    assert "payload format 2.0" in capture.error.message
    assert not (tmp_path / "started").exists()


async def test_c15_two_headers_have_the_contexts(tmp_path: Path) -> None:
    """As the Lambda Web Adapter sends them."""
    async with serving(tmp_path, name="shop.py") as function:
        headers = (await stream_client(function).get("/echo")).json()["headers"]
    request, context = (json.loads(headers[f"x-amzn-{name}-context"]) for name in ("request", "lambda"))

    assert request["http"]["path"] == "/echo"
    assert (request["requestId"], context["request_id"]) == ("req_test_0001", "req_test_0001")
    assert context["env_config"]["function_name"] == function.function_name
    assert context["env_config"]["memory"] == 1024
    assert context["deadline"] > 1_700_000_000_000


async def test_c15_a_response_goes_out_as_it_came(tmp_path: Path) -> None:
    """R5, R6: lists of values, cookies; what belongs to one connection stays behind."""
    async with serving(tmp_path) as function:
        capture = await stream_client(function).get("/echo")

    assert capture.status == 203
    assert capture.headers["x-a"] == ["1", "2"]
    assert capture.headers["content-type"] == ["application/json; charset=utf-8"]
    assert capture.cookies == ["a=1", "b=2"]
    assert not {"connection", "keep-alive", "transfer-encoding"} & set(capture.headers)
    capture.assert_closed()


async def test_a_compressed_response_stays_compressed(tmp_path: Path) -> None:
    """Only the client may unpack it."""
    async with serving(tmp_path) as function:
        capture = await stream_client(function).get("/packed", headers={"accept-encoding": "gzip"})

    assert capture.headers["content-encoding"] == ["gzip"]
    assert gzip.decompress(capture.body) == b"hello"


@pytest.mark.parametrize("status", [404, 500, 301])
async def test_every_status_is_the_servers_own(tmp_path: Path, status: int) -> None:
    """No redirect is followed, and an error of the server is no error of the function."""
    async with serving(tmp_path) as function:
        capture = await stream_client(function).get(f"/status/{status}")

    assert (capture.status, capture.text, capture.error) == (status, "body", None)


@pytest.mark.parametrize("status", [200, 204, 304])
async def test_f6_a_response_without_bytes_keeps_its_head(tmp_path: Path, status: int) -> None:
    async with serving(tmp_path) as function:
        capture = await stream_client(function).get(f"/empty?status={status}")

    assert (capture.status, capture.body) == (status, b"")
    assert capture.headers["content-type"] == ["text/plain"]


async def test_e6_head_is_asked_as_head(tmp_path: Path) -> None:
    async with serving(tmp_path) as function:
        capture = await stream_client(function).head("/echo")

    assert (capture.status, capture.chunks, capture.delivery_outcome) == (203, [], "complete")


# -- streaming ----------------------------------------------------------------------------------


async def test_c15_bytes_go_on_as_they_come(tmp_path: Path) -> None:
    """Each part is with the client before the gate of the next is opened, by another request at the same time."""
    async with serving(tmp_path) as function:
        client = stream_client(function)
        async with client.stream("GET", "/stream") as live:
            assert live.head.status == 200
            for number in range(3):
                assert await anext(live) == b"part %d\n" % number
                assert (await client.get("/open")).text == "opened"
            assert [chunk async for chunk in live] == []


async def test_c15_over_http_as_well(tmp_path: Path) -> None:
    async with serving(tmp_path) as function:
        client = stream_client(function, transport=HttpTransport)
        async with client.stream("GET", "/stream?count=2") as live:
            assert await anext(live) == b"part 0\n"
            await client.get("/open")
            assert [chunk async for chunk in live] == [b"part 1\n"]


async def test_a_client_that_does_not_read_holds_the_server_back(tmp_path: Path) -> None:
    """The server writes what fits into buffers and no more; the rest of 20 MB comes when it is read."""
    async with serving(tmp_path) as function:
        client = stream_client(function)
        async with client.stream("GET", "/flood") as live:
            size = len(await anext(live))
            before = -1
            while (written := int((await client.get("/flooded")).text)) != before:
                before = written
            assert written < 15_000_000
            async for chunk in live:
                size += len(chunk)

    assert size == 20_000_000


async def test_many_requests_run_at_once_on_one_server(tmp_path: Path) -> None:
    """No queue: 20 are open at the same moment."""
    async with serving(tmp_path) as function:
        client = stream_client(function)
        streams = [client.stream("GET", "/stream?count=2") for _ in range(20)]
        for live in streams:
            await live.__aenter__()
            assert await anext(live) == b"part 0\n"
        for _ in streams:
            await client.get("/open")
        for live in streams:
            assert [chunk async for chunk in live] == [b"part 1\n"]
            await live.__aexit__(None, None, None)


# -- clients that leave -------------------------------------------------------------------------


async def test_e4_with_cancel_the_server_hears_that_the_client_left(tmp_path: Path) -> None:
    """Its connection is closed."""
    async with serving(tmp_path) as function:
        client = stream_client(function, on_disconnect="cancel")
        async with client.stream("GET", "/leave") as live:
            await anext(live)
            await live.disconnect()

        assert (await client.get("/left")).text == "gone"
        assert live.capture.handler_outcome == "cancelled"


async def test_e4_otherwise_the_response_is_read_to_its_end(tmp_path: Path) -> None:
    """As on AWS: the server hears of nothing."""
    async with serving(tmp_path) as function:
        client = stream_client(function)
        async with client.stream("GET", "/stream?count=2") as live:
            await anext(live)
            await live.disconnect()
            await client.get("/open")

    assert (live.capture.handler_outcome, live.capture.delivery_outcome.kind) == ("ended", "client_gone")
    assert live.capture.transcript.dropped_chunks == 1


async def test_e5_a_timeout_closes_the_connection_and_leaves_the_server(tmp_path: Path) -> None:
    """Others may be using it."""
    async with serving(tmp_path) as function:
        client = stream_client(function)
        before = await pid_of(client)
        capture = await stream_client(function, timeout=1).get("/leave")

        assert (capture.body, capture.delivery_outcome, capture.error.code) == (b"first", "cut", "app.timeout")
        assert (await client.get("/left")).text == "gone"
        assert await pid_of(client) == before


# -- servers that fail --------------------------------------------------------------------------


async def test_e3b_a_server_that_dies_in_the_middle_cuts_the_response(tmp_path: Path) -> None:
    """The next request starts another."""
    async with serving(tmp_path) as function:
        client = stream_client(function)
        async with client.stream("GET", "/die?late") as live:
            assert await anext(live) == b"first"
            before = await pid_of(client)
            await client.get("/open")
            assert [chunk async for chunk in live] == []
        capture = live.capture

        assert isinstance(capture.error.exception, RuntimeExit)
        assert capture.error.message == "Runtime exited with error: exit status 7"
        assert (capture.error.late, capture.delivery_outcome) == (True, "cut")
        assert await pid_of(client) != before


async def test_e2b_a_server_that_dies_before_its_answer(tmp_path: Path) -> None:
    async with serving(tmp_path) as function:
        client = stream_client(function)
        capture = await client.get("/die")

        assert (capture.status, capture.text) == (502, "Internal Server Error")
        assert capture.error.message == "Runtime exited with error: exit status 7"
        assert (await client.get("/echo")).status == 203


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo one; echo two >&2; exit 3", "exit status 3; it printed last: "),
        ("kill -9 $$", "signal: killed; it printed nothing"),
        ("no-such-program-at-all", "exit status 127; it printed last: "),
    ],
    ids=["exits", "is killed", "is not there"],
)
async def test_a_server_that_exits_at_once_says_why(tmp_path: Path, caplog: Any, command: str, said: str) -> None:
    """E2b: with its last lines; all of them are in the log."""
    caplog.set_level("INFO", logger="apptheory_emulator.worker")
    function = web(command, cwd=tmp_path)
    capture = await stream_client(function).get("/")
    await function.aclose()

    assert isinstance(capture.error.exception, RuntimeFailure)
    assert capture.error.exception.error_type == "Runtime.ExitError"
    assert (capture.status, said in capture.error.message) == (502, True), capture.error.message
    if "echo" in command:
        assert sorted(record.getMessage().split()[-1] for record in caplog.records) == ["one", "two"]


async def test_a_server_that_is_not_ready_in_time_is_killed(tmp_path: Path) -> None:
    """It listens on no port; the failure says what was asked, and the next request tries again."""
    command = "echo $$ >> pids; echo up; exec sleep 600"
    async with serving(tmp_path, command=command, ready_path="/health", ready_timeout=0.5) as function:
        client = stream_client(function)
        for _ in range(2):
            capture = await client.get("/")

            assert capture.status == 502
            assert "not ready within 0.5 s: GET /health on port" in capture.error.message
            assert "it printed last: up" in capture.error.message
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]

    assert len(set(pids)) == 2
    assert not any(runs(pid) for pid in pids)


async def test_a_server_is_not_ready_while_it_answers_500(tmp_path: Path) -> None:
    """As the Lambda Web Adapter judges."""
    async with serving(tmp_path, ready_path="/status/503", ready_timeout=2) as function:
        capture = await stream_client(function).get("/")

    assert "GET /status/503 on port" in capture.error.message


async def test_a_server_that_answers_404_is_ready(tmp_path: Path) -> None:
    async with serving(tmp_path, ready_path="/status/404") as function:
        assert (await stream_client(function).get("/echo")).status == 203


async def test_a_program_that_cannot_be_run_is_an_error_of_usage(tmp_path: Path) -> None:
    function = web([str(tmp_path / "missing")], cwd=tmp_path)
    capture = await stream_client(function).get("/")
    await function.aclose()

    assert isinstance(capture.error.exception, UsageError)
    assert "cannot be run" in capture.error.message


async def test_garbage_instead_of_http_is_a_function_error(tmp_path: Path) -> None:
    """E3b: before the first byte it is 502."""
    source = """
import os, socket
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
first = True
while True:
    connection, _ = server.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n" if first else b"garbage\\r\\n\\r\\n")
    connection.close()
    first = False
"""
    async with serving(tmp_path, source) as function:
        capture = await stream_client(function).get("/")

    assert capture.status == 502
    assert "the web server broke off the connection" in capture.error.message


async def test_e3b_a_body_that_is_too_short_is_cut(tmp_path: Path) -> None:
    """The server lives, and has promised more than it sent."""
    source = """
import os, socket
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    connection, _ = server.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 10\\r\\n\\r\\nshort")
    connection.close()
"""
    async with serving(tmp_path, source) as function:
        capture = await stream_client(function).get("/")

    assert (capture.body, capture.delivery_outcome) == (b"short", "cut")
    assert isinstance(capture.error.exception, RuntimeExit)


# -- the process --------------------------------------------------------------------------------


async def test_c15_the_environment_is_lambdas_with_the_port(tmp_path: Path) -> None:
    async with serving(tmp_path, env={"STAGE": "test", "PORT": "1"}, name="shop.py") as function:
        env = (await stream_client(function).get("/echo")).json()["env"]

    assert (env["STAGE"], env["AWS_LAMBDA_FUNCTION_NAME"], env["TZ"]) == ("test", function.function_name, ":UTC")
    assert int(env["PORT"]) > 1024


async def test_a_port_may_be_given(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with serving(tmp_path, port=port) as function:
        assert (await stream_client(function).get("/echo")).json()["env"]["PORT"] == str(port)


@pytest.mark.parametrize(
    "command",
    [
        f"{sys.executable} server.py $PORT",
        f"export A=$PORT; {sys.executable} server.py ${{PORT}}",
        [sys.executable, "server.py", "$PORT"],
        (sys.executable, "server.py", "${PORT}"),
    ],
    ids=["shell", "two commands", "list", "tuple"],
)
async def test_c15_port_is_replaced_in_the_command(tmp_path: Path, command: Any) -> None:
    """By the shell in text, by us in a list of words."""
    source = PYTHON.replace('os.environ["PORT"]', "sys.argv[1]")
    async with serving(tmp_path, source, command=command) as function:
        assert (await stream_client(function).get("/echo")).status == 203


async def test_requests_that_come_at_once_start_one_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as function:
        client = stream_client(function)

        assert len(set(await asyncio.gather(*(pid_of(client) for _ in range(10))))) == 1


async def test_a_request_that_is_given_up_takes_the_start_from_nobody(tmp_path: Path) -> None:
    command = f"echo $$ >> started; exec {sys.executable} server.py"
    async with serving(tmp_path, command=command) as function:
        capture = await stream_client(function, timeout=0.3).get("/leave")
        served = await stream_client(function).get("/echo")

    assert capture.handler_outcome == "timed_out"
    assert served.status == 203
    assert len((tmp_path / "started").read_text().splitlines()) == 1


async def test_the_server_ends_with_aclose_and_the_next_request_starts_another(tmp_path: Path) -> None:
    async with serving(tmp_path) as function:
        client = stream_client(function)
        first = await pid_of(client)
        await function.aclose()
        assert not runs(first)

        second = await pid_of(client)
        assert second != first
    assert not runs(second)


async def test_whoever_heard_of_a_server_may_end_it(tmp_path: Path) -> None:
    """As a fixture does; the next request starts another."""
    keepers: list[Any] = []
    async with serving(tmp_path) as function:
        function.on_pool = keepers.append
        client = stream_client(function)
        first = await pid_of(client)
        await keepers[0].end()
        assert not runs(first)

        assert await pid_of(client) != first


def test_the_server_ends_with_its_loop(tmp_path: Path) -> None:
    """Although nobody closes it."""
    (tmp_path / "server.py").write_text(PYTHON)
    function = web([sys.executable, "server.py"], cwd=tmp_path)
    pids = [stream_client(function).sync.get("/echo").json()["pid"] for _ in range(2)]

    assert len(set(pids)) == 2
    assert not any(runs(pid) for pid in pids)


KILLED = """
import asyncio, sys
from apptheory_emulator import web
from apptheory_testkit import stream_client

async def main():
    capture = await stream_client(web([sys.executable, "server.py"])).get("/echo")
    print(capture.json()["pid"], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_the_server_does_not_outlive_a_process_that_was_killed(tmp_path: Path) -> None:
    """SIGKILL leaves nobody the time to close anything."""
    (tmp_path / "server.py").write_text(PYTHON)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    assert runs(pid)
    process.kill()
    await process.wait()

    await until(lambda: not runs(pid))


async def test_the_server_ends_with_the_emulator_that_serves_it(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(PYTHON)
    function = web([sys.executable, "server.py"], cwd=tmp_path)
    async with aiohttp.ClientSession() as session, serve_function_url(function) as url:
        response = await session.get(f"{url}echo")
        pid = (await response.json())["pid"]
    assert not runs(pid)


@pytest.mark.parametrize("shell", [False, True], ids=["words", "shell"])
async def test_a_server_may_end_in_its_own_way(tmp_path: Path, shell: bool) -> None:
    """It is told by SIGTERM; a shell around it waits for it."""
    source = PYTHON.replace("web.run_app", "app.on_shutdown.append(ended)\nweb.run_app").replace(
        "app = web.Application()", "app = web.Application()\nasync def ended(app): open('ended', 'w').close()\n"
    )
    command = f"{sys.executable} server.py; echo after > after" if shell else None
    async with serving(tmp_path, source, command=command) as function:
        await stream_client(function).get("/echo")

    assert (tmp_path / "ended").exists()
    assert not (tmp_path / "after").exists()


async def test_a_shell_and_what_it_has_started_end_together(tmp_path: Path) -> None:
    """The whole group."""
    command = f"sleep 600 & echo $! > other; {sys.executable} server.py"
    async with serving(tmp_path, command=command) as function:
        pid = await pid_of(stream_client(function))
        other = int((tmp_path / "other").read_text())
        assert runs(other)

    await until(lambda: not runs(pid))
    await until(lambda: not runs(other))


# -- usage --------------------------------------------------------------------------------------


@pytest.mark.streaming(clock="virtual")
async def test_virtual_time_is_refused(tmp_path: Path) -> None:
    """A process knows no virtual time; nothing is started."""
    function: Any = web("touch started", cwd=tmp_path)
    with pytest.raises(UsageError, match=r"for real time, but the running loop is in virtual time"):
        await stream_client(function).get("/")
    for served in (serve_function_url(function).__aenter__(), function({}, None)):
        with pytest.raises(UsageError, match=r'@pytest.mark.streaming\(clock="real"\)'):
            await served
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"command": ""}, "web takes a command"),
        ({"command": []}, "web takes a command"),
        ({"command": ["a", 5]}, "web takes a command"),
        ({"command": None}, "web takes a command"),
        ({"ready_path": "health"}, "begins with a slash"),
        ({"port": 0}, "port is a number from 1 to 65535"),
        ({"port": 70_000}, "port is a number from 1 to 65535"),
        ({"ready_timeout": -1}, "timeout must be more than 0 seconds"),
        ({"cwd": "/no/such/folder"}, "cwd is no folder"),
        ({"name": " "}, "name is that of the function"),
        ({"env": {"A": 5}}, "must be text"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_option_that_cannot_be_is_refused_at_once(options: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        web(**{"command": "true", **options})


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("uvicorn app:app --port $PORT", "uvicorn"),
        ("A=1 exec ./bin/server.sh", "server"),
        (["node", "app.js"], "node"),
    ],
    ids=["shell", "exec", "list"],
)
def test_a_function_is_named_after_its_program(command: Any, name: str) -> None:
    assert web(command).function_name == name
    assert web(command, name="shop").function_name == "shop"


def test_a_server_that_was_never_asked_leaves_nothing_to_close() -> None:
    """Neither a process nor a session."""

    async def run() -> None:
        async with WebServer(web("true")._program):
            pass
        await web("true").aclose()

    asyncio.run(run())


# -- frameworks ---------------------------------------------------------------------------------


async def test_c15_fastapi_under_uvicorn(tmp_path: Path) -> None:
    """The command of the page."""
    command = f"{sys.executable} -m uvicorn app:app --port $PORT --log-level warning"
    async with serving(tmp_path, UVICORN, name="app.py", command=command) as function:
        client = stream_client(function)
        async with client.stream("GET", "/chat") as live:
            assert await anext(live) == b"token 0\n"
            await client.get("/open")
            assert [chunk async for chunk in live] == [b"token 1\n"]

    assert live.capture.headers["content-type"] == ["text/plain; charset=utf-8"]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
async def test_c15_the_http_server_of_node(tmp_path: Path) -> None:
    async with serving(tmp_path, NODE, name="server.cjs", command="node server.cjs") as function:
        client = stream_client(function)
        async with client.stream("GET", "/chat") as live:
            assert await anext(live) == b"token 0\n"
            await client.get("/open")
            assert [chunk async for chunk in live] == [b"token 1\n"]
        died = await client.get("/dies")

    assert (live.capture.status, live.capture.cookies) == (201, ["a=1", "b=2"])
    assert (died.body, died.delivery_outcome) == (b"token 0\n", "cut")
    assert died.error.message == "Runtime exited with error: exit status 3"
