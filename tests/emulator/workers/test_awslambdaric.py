"""AWS's own Python runtime client, as a process, talks to the Runtime API (buffered: it cannot stream)."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from apptheory_emulator.workers.runtime_api import RuntimeApi
from apptheory_streaming.errors import RuntimeExit, RuntimeFailure
from runtime_wire import invocation, read_all, running_api, within

pytestmark = [
    pytest.mark.streaming(clock="real"),
    pytest.mark.skipif(sys.platform != "linux", reason="the suite installs awslambdaric on Linux alone"),
]

HANDLERS = """
import os


def echo(event, context):
    return {"event": event, "id": context.aws_request_id, "client": context.client_context.custom}


def fails(event, context):
    raise ValueError("no such chat")


def streams(event, context):
    yield "a"


def large(event, context):
    return "x" * event["size"]


def leaves(event, context):
    os._exit(3)
"""


@asynccontextmanager
async def runtime(api: RuntimeApi, folder: Path, handler: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the client with a handler, and tell the API of its end."""
    (folder / "handlers.py").write_text(HANDLERS)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "awslambdaric", handler),
        cwd=folder,
        env={**os.environ, "AWS_LAMBDA_RUNTIME_API": api.address, "LAMBDA_TASK_ROOT": str(folder)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def watch() -> None:
        status = await process.wait()
        api.worker_gone(RuntimeExit(f"exit status {status}"))

    watching = asyncio.create_task(watch())
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await within(watching)


async def test_a_buffered_handler(tmp_path: Path) -> None:
    """It gets event and context, its answer is JSON, and it asks for the next invocation: three times."""
    async with running_api() as api, runtime(api, tmp_path, "handlers.echo"):
        await within(api.initialised())
        for number in range(3):
            request = invocation(f"req-{number}", b'{"n":%d}' % number, client_context='{"custom":{"a":"\\u00e4"}}')
            answer = await within(api.invoke(request))
            assert (answer.content_type, answer.streaming) == ("application/json", False)
            assert json.loads(await read_all(answer)) == {
                "event": {"n": number},
                "id": f"req-{number}",
                "client": {"a": "ä"},
            }
            await within(api.idle())


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("handlers.fails", "ValueError", "no such chat"),
        ("handlers.streams", "Runtime.MarshalError", "not JSON serializable"),
    ],
)
async def test_a_handler_that_fails(tmp_path: Path, handler: str, error_type: str, message: str) -> None:
    """Its error is reported, a generator is one for it, and the process lives on."""
    async with running_api() as api, runtime(api, tmp_path, handler):
        for number in range(2):
            with pytest.raises(RuntimeFailure, match=message) as caught:
                await within(api.invoke(invocation(f"req-{number}")))
            assert caught.value.error_type == error_type
            await within(api.idle())


async def test_a_handler_that_is_not_there(tmp_path: Path) -> None:
    """The error comes before the process ends, and is what counts."""
    async with running_api() as api, runtime(api, tmp_path, "nowhere.handler") as process:
        with pytest.raises(RuntimeFailure, match="nowhere") as caught:
            await within(api.initialised())
        assert caught.value.error_type == "Runtime.ImportModuleError"
        await within(process.wait())
        with pytest.raises(RuntimeFailure):
            await within(api.invoke(invocation()))


async def test_a_large_answer_and_one_that_is_too_large(tmp_path: Path) -> None:
    """5 MiB pass (its client asks with Expect: 100-continue), 7 MiB fail with Lambda's words."""
    async with running_api() as api, runtime(api, tmp_path, "handlers.large"):
        answer = await within(api.invoke(invocation("req-1", b'{"size":5242880}')))
        assert len(await read_all(answer)) == 5_242_882
        with pytest.raises(RuntimeFailure, match="exceeded maximum allowed payload size") as caught:
            await within(api.invoke(invocation("req-2", b'{"size":7340032}')))
        assert caught.value.error_type == "Function.ResponseSizeTooLarge"


async def test_a_handler_that_ends_its_process(tmp_path: Path) -> None:
    """E3b: the invocation that it had fetched gets the reason."""
    async with running_api() as api, runtime(api, tmp_path, "handlers.leaves"):
        with pytest.raises(RuntimeExit, match="exit status 3"):
            await within(api.invoke(invocation()))
