"""Virtual time in users' tests: the marker, the option, the fixture."""

import pytest

SLOW = """
    import asyncio, time
    import pytest

    async def slow(event, context):
        for _ in range(180):
            yield "x"
            await asyncio.sleep(5)

    async def test_it(stream_client):
        first = await stream_client(slow).get("/")
        second = await stream_client(slow).get("/", headers={"x-request-id": first.request_id})
        assert [chunk.produced_at for chunk in first.transcript.chunks] == [5.0 * index for index in range(180)]
        assert (first.ttfb, first.duration) == (0, 900)
        assert second.duration == 900
"""


@pytest.fixture(autouse=True)
def auto_mode(pytester: pytest.Pytester) -> None:
    """Async tests need no marker."""
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )


def test_d1_the_marker_runs_a_test_in_virtual_time(pytester: pytest.Pytester) -> None:
    """D1: a quarter of an hour passes, each chunk carries its time, and the next run has the same."""
    pytester.makepyfile(SLOW + '\n    pytestmark = pytest.mark.streaming(clock="virtual")\n')

    pytester.runpytest("--strict-markers").assert_outcomes(passed=1)


def test_the_option_makes_virtual_time_the_default_and_the_marker_leaves_it(pytester: pytest.Pytester) -> None:
    """Only tests that use our fixtures are concerned."""
    pytester.makepyfile(
        SLOW
        + """
    @pytest.mark.streaming(clock="real")
    async def test_real(stream_client):
        assert type(asyncio.get_running_loop()).__name__ != "VirtualLoop"

    async def test_not_ours():
        assert type(asyncio.get_running_loop()).__name__ != "VirtualLoop"
    """
    )

    pytester.runpytest("-o", "streaming_clock=virtual").assert_outcomes(passed=3)


def test_d3_an_unmarked_test_has_no_times(pytester: pytest.Pytester) -> None:
    """D3: the real clock is in no capture."""
    pytester.makepyfile(
        """
        async def handler(event, context):
            yield "x"

        async def test_it(stream_client):
            capture = await stream_client(handler).get("/")
            assert (capture.ttfb, capture.duration) == (None, None)
        """
    )

    pytester.runpytest().assert_outcomes(passed=1)


def test_a_sync_handler_sleeps_in_virtual_time(pytester: pytest.Pytester) -> None:
    """In its own thread, and the deadline of its context moves too; the same fifty times."""
    pytester.makepyfile(
        """
        import time
        import pytest

        pytestmark = pytest.mark.streaming(clock="virtual")

        def handler(event, context):
            for _ in range(3):
                yield f"{context.get_remaining_time_in_millis()} {time.time():.0f}"
                time.sleep(60)

        def test_it(stream_client):
            for _ in range(50):
                capture = stream_client(handler).sync.get("/")
                assert capture.chunks == [b"900000 1893456000", b"840000 1893456060", b"780000 1893456120"]
                assert capture.duration == 180
        """
    )

    pytester.runpytest().assert_outcomes(passed=1)


def test_a_test_in_which_nothing_can_happen_says_where_it_waits(pytester: pytest.Pytester) -> None:
    """Instead of hanging."""
    pytester.makepyfile(
        test_waits="""
        import asyncio
        import pytest

        pytestmark = pytest.mark.streaming(clock="virtual")

        async def handler(event, context):
            yield "x"
            await asyncio.Event().wait()

        async def test_it(stream_client):
            await stream_client(handler).get("/")
        """
    )

    result = pytester.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DeadlockError: deadlock in virtual time:*", "*waits at test_waits.py:8"])


def test_the_clock_fixture_needs_virtual_time(pytester: pytest.Pytester) -> None:
    """The failure names the marker."""
    pytester.makepyfile("async def test_it(virtual_clock): pass")

    result = pytester.runpytest()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ['*virtual_clock needs a test in virtual time: @pytest.mark.streaming(clock="virtual")*']
    )


def test_an_unknown_clock_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """The message has the value and the choices."""
    pytester.makepyfile("async def test_it(stream_client): pass")

    result = pytester.runpytest("-o", "streaming_clock=wrong")

    assert result.ret != 0
    result.stdout.fnmatch_lines(["*must be 'real' or 'virtual', not 'wrong'*"])


def test_same_loop_http_is_virtual(pytester: pytest.Pytester) -> None:
    """A real socket on the test's own loop, and a quarter of an hour between the first and the last byte."""
    pytester.makepyfile(
        """
        import asyncio
        import aiohttp
        import pytest

        pytestmark = pytest.mark.streaming(clock="virtual")

        async def slow(event, context):
            for _ in range(180):
                yield "x"
                await asyncio.sleep(5)

        async def test_it(function_url, virtual_clock):
            endless = aiohttp.ClientTimeout(total=None)
            async with aiohttp.ClientSession(timeout=endless) as session, session.get(await function_url(slow)) as answer:
                assert await answer.read() == b"x" * 180
            assert virtual_clock.now >= 900
        """
    )

    pytester.runpytest().assert_outcomes(passed=1)
