"""The log of a worker: what it prints, by request, and the lines that Lambda writes around it."""

import asyncio
import logging
import re
from pathlib import Path

import pytest

from apptheory_testkit import StreamClientFactory
from light_workers import light_worker, open_gate

pytestmark = pytest.mark.streaming(clock="real")


@pytest.fixture(autouse=True)
def kept(caplog: pytest.LogCaptureFixture) -> None:
    """Keep what is logged of workers."""
    caplog.set_level(logging.INFO, "apptheory_emulator.worker")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of workers so far."""
    return [record.getMessage() for record in caplog.records if record.name == "apptheory_emulator.worker"]


async def test_start_end_and_report_stand_around_what_a_handler_prints(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As in CloudWatch; the first invocation of a worker shows its start, and is billed for it."""
    code = """
        import sys
        print("loading", flush=True)

        def handler(event):
            print("to stdout", flush=True)
            yield b"body"
            sys.stderr.write("no line break")
            sys.stderr.flush()
            print(", but here", file=sys.stderr, flush=True)
    """
    function = light_worker(tmp_path, code, memory=512)
    for _ in range(2):
        await stream_client(function).get("/")
        await function.settled()

    number = r"\d+\.\d\d ms"
    spent = rf"Duration: {number}\tBilled Duration: \d+ ms\tMemory Size: 512 MB\tMax Memory Used: \d+ MB"
    expected = [
        "light req_test_0001 loading",
        r"light START RequestId: req_test_0001 Version: \$LATEST",
        "light req_test_0001 to stdout",
        "light req_test_0001 no line break, but here",
        "light END RequestId: req_test_0001",
        rf"light REPORT RequestId: req_test_0001\t{spent}\tInit Duration: {number}",
        r"light START RequestId: req_test_0002 Version: \$LATEST",
        "light req_test_0002 to stdout",
        "light req_test_0002 no line break, but here",
        "light END RequestId: req_test_0002",
        rf"light REPORT RequestId: req_test_0002\t{spent}",
    ]
    found = lines(caplog)
    assert len(found) == len(expected), found
    for line, pattern in zip(found, expected, strict=True):
        assert re.fullmatch(pattern, line), line


