"""Workers that die, hang, or never begin: what the client gets, and that the next request is served."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from apptheory_streaming.errors import FunctionTimeout, RuntimeExit, RuntimeFailure
from apptheory_streaming.wire.outcome import DeliveryKind, HandlerKind
from apptheory_testkit import StreamCapture, StreamClient, StreamClientFactory
from light_workers import light_worker, open_gate, runs, until, write_handler

pytestmark = pytest.mark.streaming(clock="real")


PID = """
    import os

    def handler(event):
        yield str(os.getpid()).encode()
"""

BY_PATH = """
    import os, time

    def handler(event):
        path = event["rawPath"]
        if path == "/early":
            gate()
        if path == "/early-exit":
            os._exit(3)
        if path == "/early-hang":
            time.sleep(1000)
        yield str(os.getpid()).encode()
        if path == "/late":
            gate()
        if path == "/late-exit":
            os._exit(0)
        if path == "/late-hang":
            time.sleep(1000)
        yield b" end"
"""


async def assert_served_anew(client: StreamClient, before: str | None) -> None:
    """The next request is served, by another process."""
    capture = await client.get("/")

    assert (capture.status, capture.text.endswith(" end")) == (200, True)
    assert capture.text.removesuffix(" end") != before


async def test_killed_before_its_first_byte(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """502 with the words of AWS (E3b, E2b)."""
    async with open_gate(tmp_path) as gate:
        client = stream_client(light_worker(tmp_path, BY_PATH))
        request = asyncio.create_task(client.get("/early"))
        pid = await gate.reached()
        os.kill(int(pid), signal.SIGKILL)
        capture = await request

        assert (capture.status, capture.body) == (502, b"Internal Server Error")
        assert failure_of(capture) == "RequestId: req_test_0001 Error: Runtime exited with error: signal: killed"
        await assert_served_anew(client, pid)


async def test_killed_in_the_middle_of_its_stream(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """The response is cut, whatever `late_errors` says (E3b); the chunks before stay."""
    async with open_gate(tmp_path) as gate:
        client = stream_client(light_worker(tmp_path, BY_PATH))
        async with client.stream("GET", "/late") as live:
            pid = (await anext(live)).decode()
            assert await gate.reached() == pid
            os.kill(int(pid), signal.SIGKILL)
            assert [chunk async for chunk in live] == []

        assert live.capture.delivery_outcome.kind is DeliveryKind.CUT
        assert failure_of(live.capture).endswith("Runtime exited with error: signal: killed")
        await assert_served_anew(client, pid)


async def test_killed_behind_its_stream(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """The response was complete; the next request is not given to what died meanwhile."""
    function = light_worker(tmp_path, BY_PATH)
    client = stream_client(function)
    first = await client.get("/")
    await function.settled()
    pid = first.text.removesuffix(" end")
    os.kill(int(pid), signal.SIGKILL)
    await until(lambda: not runs(int(pid)))

    assert first.delivery_outcome.kind is DeliveryKind.COMPLETE
    await assert_served_anew(client, pid)


async def test_an_exit_before_the_first_byte(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """502, Runtime.ExitError with the exit status (E3b)."""
    client = stream_client(light_worker(tmp_path, BY_PATH))

    capture = await client.get("/early-exit")

    assert capture.status == 502
    assert failure_of(capture) == "RequestId: req_test_0001 Error: Runtime exited with error: exit status 3"
    await assert_served_anew(client, None)


async def test_an_exit_without_an_error_in_the_middle_of_a_stream(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """Even status 0 cuts the response: it never came to its end (E3b)."""
    client = stream_client(light_worker(tmp_path, BY_PATH))

    capture = await client.get("/late-exit")

    assert capture.delivery_outcome.kind is DeliveryKind.CUT
    assert failure_of(capture) == "RequestId: req_test_0001 Error: Runtime exited without providing a reason"
    await assert_served_anew(client, capture.text)


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
async def test_a_handler_that_never_ends(stream_client: StreamClientFactory, tmp_path: Path, late: bool) -> None:
    """At its deadline: 502 before the first byte, cut behind it; the process is killed (E5)."""
    function = light_worker(tmp_path, BY_PATH)
    client = stream_client(function)
    warm = (await client.get("/")).text.removesuffix(" end")

    capture = await stream_client(function, timeout=0.3).get("/late-hang" if late else "/early-hang")

    assert capture.status == (200 if late else 502)
    assert capture.delivery_outcome.kind is (DeliveryKind.CUT if late else DeliveryKind.COMPLETE)
    assert capture.handler_outcome.kind is HandlerKind.TIMED_OUT
    assert capture.error is not None
    assert isinstance(capture.error.exception, FunctionTimeout)
    await function.settled()
    assert not runs(int(warm))
    await assert_served_anew(client, warm)


async def test_an_initialisation_that_fails_is_tried_again_at_the_next_request(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """Each gets 502 with the runtime's own words; once the file is repaired, requests are served."""
    client = stream_client(light_worker(tmp_path, 'raise ValueError("no such table")'))
    for _ in range(2):
        capture = await client.get("/")
        assert (capture.status, failure_of(capture, RuntimeFailure)) == (502, "no such table")

    write_handler(tmp_path, BY_PATH)

    await assert_served_anew(client, None)


