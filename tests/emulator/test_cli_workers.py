"""The command with functions in processes of their own: Node, AWS's client, `--reload`, many at once, and the stop."""

import asyncio
import shlex
import signal
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from emulate_command import emulate
from light_workers import RUNTIME, open_gate, runs, until, write_handler
from raw_http import connect, fetch
from runtime_cases import STREAMED
from runtime_clients import HANDLERS, node, official_node_client
from token_gate import token_gate

SERVED = ("--port", "0", "--ready-json")

PYTHON = """
    from urllib.request import urlopen

    def handler(event, context):
        yield "old"
        if "queryStringParameters" in event:
            yield urlopen(event["queryStringParameters"]["gate"]).read().decode()
"""

NODE = """
    export const handler = awslambda.streamifyResponse(async (event, stream) => {
      stream.write("old");
      if (event.queryStringParameters) {
        stream.write(await (await fetch(event.queryStringParameters.gate)).text());
      }
      stream.end();
    });
"""


@pytest.mark.parametrize("kind", ["python", "node"])
async def test_a_change_of_the_file_is_served_and_a_stream_in_flight_finishes(tmp_path: Path, kind: str) -> None:
    """`--reload`: the old process ends behind its stream; there is room for the new one although only one may run."""
    if kind == "node":
        node()
    code = dedent({"python": PYTHON, "node": NODE}[kind])
    file = tmp_path / {"python": "app.py", "node": "index.mjs"}[kind]
    file.write_text(code)
    arguments = (f"{file.name}:handler", *SERVED, "--reload", "--concurrency", "1")
    async with token_gate() as gate, emulate(*arguments, cwd=tmp_path) as command:
        url = await command.url()
        async with connect(url) as client:
            await client.request("GET", f"/?gate={gate.url}")
            await client.read_head()
            assert await client.read_frame() == b"old"
            await gate.asked()

            served = await fetch(url)
            while served.status == 429:  # until the change is noticed
                file.write_text(code.replace("old", "new"))
                await asyncio.sleep(0.01)
                served = await fetch(url)
            assert (served.status, served.body) == (200, b"new")

            gate.give(" to its end")
            assert await client.read_frame() == b" to its end"
            assert await client.read_frame() is None
        finished = await command.stop()

    assert finished.code == 0
    assert f"{file.name} changed" in finished.stderr


@pytest.mark.parametrize("kind", ["node", "aws-lambda-ric"])
async def test_a_node_handler_by_its_file_or_by_the_client_of_aws(kind: str) -> None:
    """The same file, by its ending and by `--exec`."""
    node()
    official = ("--exec", shlex.join((*official_node_client(), "index.handler")))
    target = ("index.mjs:handler",) if kind == "node" else official
    case = next(case for case in STREAMED if case.path == "/head")
    async with emulate(*target, *SERVED, cwd=HANDLERS / "node") as command:
        response = await fetch(await command.url(), target=case.path)
        finished = await command.stop()

    assert (response.status, response.body) == (case.answer.status, case.answer.body)
    assert tuple(response.head.values("set-cookie")) == case.answer.cookies
    assert finished.code == 0
    assert "REPORT RequestId: " in finished.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_fifty_requests_at_once_one_more_and_nothing_left_behind_the_stop(
    tmp_path: Path, number: signal.Signals
) -> None:
    """`--concurrency 50`: a process for each, 429 for the fifty-first, and none of them is there in the end."""
    code = """
        import os, signal, sys

        sys.exit = lambda _: signal.pause()  # its runtime would end when the Runtime API is gone

        def handler(event):
            gate()
            yield str(os.getpid()).encode()
    """
    write_handler(tmp_path, code)
    run = shlex.join((sys.executable, "-I", "-S", str(RUNTIME), "handler.py"))
    options = ("--exec", run, "--concurrency", "50", "--env", f"GATE={tmp_path / 'gate'}")
    async with open_gate(tmp_path) as gate, emulate(*options, *SERVED, cwd=tmp_path) as command:
        url = await command.url()
        requests = [asyncio.create_task(fetch(url)) for _ in range(50)]
        held = {await gate.reached() for _ in requests}
        refused = await fetch(url)
        started = children_of(command.pid)
        gate.let_go()
        answered = {(await request).body.decode() for request in requests}
        finished = await command.stop(number)

    assert refused.status == 429
    assert answered == held
    assert len(held) == 50
    assert {int(pid) for pid in held} < started  # with the guardian
    await until(lambda: not any(runs(pid) for pid in started))
    assert finished.code == 0


async def test_a_stream_that_nobody_ends_is_cut_by_a_second_signal(tmp_path: Path) -> None:
    """Neither the command nor its worker stays."""
    write_handler(tmp_path, "import os\n\ndef handler(event):\n    yield str(os.getpid()).encode()\n    gate()\n")
    run = shlex.join((sys.executable, "-I", "-S", str(RUNTIME), "handler.py"))
    options = ("--exec", run, "--env", f"GATE={tmp_path / 'gate'}")
    async with open_gate(tmp_path) as gate, emulate(*options, *SERVED, cwd=tmp_path) as command:
        async with connect(await command.url()) as client:
            await client.request("GET")
            await client.read_head()
            pid = int(await gate.reached())
            assert await client.read_frame() == str(pid).encode()
            command.send(signal.SIGINT)
            await command.says("stopping")
            await command.stop(signal.SIGINT)
            assert await client.read_to_end() == b""  # without the last chunk
        await until(lambda: not runs(pid))


def children_of(parent: int) -> set[int]:
    """What a process has started."""
    tasks = Path(f"/proc/{parent}/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}
