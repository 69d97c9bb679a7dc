"""Which worker runs a request: one that is warm, else a new one, up to the concurrency of the function."""

import asyncio
import os
from pathlib import Path

import pytest
import uvloop

from apptheory_testkit import StreamClientFactory
from apptheory_testkit import stream_client as make_client
from light_workers import is_there, light_worker, open_gate, runs

pytestmark = pytest.mark.streaming(clock="real")

PID = """
    import os

    def handler(event):
        yield str(os.getpid()).encode()
"""

HELD = """
    import os

    def handler(event):
        gate()
        yield str(os.getpid()).encode()
"""


async def test_a_warm_worker_runs_the_next_request(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """Ten requests, one after the other, are one process, although its runtime is slower than the client."""
    client = stream_client(light_worker(tmp_path, PID))

    pids = {(await client.get("/")).text for _ in range(10)}

    assert len(pids) == 1


async def test_the_worker_used_last_is_the_first_to_be_used_again(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """So those that are not needed stay idle, and end."""
    async with open_gate(tmp_path) as gate:
        function = light_worker(tmp_path, HELD)
        client = stream_client(function)
        requests = {asyncio.create_task(client.get("/")) for _ in range(2)}
        first, last = await gate.reached(), await gate.reached()
        for name in (first, last):
            gate.let_go(name)
            done, requests = await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
            assert [task.result().text for task in done] == [name]
            await function.settled()
        again = asyncio.create_task(client.get("/"))

        assert await gate.reached() == last
        gate.let_go()
        await again


async def test_two_requests_at_once_run_on_two_workers(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """A worker runs one invocation at a time."""
    async with open_gate(tmp_path) as gate:
        client = stream_client(light_worker(tmp_path, HELD))
        requests = [asyncio.create_task(client.get("/")) for _ in range(2)]
        held = {await gate.reached(), await gate.reached()}
        gate.let_go()
        captures = await asyncio.gather(*requests)

    assert len(held) == 2
    assert {capture.text for capture in captures} == held


async def test_one_request_too_many_is_throttled(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """429, as on AWS, at once; and when a worker is free again, the next request has it."""
    async with open_gate(tmp_path) as gate:
        client = stream_client(light_worker(tmp_path, HELD, concurrency=2))
        requests = [asyncio.create_task(client.get("/")) for _ in range(2)]
        held = {await gate.reached(), await gate.reached()}

        refused = await client.get("/")
        assert refused.status == 429
        assert "as many as its concurrency allows" in str(refused.error)

        gate.let_go()
        await asyncio.gather(*requests)
        later = asyncio.create_task(client.get("/"))
        assert await gate.reached() in held
        gate.let_go()
        assert (await later).status == 200


async def test_fifty_requests_at_once_each_have_a_worker_and_the_next_is_throttled(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """And after the close, none of the fifty is left."""
    async with open_gate(tmp_path) as gate:
        function = light_worker(tmp_path, HELD, concurrency=50)
        client = stream_client(function)
        requests = [asyncio.create_task(client.get("/")) for _ in range(50)]
        held = {await gate.reached() for _ in requests}

        refused = await client.get("/")
        assert (refused.status, type(refused.error and refused.error.exception).__name__) == (429, "Throttled")

        gate.let_go()
        captures = await asyncio.gather(*requests)
        await function.aclose()

    assert {capture.text for capture in captures} == held
    assert len(held) == 50
    assert not any(runs(int(pid)) for pid in held)


async def test_a_worker_that_works_on_after_its_answer_is_not_given_another_request(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """It is free when its runtime asks for the next invocation; meanwhile another worker serves."""
    code = PID + "\n    def afterwards():\n        gate('afterwards')\n"
    async with open_gate(tmp_path) as gate:
        client = stream_client(light_worker(tmp_path, code))
        first = await client.get("/")
        assert await gate.reached() == "afterwards"

        second = asyncio.create_task(client.get("/"))
        await asyncio.wait({second})

        assert second.result().status == 200
        assert second.result().text != first.text
        gate.let_go()


async def test_an_idle_worker_ends(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """After `idle` seconds without a request its process is gone, and the next request has a new one."""
    function = light_worker(tmp_path, PID, idle=0)
    client = stream_client(function)
    first = await client.get("/")
    while runs(int(first.text)):
        await function.settled()
        await asyncio.sleep(0)

    assert (await client.get("/")).text != first.text


async def test_one_function_on_two_loops_has_workers_on_each(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """A process belongs to the loop that started it, and ends with that loop."""
    function = light_worker(tmp_path, PID)
    here = (await stream_client(function).get("/")).text

    there = await asyncio.to_thread(lambda: make_client(function).sync.get("/").text)

    assert here != there
    assert not runs(int(there))
    assert runs(int(here))
    assert int(here) != os.getpid()


def test_workers_need_nothing_of_asyncios_own_loop(tmp_path: Path) -> None:
    """Processes have other transports on uvloop: they are served, killed and waited for there too."""
    code = """
        import os

        def handler(event):
            print("printed", flush=True)
            yield str(os.getpid()).encode()
            if event["rawPath"] == "/exit":
                os._exit(1)
    """
    function = light_worker(tmp_path, code)
    client = make_client(function)

    async def requests() -> list[str]:
        warm = [(await client.get(path)).text for path in ("/", "/exit", "/")]
        await function.settled()
        return warm

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        first, again, other = runner.run(requests())

    assert first == again != other
    assert not is_there(int(other))
