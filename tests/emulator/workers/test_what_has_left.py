"""W1: what a sync handler has written is on its way before it goes on, whatever it does next."""

import os
from pathlib import Path
from textwrap import dedent

import pytest

from apptheory_emulator import WorkerClientFactory
from apptheory_streaming.wire.outcome import DeliveryKind

CODE = """
    import ctypes
    import os

    from apptheory_streaming import streamify_response

    CHUNKS = ("one ", "two ", "three")


    def exits(event, context):
        yield from CHUNKS
        os._exit(0)


    @streamify_response
    def exits_too(event, stream, context):
        for chunk in CHUNKS:
            stream.write(chunk)
        os._exit(0)


    def keeps_the_interpreter(event, context):
        yield "first"
        ctypes.PyDLL(None).open(os.environ["GATE"].encode(), os.O_RDONLY)  # a PyDLL does not let other threads run
        yield "second"
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "job.py").write_text(dedent(CODE))
    return tmp_path


@pytest.mark.parametrize("handler", ["exits", "exits_too"])
async def test_the_chunks_of_a_process_that_ends_right_after_them(
    worker_client: WorkerClientFactory, code: Path, handler: str
) -> None:
    """E3b: they reach the client, whose response is cut behind them."""
    capture = await worker_client("python", f"job.py:{handler}", cwd=code).get("/")

    assert capture.body == b"one two three"
    assert capture.delivery_outcome.kind is DeliveryKind.CUT


async def test_a_chunk_before_a_call_that_lets_no_other_thread_run(
    worker_client: WorkerClientFactory, code: Path
) -> None:
    """W1: the client has the first chunk while the handler works on the second."""
    gate = code / "gate"
    os.mkfifo(gate)
    client = worker_client("python", "job.py:keeps_the_interpreter", cwd=code, env={"GATE": str(gate)})

    async with client.stream("GET", "/") as live:
        assert await anext(live) == b"first"
        with gate.open("w"):
            assert await anext(live) == b"second"
