"""What a Node handler does to its stream, and what the Runtime API sees of it: our runtime's, and the official client's.

The cases are those in which a handler can surprise: each is run by both, and where they differ
the table says what the official client does.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from apptheory_emulator.workers.instance import WorkerInstance
from apptheory_streaming.errors import RuntimeFailure
from node_cases import CASES, OCTETS, Case, Seen
from runtime_clients import BOOTSTRAP, node, official_node_client, running, see
from token_gate import token_gate

HERE = Path(__file__).parent
OPEN_SECONDS = 0.3
"""So long a stream that is open is watched; a slow machine only makes the test see less."""


@asynccontextmanager
async def cases_in(command: tuple[str, ...]) -> AsyncIterator[WorkerInstance]:
    """Run the handler of all cases."""
    async with running(command, "node_cases.handler", HERE) as runtime:
        yield runtime


def bootstrap(*, newer: bool = False) -> tuple[str, ...]:
    """The command of our runtime."""
    return (node(newer=newer), str(BOOTSTRAP))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_case_ends_as_the_table_says(case: Case) -> None:
    """E3, E3b, F6: head, bytes and errors of each."""
    async with cases_in(bootstrap()) as runtime:
        assert await see(runtime, {"case": case.name}) == case.seen


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_official_client_does_the_same_or_what_the_table_names(case: Case) -> None:
    """AWS's own client is the measure of ours."""
    async with cases_in(official_node_client()) as runtime:
        assert await see(runtime, {"case": case.name}) == (case.official or case.seen)


async def test_one_process_of_a_newer_node_runs_all_that_it_survives() -> None:
    """Nothing of an invocation is left to the next."""
    survived = [case for case in CASES if not case.dies]
    async with cases_in(bootstrap(newer=True)) as runtime:
        for number, case in enumerate(survived):
            seen = await see(runtime, {"case": case.name}, request_id=f"req-{number}")

            assert (case.name, seen) == (case.name, case.seen)
            await runtime.api.idle()


@pytest.mark.parametrize("case", [case for case in CASES if case.dies], ids=lambda case: case.name)
async def test_a_newer_node_dies_as_the_older(case: Case) -> None:
    """E3b."""
    async with cases_in(bootstrap(newer=True)) as runtime:
        assert await see(runtime, {"case": case.name}) == case.seen


@pytest.mark.parametrize("command", [bootstrap, official_node_client], ids=["ours", "official"])
@pytest.mark.parametrize(("case", "sent"), [("never_ends", b"a"), ("does_nothing", b"")])
async def test_a_stream_that_nobody_ends_stays_open(
    command: Callable[[], tuple[str, ...]], case: str, sent: bytes
) -> None:
    """E5: it waits for the timeout, also when nothing is left to do in the process."""
    async with cases_in(command()) as runtime, token_gate() as gate:
        seeing = asyncio.create_task(see(runtime, {"case": case, "gate": gate.url}))
        await gate.asked()
        gate.give("go on")
        await asyncio.wait({seeing}, timeout=OPEN_SECONDS)

        assert not seeing.done()
        runtime.api.abandon()
        assert await seeing == Seen("exit", OCTETS if sent else "", body=sent)


async def test_a_head_that_aws_would_lose_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """F6: what is kept here, and not there, is said once."""
    caplog.set_level(logging.INFO)
    async with cases_in(bootstrap()) as runtime:
        await see(runtime, {"case": "end_only"})
        await runtime.api.idle()
        await see(runtime, {"case": "end_with_data"})
        await runtime.output_taken()

    assert caplog.text.count('the Node runtime of AWS loses this head. Call write("") before end().') == 1


async def test_a_handler_that_cannot_be_started_is_an_init_error() -> None:
    """The official client says the same of what it cannot load."""
    for command in (bootstrap(), official_node_client()):
        with pytest.raises(RuntimeFailure) as failure:
            async with running(command, "node_cases.nobody", HERE):
                pass

        assert failure.value.error_type == "Runtime.HandlerNotFound"
        assert str(failure.value).startswith("node_cases.nobody is undefined or not exported")
