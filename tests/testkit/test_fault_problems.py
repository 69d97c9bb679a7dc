"""Strict mode is for what a test did not ask for by its fault."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_streaming import StreamingResponse, text_stream
from apptheory_testkit.faults import (
    Fault,
    cancel,
    deadline,
    disconnect,
    limit,
    seconds,
    slow_reader,
    stall,
)
from disturbed import KINDS, Steps, get_disturbed, virtual_client

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@EVERY_KIND
@pytest.mark.parametrize(
    "fault", [disconnect(at=2), cancel(at=2), cancel(at=seconds(1.5)), deadline(1.5), limit(4)], ids=str
)
def test_what_a_fault_caused_is_no_problem_of_the_handler(kind: str, fault: Fault) -> None:
    """Strict mode is for what the test did not ask for."""
    for on_disconnect in ("continue", "cancel"):
        assert get_disturbed(Steps(), kind, fault, on_disconnect=on_disconnect).unseen_problems() == []


@pytest.mark.parametrize("fault", [disconnect(at=1), cancel(at=1), deadline(2.5)], ids=str)
def test_f3_a_late_mutation_before_it_still_is(fault: Fault) -> None:
    """F3: the fault is no excuse for it."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        response = text_stream(None)

        async def body() -> AsyncIterator[str]:
            response.headers["x-late"] = "1"
            yield "x"
            await asyncio.sleep(5)

        response.body = body()
        return response

    problems = virtual_client(handler).sync.get(fault=fault).unseen_problems()

    assert [problem.split(" changed")[0] for problem in problems] == ["late mutation: header 'x-late'"]


@pytest.mark.parametrize("fault", [disconnect(at=9), slow_reader(100), stall(at=1, seconds=2), limit(100)], ids=str)
def test_a_late_error_that_the_fault_did_not_cause_still_is(fault: Fault) -> None:
    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "x"
        raise ValueError("broken")

    assert virtual_client(handler).sync.get(fault=fault).unseen_problems() == [
        "late error after 1 chunk: app.internal: ValueError: broken"
    ]