async def test_a_line_without_its_break_belongs_to_the_invocation_that_began_it(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It stands before END, on both streams, and the next invocation has none of it."""
    code = """
        import sys
        sys.stdout.write("loading")
        sys.stdout.flush()

        def handler(event):
            yield b"body"
            for stream in (sys.stdout, sys.stderr):
                stream.write(stream.name + event["rawPath"])
                stream.flush()
    """
    function = light_worker(tmp_path, code)
    for path in ("/one", "/two"):
        await stream_client(function).get(path)
        await function.settled()

    said = [line.removeprefix("light ") for line in lines(caplog) if "REPORT" not in line]
    assert said == [
        "req_test_0001 loading",
        "START RequestId: req_test_0001 Version: $LATEST",
        "req_test_0001 <stdout>/one",
        "req_test_0001 <stderr>/one",
        "END RequestId: req_test_0001",
        "START RequestId: req_test_0002 Version: $LATEST",
        "req_test_0002 <stdout>/two",
        "req_test_0002 <stderr>/two",
        "END RequestId: req_test_0002",
    ]


async def test_lines_of_workers_that_run_at_once_name_their_requests(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The request id is in the text, and in the record for whoever writes other formats."""
    code = """
        def handler(event):
            gate(event["rawPath"])
            print(event["rawPath"], flush=True)
            yield b"done"
    """
    async with open_gate(tmp_path) as gate:
        function = light_worker(tmp_path, code)
        client = stream_client(function)
        requests = [
            asyncio.create_task(client.get(f"/{name}", headers={"x-request-id": name})) for name in ("one", "two")
        ]
        assert {await gate.reached(), await gate.reached()} == {"/one", "/two"}
        gate.let_go()
        await asyncio.gather(*requests)
        await function.settled()

    assert {"light one /one", "light two /two"} <= set(lines(caplog))
    tagged = {
        (record.__dict__["function_name"], record.__dict__["request_id"])
        for record in caplog.records
        if record.getMessage().endswith(" /two")
    }
    assert tagged == {("light", "two")}


async def test_ten_megabytes_on_stderr_hold_nothing_up(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A pipe that nobody reads would stop the handler; every line is there, before END."""
    code = """
        import sys

        def handler(event):
            yield b"before"
            for number in range(10_000):
                sys.stderr.write(f"{number:05} {'x' * 1000}\\n")
            yield b" after"
    """
    function = light_worker(tmp_path, code)

    capture = await stream_client(function).get("/")
    await function.settled()

    assert capture.text == "before after"
    found = [line for line in lines(caplog) if line.startswith("light req_test_0001 ")]
    assert [line[20:25] for line in found] == [f"{number:05}" for number in range(10_000)]
    assert lines(caplog)[-2] == "light END RequestId: req_test_0001"


async def test_thousands_of_lines_at_once_stand_before_the_end(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Printed in one piece, when the response is over and before the runtime asks for more."""
    code = """
        def handler(event):
            yield b"done"

        def afterwards():
            print("line\\n" * 5000, end="", flush=True)
    """
    function = light_worker(tmp_path, code)

    await stream_client(function).get("/")
    await function.settled()

    found = lines(caplog)
    assert found[1:-2] == ["light req_test_0001 line"] * 5000
    assert found[-2] == "light END RequestId: req_test_0001"


async def test_what_a_runtime_says_when_it_cannot_start_is_in_the_log(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It has a moment for its last words, behind its report."""
    function = light_worker(tmp_path, 'raise ValueError("no such table")')

    capture = await stream_client(function).get("/")
    await function.settled()

    assert capture.status == 502
    found = lines(caplog)
    assert found[0] == "light req_test_0001 cannot start: no such table"
    assert found[1:3] == [
        "light START RequestId: req_test_0001 Version: $LATEST",
        "light END RequestId: req_test_0001",
    ]
    assert found[3].endswith("\tStatus: error\tError Type: ValueError")


async def test_a_line_of_ten_megabytes_is_cut(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """64 KB of it are kept, and the rest is counted; the next line is whole."""
    code = """
        def handler(event):
            yield b"before"
            print("x" * 10_000_000, flush=True)
            print("next", flush=True)
            yield b" after"
    """
    function = light_worker(tmp_path, code)

    capture = await stream_client(function).get("/")
    await function.settled()

    assert capture.text == "before after"
    long, after = (line.removeprefix("light req_test_0001 ") for line in lines(caplog)[1:3])
    assert long == "x" * 65536 + f"… ({10_000_000 - 65536} bytes more)"
    assert after == "next"


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("os._exit(7)", "RequestId: req_test_0001 Error: Runtime exited with error: exit status 7 Runtime.ExitError"),
        ("os._exit(0)", "RequestId: req_test_0001 Error: Runtime exited without providing a reason Runtime.ExitError"),
        ("os.abort()", "RequestId: req_test_0001 Error: Runtime exited with error: signal: aborted Runtime.ExitError"),
        (
            "os.kill(os.getpid(), 11)",
            "RequestId: req_test_0001 Error: Runtime exited with error: signal: segmentation fault Runtime.ExitError",
        ),
    ],
    ids=["status", "success", "abort", "segmentation-fault"],
)
async def test_the_end_of_a_process_is_told_in_the_words_of_lambda(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture, end: str, words: str
) -> None:
    """What it printed last stands before."""
    code = f"""
        import os, resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        def handler(event):
            yield b"chunk"
            print("last words", flush=True)
            {end}
    """
    function = light_worker(tmp_path, code)

    capture = await stream_client(function).get("/")
    await function.settled()

    assert capture.error is not None
    found = lines(caplog)
    assert found[-4:-1] == ["light req_test_0001 last words", f"light {words}", "light END RequestId: req_test_0001"]
    assert found[-1].endswith("\tStatus: error\tError Type: Runtime.ExitError")


async def test_a_timeout_is_told_in_the_words_of_lambda(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the time that the function is set to have, not with what was left of it for the worker (E5)."""
    code = """
        import time

        def handler(event):
            time.sleep(1000)
    """
    function = light_worker(tmp_path, code)

    capture = await stream_client(function, timeout=0.25).get("/")
    await function.settled()

    assert capture.error is not None
    found = lines(caplog)
    assert found[-3] == "light req_test_0001 Task timed out after 0.25 seconds"
    assert found[-2] == "light END RequestId: req_test_0001"
    assert found[-1].endswith("\tStatus: timeout")


async def test_an_error_that_a_runtime_reports_is_in_its_report(
    stream_client: StreamClientFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Status and error type, as Lambda counts them."""
    code = """
        def handler(event):
            raise ValueError("no")
    """
    function = light_worker(tmp_path, code)

    capture = await stream_client(function).get("/")
    await function.settled()

    assert capture.error is not None
    assert lines(caplog)[-1].endswith("\tStatus: error\tError Type: ValueError")


async def test_the_last_lines_are_written_when_the_loop_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`asyncio.run` cancels all that is left; a runtime that has answered is still heard out."""
    from apptheory_testkit import stream_client as make

    function = light_worker(tmp_path, "def handler(event):\n    yield b'x'\n")

    await asyncio.to_thread(lambda: make(function).sync.get("/"))

    assert lines(caplog)[-2] == "light END RequestId: req_test_0001"
