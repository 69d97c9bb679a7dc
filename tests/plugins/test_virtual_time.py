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


@pytest.mark.parametrize(
    "random", [(), ("-p", "randomly"), ("-p", "xdist", "-n", "2")], ids=["plain", "randomly", "xdist"]
)
def test_d1_a_test_runs_in_virtual_time(pytester: pytest.Pytester, random: tuple[str, ...]) -> None:
    """D1: a quarter of an hour passes, each chunk carries its time, and the next run has the same."""
    pytester.makepyfile(SLOW)

    pytester.runpytest("--strict-markers", *random).assert_outcomes(passed=1)


def test_the_option_makes_real_time_the_default_and_the_marker_leaves_it(pytester: pytest.Pytester) -> None:
    """A marker of the test wins over that of its class, and that over the option."""
    pytester.makepyfile(
        SLOW.replace("async def test_it", '@pytest.mark.streaming(clock="virtual")\n    async def test_it')
        + """
    def is_virtual():
        return type(asyncio.get_running_loop()).__name__ == "VirtualLoop"

    async def test_real(stream_client):
        assert not is_virtual()

    @pytest.mark.streaming(clock="virtual")
    class TestVirtual:
        async def test_of_the_class(self, stream_client):
            assert is_virtual()

        @pytest.mark.streaming(clock="real")
        async def test_of_its_own(self, stream_client):
            assert not is_virtual()
    """
    )

    pytester.runpytest("-o", "streaming_clock=real").assert_outcomes(passed=4)


def test_tests_that_use_none_of_the_fixtures_stay_as_they_were(pytester: pytest.Pytester) -> None:
    """Between virtual tests, and in their fixtures, time is real."""
    pytester.makepyfile(
        """
        import asyncio, time
        from datetime import datetime
        import pytest

        async def handler(event, context):
            yield "x"

        @pytest.fixture
        def around():
            assert time.time() < 1893456000
            before = time.monotonic()
            yield
            assert time.monotonic() >= before
            assert datetime.now().year < 2030

        async def test_one(stream_client, around):
            assert time.time() == 1893456000

        async def test_not_ours():
            assert type(asyncio.get_running_loop()).__name__ != "VirtualLoop"
            assert time.time() < 1893456000
            assert type(datetime.now()) is datetime

        async def test_two(stream_client, around):
            assert time.time() == 1893456000

        def test_not_ours_either():
            assert time.time() < 1893456000
        """
    )

    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=4)


@pytest.mark.parametrize("marker", ["", '@pytest.mark.streaming(clock="real")'])
def test_d3_in_real_time_a_capture_has_no_times(pytester: pytest.Pytester, marker: str) -> None:
    """D3: the real clock is in no capture."""
    pytester.makepyfile(
        f"""
        import pytest

        async def handler(event, context):
            yield "x"

        {marker}
        async def test_it(stream_client):
            capture = await stream_client(handler).get("/")
            assert (capture.ttfb, capture.duration) == ({"None, None" if marker else "0, 0"})
        """
    )

    pytester.runpytest().assert_outcomes(passed=1)


