"""What is kept of the log of one invocation, whatever it logs."""

import base64
import logging
import tracemalloc

import pytest

from apptheory_emulator.front.log_tail import TAIL_BYTES, LogTail, keep_log


async def test_a_record_whose_arguments_do_not_fit_harms_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """A function that logs badly gets a complaint on stderr, as from every handler of the module, and goes on."""
    others = tuple(logging.getLogger().handlers)
    with keep_log("own") as tail:
        (keeper,) = set(logging.getLogger().handlers) - set(others)
        for arguments in (("no number",), (7,)):
            keeper.handle(logging.LogRecord("chat", logging.WARNING, __file__, 1, "chat %d", arguments, None))

    assert base64.b64decode(tail.encoded()) == b"[WARNING] chat 7\n"
    assert "--- Logging error ---" in capsys.readouterr().err


async def test_a_function_that_logs_for_hours_costs_no_memory() -> None:
    """Only the tail is wanted, and not much more is kept."""
    tail = LogTail("own")
    line = "a" * 1023
    tracemalloc.start()
    try:
        for _ in range(5000):
            tail.put(line)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert base64.b64decode(tail.encoded()) == f"{line}\n".encode() * (TAIL_BYTES // 1024)
    assert most < 1024 * 1024


async def test_lines_that_are_wanted_for_a_tail_alone_go_nowhere_else() -> None:
    """Who keeps the log at warnings is told no more than before, whatever a caller asks for."""
    workers = logging.getLogger("apptheory_emulator.worker")
    heard: list[str] = []
    other = logging.Handler()
    other.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    level = workers.level
    workers.setLevel(logging.WARNING)
    logging.getLogger().addHandler(other)
    try:
        with keep_log("own") as tail:
            for say, text in ((workers.info, "START"), (workers.warning, "slow")):
                say("%s %s", "chat", text, extra={"request_id": "own"})
        workers.info("nobody listens")
    finally:
        logging.getLogger().removeHandler(other)
        workers.setLevel(level)

    assert base64.b64decode(tail.encoded()) == b"START\nslow\n"
    assert heard == ["chat slow"]
