"""`@pytest.mark.streaming(sweep=disconnect, leaks=probe)` turns one test of a user into the sweep."""

import pytest

HANDLERS = """
import asyncio
from apptheory_streaming import text_stream

in_use = 0
log = []


async def leaks_before_the_first_byte(event, context):
    global in_use
    in_use += 1

    async def body():
        global in_use
        try:
            yield "one"
            yield "two"
        finally:
            in_use -= 1

    return text_stream(body())


async def good(event, context):
    log.append(event["rawPath"])
    yield "one"
    yield "two"


def good_sync(event, context):
    yield "one"
    yield "two"


def slots():
    return in_use
"""

HEAD = """
import pytest
import handlers
from handlers import good, good_sync, leaks_before_the_first_byte, slots
from apptheory_testkit.faults import cancel, disconnect
"""

LEAK = """
@pytest.mark.streaming(sweep=disconnect, leaks=slots)
async def test_page(stream_client):
    capture = await stream_client(leaks_before_the_first_byte).get("/page")
    assert capture.chunks == [b"one", b"two"]
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A user's suite in auto mode."""
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    pytester.makepyfile(handlers=HANDLERS)
    return pytester


def run(suite: pytest.Pytester, tests: str, *arguments: str) -> pytest.RunResult:
    """Run these tests in a process of their own."""
    suite.makepyfile(test_it=HEAD + tests)
    return suite.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:randomly", *arguments)


def test_a_leak_fails_the_test_with_the_list(suite: pytest.Pytester) -> None:
    """FAILED, not an error, without a traceback."""
    result = run(suite, LEAK)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "the sweep of this test found 2 problems in 6 runs:",
            "  request 1 (GET /page), disconnect(at=0) before the first chunk, on_disconnect=cancel: the `finally` at *",
            "  request 1 (GET /page), disconnect(at=0) *, on_disconnect=cancel: the probe was 0 before and is 1 after",
        ]
    )
    result.stdout.no_fnmatch_line("*swept_test.py*")


def test_the_same_test_without_the_sweep_is_green(suite: pytest.Pytester) -> None:
    """The proof that the sweep is what finds it."""
    run(suite, LEAK.replace("sweep=disconnect, leaks=slots", "")).assert_outcomes(passed=1)


def test_what_the_test_says_of_a_disturbed_run_does_not_count(suite: pytest.Pytester) -> None:
    """Its assertions speak of the undisturbed run, and there they count."""
    tests = """
    @pytest.mark.streaming(sweep=cancel)
    async def test_good(stream_client):
        handlers.log.append("test")
        capture = await stream_client(good).get("/")
        assert capture.chunks == [b"one", b"two"]

    @pytest.mark.streaming(sweep=cancel)
    async def test_fails_itself(stream_client):
        capture = await stream_client(good).get("/")
        assert capture.chunks == [b"one"]

    def test_it_ran_once_and_three_times_more():
        assert handlers.log.count("test") == 4
    """
    result = run(suite, _dedent(tests))

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines([">*assert capture.chunks == *one*"])
    result.stdout.no_fnmatch_line("*the sweep of this test*")


def test_every_request_of_the_test_is_disturbed_in_its_turn(suite: pytest.Pytester) -> None:
    """Live streams and raw events too; the others of the run are left alone."""
    tests = """
    seen = []

    @pytest.mark.streaming(sweep=cancel)
    async def test_three(stream_client):
        client = stream_client(good)
        first = await client.get("/a")
        async with client.stream("GET", "/b") as live:
            chunks = [chunk async for chunk in live]
        third = await client.invoke({"rawPath": "/c"})
        seen.append((len(first.chunks), len(live.capture.chunks), len(third.chunks)))
        assert len(chunks) == 2

    def test_positions():
        assert seen == [(2, 2, 2), (0, 2, 2), (1, 2, 2), (2, 2, 2), (2, 0, 2), (2, 1, 2), (2, 2, 2), *[(2, 2, n) for n in range(3)]]
    """
    run(suite, _dedent(tests)).assert_outcomes(passed=2)


def test_requests_at_once_and_tasks_of_the_test_are_left_alone(suite: pytest.Pytester) -> None:
    """Each request is swept in its turn; on a loop that the next test shares, too."""
    tests = """
    import asyncio

    pytestmark = pytest.mark.asyncio(loop_scope="module")

    @pytest.mark.streaming(sweep=disconnect)
    async def test_at_once(stream_client):
        client = stream_client(good)
        background = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.gather(client.get("/a"), client.get("/b"))
        assert not background.cancelled()
        background.cancel()

    async def test_next(stream_client):
        assert (await stream_client(good).get("/")).chunks == [b"one", b"two"]
        assert asyncio.all_tasks() == {asyncio.current_task()}
    """
    run(suite, _dedent(tests)).assert_outcomes(passed=2)


def test_a_leak_of_a_live_stream_is_found(suite: pytest.Pytester) -> None:
    tests = """
    @pytest.mark.streaming(sweep=disconnect, leaks={"slots": slots})
    async def test_live(stream_client):
        await stream_client(good).get("/")
        async with stream_client(leaks_before_the_first_byte).stream("GET", "/live") as live:
            assert [chunk async for chunk in live] == [b"one", b"two"]
    """
    result = run(suite, _dedent(tests))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "the sweep of this test found 2 problems in 12 runs:",
            "  request 2 (GET /live), disconnect(at=0) *, on_disconnect=cancel: the `finally` at *",
            "  request 2 (GET /live), disconnect(at=0) *, on_disconnect=cancel: the probe 'slots' was 0 *",
        ]
    )


