"""How long a worker may take, and of how many seconds its log speaks (E5)."""

import asyncio

import pytest

from apptheory_emulator.workers.time_limit import TimeLimit
from apptheory_streaming import LambdaContext


@pytest.mark.usefixtures("virtual_clock")
async def test_what_has_passed_before_counts_and_is_not_told() -> None:
    """E5: Lambda's words have the seconds that the function is set to have, whatever was left of them."""
    now = asyncio.get_running_loop().time
    context = LambdaContext.for_function("f", request_id="r", timeout=3, now=now)
    await asyncio.sleep(1)

    limit = TimeLimit.of_context(context)

    assert limit.configured == 3
    assert limit.deadline == pytest.approx(now() + 2, abs=0.002)
    await asyncio.sleep(1.9)
    assert not limit.over
    await asyncio.sleep(0.2)
    assert limit.over


@pytest.mark.usefixtures("virtual_clock")
async def test_a_context_of_somebody_else_tells_what_is_left() -> None:
    """Its clock may be any callable."""
    context = LambdaContext(aws_request_id="r", remaining_seconds=lambda: 1.5)

    assert TimeLimit.of_context(context).configured == 1.5
