"""What every test of handlers promises: no thread, no task and no unheard error stays behind."""

import gc
import logging
import threading
from collections.abc import Iterator

import pytest


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """Fail for a handler thread that does not end, and for what asyncio says of lost tasks.

    asyncio logs "Task was destroyed but it is pending" and "exception was never retrieved" when
    such a task is collected; pytest itself turns unawaited coroutines and open files into errors.
    """
    heard = _Records()
    logger = logging.getLogger("asyncio")
    logger.addHandler(heard)
    before = set(threading.enumerate())
    try:
        yield
        for thread in set(threading.enumerate()) - before:
            if thread.name == "handler":
                thread.join(timeout=10)
                assert not thread.is_alive(), "a handler's thread is still there after its response"
        gc.collect()
    finally:
        logger.removeHandler(heard)
    assert [message for message in heard.messages if not message.startswith("Using selector")] == []