async def test_an_initialisation_that_exits(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """502, and the status that the process had."""
    capture = await stream_client(light_worker(tmp_path, "import os; os._exit(9)")).get("/")

    assert (capture.status, failure_of(capture)) == (
        502,
        "RequestId: req_test_0001 Error: Runtime exited with error: exit status 9",
    )


async def test_an_initialisation_that_never_ends(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """It takes of the time of its request, and ends with it (E5); the next one starts another process."""
    async with open_gate(tmp_path) as gate:
        function = light_worker(tmp_path, "gate()")
        capture = await stream_client(function, timeout=0.3).get("/")
        pid = await gate.reached()
        await function.settled()

        assert (capture.status, capture.handler_outcome.kind) == (502, HandlerKind.TIMED_OUT)
        assert not runs(int(pid))
        write_handler(tmp_path, BY_PATH)
        await assert_served_anew(stream_client(function), pid)


async def test_a_client_that_leaves_lets_its_worker_run_on(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """`continue`, as on AWS: the handler comes to its end, and its process serves the next (E4)."""
    async with open_gate(tmp_path) as gate:
        client = stream_client(light_worker(tmp_path, BY_PATH))
        async with client.stream("GET", "/late") as live:
            pid = (await anext(live)).decode()
            await gate.reached()
            await live.disconnect()
            gate.let_go()

        assert live.capture.handler_outcome.kind is HandlerKind.ENDED
        assert live.capture.delivery_outcome.kind is DeliveryKind.CLIENT_GONE
        assert (await client.get("/")).text == f"{pid} end"


async def test_a_client_that_leaves_can_end_its_worker(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """`cancel`: what runs for nobody is killed (E4)."""
    async with open_gate(tmp_path) as gate:
        function = light_worker(tmp_path, BY_PATH)
        client = stream_client(function, on_disconnect="cancel")
        async with client.stream("GET", "/late") as live:
            pid = (await anext(live)).decode()
            await gate.reached()
            await live.disconnect()
        await function.settled()

        assert live.capture.handler_outcome.kind is HandlerKind.CANCELLED
        assert not runs(int(pid))
        await assert_served_anew(client, pid)


async def test_errors_that_a_runtime_reports_leave_its_worker_warm(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """502 before the first byte (E2b); behind it the chunks so far and a clean end (E3)."""
    code = """
        import os

        def handler(event):
            if event["rawPath"] == "/early":
                raise ValueError("early")
            yield str(os.getpid()).encode()
            if event["rawPath"] == "/late":
                raise ValueError("late")
    """
    client = stream_client(light_worker(tmp_path, code))
    warm = await client.get("/")
    early = await client.get("/early")
    late = await client.get("/late")

    assert (early.status, failure_of(early, RuntimeFailure)) == (502, "early")
    assert (late.status, late.text, failure_of(late, RuntimeFailure)) == (200, warm.text, "late")
    assert late.delivery_outcome.kind is DeliveryKind.COMPLETE
    assert late.stream_error_code == "app.internal"
    assert (await client.get("/")).text == warm.text


async def test_a_worker_that_works_on_beyond_the_time_of_its_request_is_killed(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """Its client has the whole response already."""
    code = PID + "\n    def afterwards():\n        gate()\n"
    async with open_gate(tmp_path):
        function = light_worker(tmp_path, code)
        client = stream_client(function, timeout=0.3)
        while (capture := await client.get("/")).handler_outcome.kind is not HandlerKind.ENDED:
            await function.settled()  # the machine is busy: the time was over before the answer
        await function.settled()

    assert not runs(int(capture.text))


def failure_of(capture: StreamCapture, kind: type[Exception] = RuntimeExit) -> str:
    """The text of an error that the handler ended with."""
    assert capture.error is not None
    assert type(capture.error.exception) is kind
    return str(capture.error.exception)
