"""What the emulator's log says of a function that failed in a process of its own: one line, for its own log has the rest."""

import logging
from pathlib import Path

import pytest

from apptheory_emulator import FunctionUrlFactory, worker
from light_workers import until
from raw_http import fetch

pytestmark = pytest.mark.streaming(clock="real")

CODE = """
import os

def handler(event, context):
    if event["rawPath"] == "/raises":
        raise ValueError("no such thing")
    os._exit(3)
"""


async def failure(caplog: pytest.LogCaptureFixture) -> str:
    """The one error that the log of the emulator has; it may come a moment behind the response."""
    found: list[logging.LogRecord] = []

    def logged() -> bool:
        found[:] = [each for each in caplog.records if (each.name, each.levelname) == ("apptheory_emulator", "ERROR")]
        return bool(found)

    await until(logged)
    [record] = found
    return record.getMessage().partition(": handler failed before the first chunk: ")[2]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/raises", "ValueError: no such thing"),
        ("/exits", "Error: Runtime exited with error: exit status 3"),
    ],
)
async def test_what_went_wrong_in_a_worker_is_told_in_its_own_words(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture, tmp_path: Path, path: str, says: str
) -> None:
    """E2b, E3b: the type of the handler's error, not that of ours."""
    (tmp_path / "job.py").write_text(CODE)
    url = await function_url(worker("job.py:handler", cwd=tmp_path))

    assert (await fetch(url, target=path)).status == 502

    told = await failure(caplog)
    assert told.endswith(says)
    assert "apptheory_streaming" not in told
    assert "\n" not in told


async def test_a_program_that_cannot_be_run_after_all_is_told_in_one_line(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """E2b: the system's word for it, without the traceback of who tried."""
    program = tmp_path / "bootstrap"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    url = await function_url(worker(exec=["./bootstrap"], cwd=tmp_path))

    assert (await fetch(url)).status == 502

    assert await failure(caplog) == f"`./bootstrap` cannot be run in {tmp_path}: No such file or directory"