def test_a_test_that_is_not_async_is_swept_by_sync(suite: pytest.Pytester) -> None:
    tests = """
    @pytest.mark.streaming(sweep=disconnect, leaks=slots)
    def test_leak(stream_client):
        assert stream_client(leaks_before_the_first_byte).sync.get("/").status == 200

    @pytest.mark.streaming(sweep=disconnect)
    def test_good(stream_client):
        assert stream_client(good_sync).sync.get("/").chunks == [b"one", b"two"]
    """
    run(suite, _dedent(tests)).assert_outcomes(passed=1, failed=1)


def test_under_anyio_alone(suite: pytest.Pytester) -> None:
    tests = """
    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.mark.anyio
    @pytest.mark.streaming(sweep=disconnect, leaks=slots)
    async def test_leak(stream_client):
        assert (await stream_client(leaks_before_the_first_byte).get("/")).status == 200

    @pytest.mark.anyio
    @pytest.mark.streaming(sweep=cancel)
    async def test_good(stream_client):
        assert (await stream_client(good).get("/")).status == 200
    """
    suite.makeini("[pytest]\nfilterwarnings = error\n")

    run(suite, _dedent(tests), "-p", "no:asyncio").assert_outcomes(passed=1, failed=1)


def test_each_example_of_a_property_is_swept(suite: pytest.Pytester) -> None:
    """Hypothesis calls a function of its own."""
    tests = """
    from hypothesis import given, settings, strategies

    @pytest.mark.streaming(sweep=cancel)
    @settings(max_examples=3, database=None)
    @given(path=strategies.sampled_from(["/a", "/b"]))
    async def test_property(path, stream_client_class):
        handlers.log.append("example")
        assert (await stream_client_class(good).get(path)).status == 200

    @pytest.fixture(scope="module")
    def stream_client_class():
        from apptheory_testkit import stream_client
        return stream_client

    def test_count():
        assert handlers.log.count("example") % 4 == 0
        assert handlers.log.count("example") >= 4
    """
    run(suite, _dedent(tests)).assert_outcomes(passed=2)


def test_fixtures_are_set_up_once_and_strict_mode_hears_of_the_first_run_alone(suite: pytest.Pytester) -> None:
    tests = """
    made = []

    @pytest.fixture
    def resource():
        made.append(1)
        return object()

    async def fails_late(event, context):
        yield "one"
        raise ValueError("late")

    @pytest.mark.streaming(sweep=cancel)
    async def test_looks(stream_client, resource):
        capture = await stream_client(fails_late).get("/")
        if len(made) == 1 and capture.chunks == [b"one"]:
            assert capture.stream_error_code in ("app.internal", None)

    @pytest.mark.streaming(sweep=cancel)
    async def test_does_not_look(stream_client):
        await stream_client(fails_late).get("/")

    def test_once():
        assert made == [1]
    """
    result = run(suite, _dedent(tests))

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["a response had problems that this test did not look at:", "*ValueError: late*"])


def test_a_run_that_does_not_come_to_its_request_is_said(suite: pytest.Pytester) -> None:
    """A test that is not the same each time cannot be swept, and is no success."""
    tests = """
    runs = []

    @pytest.mark.streaming(sweep=cancel)
    async def test_changes(stream_client):
        runs.append(1)
        if len(runs) == 1:
            await stream_client(good).get("/")
        if len(runs) == 2:
            raise ValueError("not the first time")
    """
    result = run(suite, _dedent(tests))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "the sweep of this test found 3 problems in 3 runs:",
            "*cancel(at=0) before the first chunk: this run did not come to it: ValueError: not the first time",
            "*cancel(at=1) after chunk 0: this run did not come to it: the test made fewer requests",
        ]
    )


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("sweep=disconnect(at=2)", "write fault=disconnect, without a call"),
        ("leaks=slots", "`leaks` needs a `sweep`, such as sweep=disconnect"),
        ("sweep=cancel, leaks=3", "leaks must be a function without arguments"),
    ],
    ids=["a fault", "no sweep", "no probe"],
)
def test_a_marker_that_means_nothing_is_said(suite: pytest.Pytester, marker: str, message: str) -> None:
    tests = f"""
    @pytest.mark.streaming({marker})
    async def test_it(stream_client):
        await stream_client(good).get("/")
    """
    result = run(suite, _dedent(tests))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{message}*"])


def test_a_test_without_a_request_is_no_sweep(suite: pytest.Pytester) -> None:
    """It would be green, and prove nothing."""
    tests = """
    @pytest.mark.streaming(sweep=cancel)
    async def test_it(stream_client):
        pass
    """
    result = run(suite, _dedent(tests))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["a sweep needs a request to disturb: let the test make one with stream_client"])


def _dedent(tests: str) -> str:
    return "\n".join(line[4:] for line in tests.splitlines())


def test_snapshots_are_taken_and_compared_in_the_undisturbed_run_alone(project: pytest.Pytester) -> None:
    """A response that a fault has cut is no snapshot of anything."""
    project.makepyfile(
        """
        import handlers, pytest
        from apptheory_testkit.faults import disconnect

        @pytest.mark.streaming(sweep=disconnect)
        async def test_it(stream_client, stream_snapshot, snapshot):
            capture = await stream_client(handlers.good).get("/")
            assert capture == stream_snapshot
            assert capture == stream_snapshot(view="body", name="body")
            assert capture.text == snapshot
        """
    )

    project.runpytest("--snapshot-update").assert_outcomes(passed=1)
    taken = [path.name for path in (project.path / "__snapshots__").rglob("*.*") if path.suffix != ".lock"]
    project.runpytest().assert_outcomes(passed=1)

    assert len(taken) == 3, sorted(taken)