def test_a_sync_handler_sleeps_in_virtual_time(pytester: pytest.Pytester) -> None:
    """In its own thread, and the deadline of its context moves too; the same fifty times."""
    pytester.makepyfile(
        """
        import time

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


def test_a_hundred_runs_give_equal_captures_and_snapshots(pytester: pytest.Pytester) -> None:
    """D1: chunks, order, virtual times; request ids are counted, and here they are the request's own."""
    pytester.makepyfile(
        """
        import asyncio, time

        async def slow(event, context):
            for _ in range(180):
                yield "x"
                await asyncio.sleep(5)

        def sync(event, context):
            for _ in range(20):
                yield "x"
                time.sleep(5)

        async def both(client):
            captures = await asyncio.gather(*[client(each).get("/", headers={"x-request-id": "r"}) for each in (slow, sync)])
            return captures, [capture.render() for capture in captures]

        async def test_it(stream_client):
            first = await both(stream_client)
            for _ in range(99):
                assert await both(stream_client) == first
        """
    )

    pytester.runpytest().assert_outcomes(passed=1)


def test_a_test_in_which_nothing_can_happen_says_where_it_waits(pytester: pytest.Pytester) -> None:
    """Instead of hanging."""
    pytester.makepyfile(
        test_waits="""
        import asyncio

        async def handler(event, context):
            yield "x"
            await asyncio.Event().wait()

        async def test_it(stream_client):
            await stream_client(handler).get("/")
        """
    )

    result = pytester.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DeadlockError: deadlock in virtual time:*", "*waits at test_waits.py:5"])


def test_the_clock_fixture_tells_advances_and_names_who_sleeps(pytester: pytest.Pytester) -> None:
    """`now`, `advance` and `sleepers`."""
    pytester.makepyfile(
        test_clock="""
        import asyncio

        async def nap(log, seconds):
            await asyncio.sleep(seconds)
            log.append(seconds)

        async def test_it(virtual_clock):
            log = []
            tasks = [asyncio.create_task(nap(log, seconds)) for seconds in (30, 10)]
            await virtual_clock.advance(10)
            assert (virtual_clock.now, log) == (10, [10])
            assert [str(each) for each in virtual_clock.sleepers] == ["test_clock.py:4 until 30 s"]
            await virtual_clock.advance(20)
            assert (virtual_clock.now, log, virtual_clock.sleepers) == (30, [10, 30], [])
        """
    )

    pytester.runpytest().assert_outcomes(passed=1)


def test_the_clock_fixture_needs_virtual_time(pytester: pytest.Pytester) -> None:
    """The failure names the marker."""
    pytester.makepyfile("async def test_it(virtual_clock): pass")

    result = pytester.runpytest("-o", "streaming_clock=real")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ['*virtual_clock needs a test in virtual time: @pytest.mark.streaming(clock="virtual")*']
    )


def test_same_loop_http_is_virtual(pytester: pytest.Pytester) -> None:
    """A real socket on the test's own loop, and a quarter of an hour between the first and the last byte."""
    pytester.makepyfile(
        """
        import asyncio
        import aiohttp

        async def slow(event, context):
            for _ in range(180):
                yield "x"
                await asyncio.sleep(5)

        async def test_it(function_url):
            endless = aiohttp.ClientTimeout(total=None)
            async with aiohttp.ClientSession(timeout=endless) as session, session.get(await function_url(slow)) as answer:
                assert await answer.read() == b"x" * 180
            assert asyncio.get_running_loop().time() >= 900
        """
    )

    pytester.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
def test_the_loop_may_have_any_scope_beside_loops_in_real_time(pytester: pytest.Pytester, scope: str) -> None:
    """Each clock has a loop of its own in the scope; a shared one runs on, its captures begin at 0."""
    pytester.makepyfile(
        f"""
        import asyncio
        import pytest

        pytestmark = pytest.mark.asyncio(loop_scope={scope!r})

        LOOPS = set()

        async def handler(event, context):
            yield "x"
            await asyncio.sleep(5)
            yield "y"

        class TestClass:
            @pytest.mark.parametrize("number", [1, 2])
            async def test_virtual(self, stream_client, number):
                capture = await stream_client(handler).get("/")
                assert [chunk.produced_at for chunk in capture.transcript.chunks] == [0, 5]
                LOOPS.add(asyncio.get_running_loop())
                if number == 2:
                    assert len(LOOPS) == {2 if scope == "function" else 1}

            async def test_real(self):
                assert type(asyncio.get_running_loop()).__name__ != "VirtualLoop"
        """
    )

    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=3)


def test_properties_run_in_virtual_time(pytester: pytest.Pytester) -> None:
    """Hypothesis measures real time, and has no deadline, also where the test draws or assumes on the way."""
    pytester.makepyfile(
        """
        import asyncio
        from datetime import timedelta
        from hypothesis import assume, given, settings, strategies as st
        import pytest

        async def handler(event, context):
            for _ in range(3):
                yield "x"
                await asyncio.sleep(event["pause"])

        class TestProperties:
            @settings(deadline=timedelta(microseconds=1), max_examples=20)
            @given(pause=st.integers(0, 10_000), data=st.data())
            async def test_async(self, stream_client, pause, data):
                capture = await stream_client(handler).invoke({"pause": pause})
                assume(pause != 5)
                assert capture.duration == 3 * pause
                data.draw(st.booleans())

        @given(pause=st.integers(0, 10_000))
        def test_sync(stream_client, pause):
            assert stream_client(handler).sync.invoke({"pause": pause}).duration == 3 * pause
        """
    )

    result = pytester.runpytest("--hypothesis-show-statistics")

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*9999*ms*")


