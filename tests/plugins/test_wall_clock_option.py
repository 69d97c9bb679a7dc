"""The option `streaming_wall_clock`: what freezes the wall clock of tests in virtual time."""

import pytest

TEST = """
import asyncio, time
from datetime import datetime
from time import monotonic

async def handler(event, context):
    before = datetime.now(), time.time(), monotonic(), time.perf_counter()
    await asyncio.sleep(3600)
    after = datetime.now(), time.time(), monotonic(), time.perf_counter()
    moved = [(after[0] - before[0]).total_seconds(), *(b - a for a, b in zip(before[1:], after[1:]))]
    return {"moved": [round(each) for each in moved], "year": after[0].year}

async def test_async(stream_client):
    assert (await stream_client(handler).get()).json() == EXPECTED

def test_sync(stream_client):
    assert stream_client(handler).sync.get().json() == EXPECTED
"""
FROZEN = {"moved": [3600] * 4, "year": 2030}


@pytest.mark.parametrize(
    "option", [(), ("-o", "streaming_wall_clock=freezegun"), ("-o", "streaming_wall_clock=time-machine")]
)
def test_every_clock_moves_with_the_loop(project: pytest.Pytester, option: tuple[str, ...]) -> None:
    """Names that were bound early too."""
    project.makepyfile(TEST.replace("EXPECTED", repr(FROZEN)))

    project.runpytest(*option).assert_outcomes(passed=2)


def test_without_any_only_the_loop_is_virtual(project: pytest.Pytester) -> None:
    """The wall clock does not move an hour."""
    project.makepyfile(TEST.replace("== EXPECTED", "['moved'] == [0, 0, 0, 0]"))

    project.runpytest("-o", "streaming_wall_clock=none").assert_outcomes(passed=2)


def test_an_unknown_adapter_lists_the_choices(project: pytest.Pytester) -> None:
    project.makepyfile(TEST)

    result = project.runpytest_subprocess("-o", "streaming_wall_clock=hourglass")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    choices = "'time-machine' or 'freezegun' or 'none'"
    assert str(result.stderr).strip() == f"ERROR: streaming_wall_clock must be {choices}, not 'hourglass'"


def test_an_adapter_that_is_not_installed_says_how_to_install_it(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import importlib.util

        find_spec = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *more: None if name == "time_machine" else find_spec(name, *more)
        """
    )
    project.makepyfile(TEST.replace("EXPECTED", repr(FROZEN)))

    result = project.runpytest_subprocess("-o", "streaming_wall_clock=time-machine")

    assert result.ret != 0
    result.stdout.fnmatch_lines(["*the wall clock of virtual tests needs time-machine: pip install time-machine*"])


@pytest.mark.parametrize("library", ["freezegun", "time_machine"])
@pytest.mark.parametrize("adapter", ["freezegun", "time-machine"])
def test_a_wall_clock_that_the_test_froze_stays_the_tests(project: pytest.Pytester, library: str, adapter: str) -> None:
    """Around the loop by a fixture, and inside the test."""
    freeze = {
        "freezegun": "freezegun.freeze_time(moment)",
        "time_machine": "time_machine.travel(datetime.fromisoformat(moment + '+00:00'), tick=False)",
    }[library]
    project.makepyfile(
        f"""
        import asyncio, time, {library}
        from datetime import UTC, datetime
        import handlers, pytest

        def freeze(moment):
            return {freeze}

        @pytest.fixture
        def frozen():
            with freeze("2024-05-01T12:00:00"):
                yield

        async def test_around(frozen, stream_client):
            await asyncio.sleep(60)
            assert datetime.now(UTC).isoformat() == "2024-05-01T12:00:00+00:00"
            assert (await stream_client(handlers.good).get()).duration == 0

        async def test_after(stream_client):
            assert time.time() == 1893456000
        """
    )

    project.runpytest("-o", f"streaming_wall_clock={adapter}", "-p", "no:randomly").assert_outcomes(passed=2)
