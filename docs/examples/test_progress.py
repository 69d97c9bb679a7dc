"""How to test a job that takes its time: see README.md beside this file.

Time is virtual: no test waits, however long the job takes.
"""

from pathlib import Path

import pytest

from apptheory_plugins.snapshot import StreamSnapshot
from apptheory_testkit import StreamClientFactory
from apptheory_testkit.faults import disconnect

handler = f"{Path(__file__).with_name('progress.py')}:handler"  # at home: from progress import handler


async def test_every_step_is_a_line_of_its_own(
    stream_client: StreamClientFactory, stream_snapshot: StreamSnapshot
) -> None:
    """The snapshot has each chunk, and the time between two of them."""
    capture = await stream_client(handler).get("/?photos=5")

    assert capture == stream_snapshot


async def test_a_client_sees_how_far_the_job_is(stream_client: StreamClientFactory) -> None:
    """Ten photos of half a second: a line at once, then one each half second."""
    capture = await stream_client(handler).get("/")

    assert capture.ttfb == 0
    assert capture.at("[5/10]") == 2.5
    assert capture.duration == 5
    capture.assert_incremental()
    capture.assert_cadence(max_gap=0.5)
    capture.assert_closed()


async def test_a_slow_job_still_tells_the_truth(
    stream_client: StreamClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler measures its own time, and its clock is the virtual one too: 100 photos in ten minutes."""
    monkeypatch.setenv("PROGRESS_SECONDS", "6")

    capture = await stream_client(handler).get("/?photos=100")

    assert capture.text.endswith("Complete: 83 of 100 photos in 600.0 s\n")
    assert capture.duration == 600
    capture.assert_within_limits()


@pytest.mark.streaming(transport="in-process")  # which alone has faults
async def test_a_job_runs_on_when_nobody_looks(stream_client: StreamClientFactory) -> None:
    """As on AWS: a client that leaves after two lines does not stop the work."""
    capture = await stream_client(handler).get("/?photos=5", fault=disconnect(at=2))

    assert len(capture.chunks) == 2
    assert capture.handler_outcome == "ended"
    assert capture.duration == 2.5


@pytest.mark.parametrize("photos", ["-1", "101", "ten", "", "1.5"])
async def test_a_bad_number_of_photos_is_a_bad_request(stream_client: StreamClientFactory, photos: str) -> None:
    """The handler checks what it was asked for before it sets a head."""
    capture = await stream_client(handler).get("/", params={"photos": photos})

    assert capture.status == 400
    assert capture.json()["error"]["message"] == f"photos is a whole number from 0 to 100, not {photos!r}."
