"""Variables are there while a call runs and gone after, also when calls overlap."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import pytest

from apptheory_streaming.environment import environment
from apptheory_testkit import stream_client

NAME = "APPTHEORY_TEST_VARIABLE"


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)


async def show(event: Any, context: Any) -> AsyncIterator[str]:
    """Yield the variable before and after others had their turn."""
    yield os.environ.get(NAME, "unset")
    await asyncio.sleep(0)
    yield os.environ.get(NAME, "unset")


async def test_a_handler_sees_the_variables_of_its_client_while_it_runs() -> None:
    capture = await stream_client(show, env={NAME: "here"}).get()

    assert capture.chunks == [b"here", b"here"]
    assert NAME not in os.environ


async def test_a_value_that_was_there_before_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "before")

    capture = await stream_client(show, env={NAME: "during"}).invoke({})

    assert capture.chunks == [b"during", b"during"]
    assert os.environ[NAME] == "before"


async def test_variables_are_restored_after_a_handler_that_fails() -> None:
    async def failing(event: Any, context: Any) -> None:
        raise ValueError(os.environ[NAME])

    capture = await stream_client(failing, env={NAME: "here"}).get()

    assert capture.error is not None
    assert capture.error.message == "here"
    assert NAME not in os.environ


async def test_variables_are_restored_after_a_call_that_is_cancelled() -> None:
    entered = asyncio.Event()

    async def waiting(event: Any, context: Any) -> None:
        entered.set()
        await asyncio.Event().wait()

    call = asyncio.create_task(stream_client(waiting, env={NAME: "here"}).get())
    await entered.wait()
    assert os.environ[NAME] == "here"
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert NAME not in os.environ


async def test_a_live_stream_has_the_variables_until_its_handler_ends() -> None:
    """And gives them back when the block is left, whether at the end or before."""
    client = stream_client(show, env={NAME: "here"})

    async with client.stream("GET") as live:
        assert [chunk async for chunk in live] == [b"here", b"here"]
    assert NAME not in os.environ

    async with client.stream("GET") as live:
        assert await anext(live) == b"here"
    assert NAME not in os.environ


async def test_concurrent_calls_leave_nothing_behind() -> None:
    """The second call begins before and ends after the end of the first."""
    client = stream_client(show, env={NAME: "here"})

    first, second = await asyncio.gather(client.get(), client.get())

    assert first.chunks == second.chunks == [b"here", b"here"]
    assert NAME not in os.environ


def test_an_import_string_is_imported_with_the_variables(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module may read its settings while it is imported."""
    (tmp_path / "app_with_settings.py").write_text(
        f"import os\nSETTING = os.environ[{NAME!r}]\nasync def handler(event, context):\n    yield SETTING\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    capture = stream_client("app_with_settings:handler", env={NAME: "here"}).sync.get()

    assert capture.text == "here"


def test_blocks_may_be_left_in_the_order_they_were_entered() -> None:
    """The later of two blocks wins until it is left; then the value from before both comes back."""
    first, second = ExitStack(), ExitStack()
    first.enter_context(environment({NAME: "first"}))
    second.enter_context(environment({NAME: "second"}))

    assert os.environ[NAME] == "second"
    first.close()
    assert os.environ[NAME] == "second"
    second.close()
    assert NAME not in os.environ


def test_a_block_within_a_block_gives_way_to_it() -> None:
    with environment({NAME: "outer"}):
        with environment({NAME: "inner"}):
            assert os.environ[NAME] == "inner"
        assert os.environ[NAME] == "outer"
    assert NAME not in os.environ


def test_a_value_that_is_no_text_leaves_the_environment_alone() -> None:
    values: dict[str, Any] = {NAME: "text", f"{NAME}_2": 1}

    with pytest.raises(TypeError, match="str expected"), environment(values):
        pass

    assert NAME not in os.environ
