"""`reload=True`: after a file has changed, requests get new workers; those that run come to their end."""

import asyncio
import os
from pathlib import Path

import pytest

from apptheory_emulator import worker
from apptheory_streaming.errors import UsageError
from apptheory_testkit import StreamClientFactory
from light_workers import light_worker, open_gate, runs, until, write_handler

pytestmark = pytest.mark.streaming(clock="real")

OLD = """
    import os

    def handler(event):
        yield f"old {os.getpid()}".encode()
        if event["rawPath"] == "/held":
            gate()
            yield b" to its end"
"""
NEW = OLD.replace("old", "new")


async def test_a_change_replaces_workers_and_lets_streams_in_flight_finish(
    stream_client: StreamClientFactory, tmp_path: Path
) -> None:
    """With a concurrency of one, for an old worker no longer counts."""
    async with open_gate(tmp_path) as gate:
        function = light_worker(tmp_path, OLD, reload=True, concurrency=1)
        client = stream_client(function)
        async with client.stream("GET", "/held") as live:
            first = await anext(live)
            pid = await gate.reached()
            assert first == f"old {pid}".encode()

            served = None
            while served is None or served.status == 429:  # until the change is noticed
                write_handler(tmp_path, NEW)
                served = await client.get("/")
                await asyncio.sleep(0.01)
            assert served.text.startswith("new ")

            gate.let_go()
            assert [chunk async for chunk in live] == [b" to its end"]
        await until(lambda: not runs(int(pid)))


async def test_without_it_a_change_is_not_seen(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """A warm worker stays."""
    client = stream_client(light_worker(tmp_path, OLD))
    before = await client.get("/")
    write_handler(tmp_path, NEW)

    assert (await client.get("/")).text == before.text
    assert str(os.getpid()) not in before.text


async def test_an_idle_worker_is_replaced_too(stream_client: StreamClientFactory, tmp_path: Path) -> None:
    """Its process ends at the change, not at the next request."""
    function = light_worker(tmp_path, OLD, reload=True)
    client = stream_client(function)
    pid = int((await client.get("/")).text.removeprefix("old "))

    def changed() -> bool:
        write_handler(tmp_path, NEW)
        return not runs(pid)

    await until(changed)
    assert (await client.get("/")).text.startswith("new ")


def test_missing_watchfiles_is_named_when_the_worker_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the first request comes."""
    # A package cannot be taken away from a process that has it: the search for it finds nothing instead.
    monkeypatch.setattr("apptheory_emulator.workers.worker.find_spec", lambda _name: None)
    (tmp_path / "app.py").write_text("def handler(event, context):\n    yield 'x'\n")

    with pytest.raises(UsageError, match="reload needs watchfiles: pip install"):
        worker("app.py:handler", cwd=tmp_path, reload=True)