def test_a_property_has_its_own_settings_back_after_the_test(pytester: pytest.Pytester) -> None:
    """A subclass in real time shares the method, and hypothesis says of its fixture what it says without us."""
    pytester.makepyfile(
        """
        from hypothesis import HealthCheck, given, settings, strategies as st
        import pytest

        class TestVirtual:
            @settings(suppress_health_check=[HealthCheck.differing_executors])
            @given(number=st.integers())
            def test_own(self, stream_client, number): pass

            @given(number=st.integers())
            def test_usual(self, stream_client, number): pass

        @pytest.mark.streaming(clock="real")
        class TestReal(TestVirtual):
            pass
        """
    )

    result = pytester.runpytest("-p", "no:randomly")

    result.assert_outcomes(passed=2, failed=2)
    said = "*FailedHealthCheck: '*::TestReal::{}' uses a function-scoped fixture 'stream_client'*"
    result.stdout.fnmatch_lines([said.format("test_own"), said.format("test_usual")])


def test_freezing_never_shows_in_the_durations(pytester: pytest.Pytester) -> None:
    """A frozen clock would report years."""
    pytester.makepyfile(SLOW)
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(autouse=True)
        async def around():
            yield

        def pytest_runtest_logreport(report):
            assert 0 <= report.duration < 3600
            assert 0 <= report.stop - report.start < 3600
        """
    )

    result = pytester.runpytest("--durations=0", "-vv")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*slowest durations*", "*s call *test_it"])


def test_d1_each_test_begins_at_the_same_time_also_on_a_loop_that_tests_share(pytester: pytest.Pytester) -> None:
    """D1: what a test before it did with the clock, a jump of the wall too, is not seen."""
    pytester.makepyfile(
        """
        import asyncio
        from datetime import UTC, datetime
        import pytest
        from apptheory_testkit.faults import clock_jump

        pytestmark = pytest.mark.asyncio(loop_scope="module")

        async def handler(event, context):
            yield datetime.now(UTC).isoformat()

        @pytest.mark.parametrize("number", range(3))
        async def test_it(stream_client, virtual_clock, number):
            assert virtual_clock.now == 0
            task = asyncio.create_task(asyncio.sleep(7))
            await asyncio.sleep(0)
            assert [each.until for each in virtual_clock.sleepers] == [7]
            capture = await stream_client(handler).get("/", fault=clock_jump(at=1, seconds=3600))
            assert (capture.text, capture.request_id) == ("2030-01-01T00:00:00+00:00", "req_test_0001")
            await virtual_clock.advance(10)
            assert virtual_clock.now == 10
        """
    )

    pytester.runpytest().assert_outcomes(passed=3)


def test_d2_each_example_of_a_property_begins_as_the_first_did(pytester: pytest.Pytester) -> None:
    """D1, D2: one that fails can be repeated alone."""
    pytester.makepyfile(
        """
        import asyncio
        from datetime import UTC, datetime
        import pytest
        from hypothesis import given, strategies as st

        async def handler(event, context):
            yield datetime.now(UTC).isoformat()
            await asyncio.sleep(5)

        @pytest.fixture
        def ready(stream_client):
            return stream_client(handler).sync.get()

        @given(number=st.integers())
        async def test_async(stream_client, virtual_clock, number):
            assert virtual_clock.now == 0
            capture = await stream_client(handler).get()
            assert (capture.text, capture.request_id) == ("2030-01-01T00:00:00+00:00", "req_test_0001")

        @given(number=st.integers())
        def test_sync(stream_client, number):
            capture = stream_client(handler).sync.get()
            assert (capture.text, capture.request_id) == ("2030-01-01T00:00:00+00:00", "req_test_0001")
        """
    )

    pytester.runpytest().assert_outcomes(passed=2)
