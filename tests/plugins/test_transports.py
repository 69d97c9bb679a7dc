"""`--stream-transport`: the same tests in-process, over HTTP, or both with a comparison (rule W7)."""

import pytest

COLLECT = """
import gc, pytest

@pytest.fixture(autouse=True)
def collect():
    \"\"\"Make a socket that was never closed show as the ResourceWarning it is.\"\"\"
    yield
    gc.collect()
"""

# In-process a header with two values has two, over HTTP it is joined: by that a test knows its path.
PATHS = """
import asyncio, sys
import handlers, pytest
from apptheory_streaming import text_stream

async def varies(event, context):
    return text_stream(["x"], headers={"vary": ["a", "b"]})

def path_of(capture):
    return {2: "in-process", 1: "http"}[len(capture.headers["vary"])]

async def looks_around(event, context):
    yield f"{len(asyncio.all_tasks())} tasks"

calls = []

async def counts(event, context):
    calls.append(event["rawPath"])
    yield str(len(calls))
"""


@pytest.fixture
def tested(project: pytest.Pytester) -> pytest.Pytester:
    """A project whose handlers show which path a request took."""
    project.makeconftest(COLLECT)
    project.makepyfile(paths=PATHS)
    return project


SAYS = """
from paths import *

async def test_it(stream_client, stream_transport):
    assert path_of(await stream_client(varies).get()) == stream_transport == {expected!r}
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "in-process"),
        (["--stream-transport=in-process"], "in-process"),
        (["--stream-transport=http"], "http"),
        (["-o", "streaming_transport=http"], "http"),
        (["-o", "streaming_transport=http", "--stream-transport=in-process"], "in-process"),
    ],
    ids=["default", "in-process", "http", "configuration", "both said"],
)
def test_the_option_chooses_the_transport(tested: pytest.Pytester, arguments: list[str], expected: str) -> None:
    """The command line wins over the configuration; the name of a test stays what it is."""
    tested.makepyfile(SAYS.format(expected=expected))

    result = tested.runpytest("-v", *arguments)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*::test_it PASSED*"])


def test_the_marker_wins_over_the_option(tested: pytest.Pytester) -> None:
    """On a test, a class or a module."""
    tested.makepyfile(
        """
        from paths import *

        pytestmark = pytest.mark.streaming(transport="http")

        async def test_module(stream_client):
            assert path_of(await stream_client(varies).get()) == "http"

        class TestClass:
            @pytest.mark.streaming(transport="in-process")
            async def test_nearest(self, stream_client):
                assert path_of(await stream_client(varies).get()) == "in-process"
        """
    )

    for option in ("in-process", "both"):
        tested.runpytest("--strict-markers", f"--stream-transport={option}").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("arguments", "marker"),
    [
        (["--stream-transport=tcp"], ""),
        (["-o", "streaming_transport=tcp"], ""),
        ([], '@pytest.mark.streaming(transport="tcp")'),
    ],
    ids=["command line", "configuration", "marker"],
)
def test_an_unknown_transport_is_a_usage_error(tested: pytest.Pytester, arguments: list[str], marker: str) -> None:
    """It names the value and the choices."""
    tested.makepyfile(f"import pytest\n{marker}\nasync def test_it(stream_client): pass")

    result = tested.runpytest(*arguments)

    output = result.stdout.str() + result.stderr.str()
    assert result.ret != 0
    assert "INTERNALERROR" not in output
    assert all(word in output for word in ("'tcp'", "in-process", "http", "both"))


def test_both_runs_each_test_that_sends_requests_twice(tested: pytest.Pytester) -> None:
    """Under the ids `in-process` and `http`; tests of something else run once."""
    tested.makepyfile(
        """
        from paths import *

        @pytest.mark.parametrize("number", [1, 2])
        async def test_it(stream_client, stream_transport, number):
            assert path_of(await stream_client(varies).get()) == stream_transport

        def test_sync(stream_client, stream_transport):
            client = stream_client(varies).sync
            assert path_of(client.get()) == path_of(client.get()) == stream_transport

        class TestClass:
            async def test_method(self, stream_client):
                await stream_client(handlers.good).get()

        @pytest.fixture
        async def capture(stream_client):
            return await stream_client(varies).get()

        async def test_fixture(capture, stream_transport):
            assert path_of(capture) == stream_transport

        async def test_other(function_url):
            pass
        """
    )

    result = tested.runpytest("-v", "--stream-transport=both")

    result.assert_outcomes(passed=11)
    names = {line.split("::", 1)[1].split(" ")[0] for line in result.outlines if " PASSED" in line}
    assert names == {
        *(f"test_it[{transport}-{number}]" for transport in ("in-process", "http") for number in (1, 2)),
        *(f"{name}[{each}]" for name in ("test_sync", "test_fixture") for each in ("in-process", "http")),
        *(f"TestClass::test_method[{each}]" for each in ("in-process", "http")),
        "test_other",
    }


REVERSED = """
def pytest_collection_modifyitems(items):
    items.reverse()
"""


@pytest.mark.parametrize(("conftest", "later"), [("", "http"), (REVERSED, "in-process")], ids=["usual", "reversed"])
def test_w7_the_later_run_fails_where_the_responses_differ(tested: pytest.Pytester, conftest: str, later: str) -> None:
    """It says which call, which field, and the two values, whatever the order."""
    tested.makeconftest(conftest)
    tested.makepyfile(
        """
        from paths import *

        async def test_it(stream_client):
            same = await stream_client(handlers.good).get("/same")
            assert same.status == 200
            await stream_client(counts).get("/count", params={"a": 1})
        """
    )

    result = tested.runpytest("-p", "no:randomly", "--stream-transport=both")

    result.assert_outcomes(passed=1, failed=1)
    first, second = ("1", "2") if later == "http" else ("2", "1")
    result.stdout.fnmatch_lines(
        [
            f"*_ test_it[[]{later}[]] _*",
            "the same test gives different responses in-process and over HTTP (rule W7):",
            "  call 2, GET /count?a=1: in-process (-), over HTTP (+)",
            "    chunks: chunk 0 differs at byte 0 (1 chunk in-process, 1 over HTTP)",
            f"    - 0  '{first}'",
            f"    + 0  '{second}'",
            '@pytest.mark.streaming(transport="in-process") keeps a test to one of them.',
        ]
    )


def test_the_two_runs_may_be_on_two_workers(tested: pytest.Pytester) -> None:
    """Of each test exactly one run fails, the one that is over later."""
    tested.makepyfile(
        """
        from paths import *

        @pytest.mark.parametrize("number", range(6))
        async def test_it(stream_client, number):
            await stream_client(looks_around).get()

        @pytest.mark.parametrize("number", range(6))
        async def test_same(stream_client, number):
            await stream_client(handlers.good).get()
        """
    )

    result = tested.runpytest_subprocess("-n", "2", "--stream-transport=both", "-p", "no:randomly")

    outcomes = result.parseoutcomes()
    assert outcomes["passed"] + outcomes["failed"] == 24
    assert 6 <= outcomes["failed"] <= 12  # two that end at one moment may both see the other
    result.stdout.no_fnmatch_line("*FAILED*test_same*")


def test_calls_are_compared_in_the_order_in_which_they_are_made(tested: pytest.Pytester) -> None:
    """Not in that in which they end: the first of these ends last."""
    tested.makepyfile(
        """
        from paths import *

        async def handler(event, context):
            await asyncio.sleep(5 if event["rawPath"] == "/slow" else 1)
            yield f"{len(calls)}" if event["rawPath"] == "/slow" else "same"

        async def test_it(stream_client):
            client = stream_client(handler)
            await asyncio.gather(client.get("/slow"), client.get("/fast"))
            calls.append("once more")
        """
    )

    result = tested.runpytest("--stream-transport=both")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["  call 1, GET /slow: in-process (-), over HTTP (+)"])
    result.stdout.no_fnmatch_line("*GET /fast*")


def test_live_streams_and_events_are_compared_too(tested: pytest.Pytester) -> None:
    """Live streams that were left early among them; every client, also one that is not strict."""
    tested.makepyfile(
        """
        from paths import *

        async def endless(event, context):
            while True:
                yield f"{len(calls)}"
                await asyncio.sleep(1)

        async def test_same(stream_client):
            client = stream_client(endless, on_disconnect="cancel")
            async with client.stream("GET", "/left") as live:
                assert await anext(live) == f"{len(calls)}".encode()
            async with client.stream("GET", "/gone") as live:
                await anext(live)
                await live.disconnect()
            await stream_client(handlers.good, strict=False).invoke({"any": "event"})
            assert live.capture.handler_outcome == "cancelled"

        async def test_differs(stream_client):
            calls.append("once more")
            async with stream_client(endless, strict=False).stream("GET", "/left") as live:
                await anext(live)
        """
    )

    result = tested.runpytest("--stream-transport=both", "-p", "no:randomly")

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["  call 1, stream GET /left: in-process (-), over HTTP (+)"])


def test_runs_of_a_sweep_are_not_compared(tested: pytest.Pytester) -> None:
    """They are in-process whatever the transport, and there may be more of them; the calls beside them count."""
    tested.makepyfile(
        """
        from paths import *
        from apptheory_testkit.faults import disconnect

        async def grows(event, context):
            calls.append("run")
            for _ in calls:
                yield "x"

        async def test_it(stream_client):
            client = stream_client(grows)
            await client.sweep("GET", "/", fault=disconnect)
            await stream_client(handlers.good).get("/beside")
        """
    )

    tested.runpytest("--stream-transport=both").assert_outcomes(passed=2)


def test_a_run_that_failed_by_itself_is_not_compared(tested: pytest.Pytester) -> None:
    """Its failure is the news; the other run is judged by itself."""
    tested.makepyfile(
        """
        from paths import *

        async def test_it(stream_client, stream_transport):
            await stream_client(counts).get()
            assert stream_transport == "http"
        """
    )

    result = tested.runpytest("--stream-transport=both")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*rule W7*")


def test_properties_are_not_compared(tested: pytest.Pytester) -> None:
    """Each run of a property has examples of its own."""
    tested.makepyfile(
        """
        from paths import *
        from hypothesis import HealthCheck, given, settings
        from hypothesis import strategies as st

        @settings(max_examples=3, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(number=st.integers())
        async def test_it(stream_client, stream_transport, number):
            await stream_client(counts).get()
            assert path_of(await stream_client(varies).get(f"/{number}")) == stream_transport
        """
    )

    tested.runpytest("--stream-transport=both").assert_outcomes(passed=2)


def test_strict_mode_holds_over_http(tested: pytest.Pytester) -> None:
    """And what both runs agree on is still a problem that a test must look at."""
    tested.makepyfile(
        """
        from paths import *

        async def test_mutates(stream_client):
            await stream_client(handlers.mutates_late).get()

        async def test_fails(stream_client):
            await stream_client(handlers.fails_late).get()

        async def test_looks(stream_client):
            assert (await stream_client(handlers.fails_late).get()).stream_error_code == "app.conflict"
        """
    )

    result = tested.runpytest("--stream-transport=both")

    result.assert_outcomes(passed=2, failed=4)
    result.stdout.fnmatch_lines(["  req_test_0001: late mutation: header 'x-late' changed*"])


def test_snapshots_are_shared_by_the_two_runs(tested: pytest.Pytester) -> None:
    """They are those of the test as it is named without the option, and none is unused."""
    tested.makepyfile(
        """
        from paths import *

        @pytest.mark.parametrize("number", [1, 2])
        async def test_it(stream_client, stream_snapshot, snapshot, number):
            capture = await stream_client(handlers.good).get()
            assert capture == stream_snapshot
            assert capture.status == snapshot

        class TestClass:
            async def test_plain(self, stream_client, stream_snapshot):
                assert await stream_client(handlers.good).get() == stream_snapshot
        """
    )
    tested.runpytest("--snapshot-update").assert_outcomes(passed=3)
    before = {path: path.read_bytes() for path in tested.path.rglob("__snapshots__/**/*.*")}

    for arguments in (["--stream-transport=http"], ["--stream-transport=both"]):
        result = tested.runpytest(*arguments)
        result.assert_outcomes(passed=6 if "both" in arguments[0] else 3)
        assert result.ret == 0  # one that is unused would make it another
    tested.runpytest("--stream-transport=both", "--snapshot-update").assert_outcomes(passed=6)

    assert {path: path.read_bytes() for path in tested.path.rglob("__snapshots__/**/*.*")} == before
    assert before


def test_the_server_ends_with_its_test(tested: pytest.Pytester) -> None:
    """Also when the test fails, and on a loop that the next test shares."""
    tested.makepyfile(
        """
        from paths import *

        pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.streaming(clock="real")]

        async def test_first(stream_client):
            async with stream_client(handlers.hangs_late).stream("GET") as live:
                assert await anext(live) == b"one"
                raise RuntimeError("of the test")

        async def test_second(stream_client):
            assert len(asyncio.all_tasks()) == 1
            assert (await stream_client(handlers.good).get()).text == "onetwo"
        """
    )

    result = tested.runpytest("--stream-transport=http", "-p", "no:randomly")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*RuntimeError: of the test"])


def test_a_client_of_a_fixture_on_another_loop_works(tested: pytest.Pytester) -> None:
    """It serves anew where the test asks."""
    tested.makepyfile(
        """
        import pytest_asyncio
        from paths import *

        @pytest_asyncio.fixture(loop_scope="module")
        async def client(stream_client):
            client = stream_client(varies)
            assert path_of(await client.get()) == "http"
            return client

        @pytest.mark.streaming(clock="real")
        async def test_it(client):
            assert path_of(await client.get()) == "http"

        @pytest.mark.streaming(clock="real")
        def test_sync(client):
            assert path_of(client.sync.get()) == "http"
        """
    )

    tested.runpytest("--stream-transport=http").assert_outcomes(passed=2)


def test_under_anyio_alone(tested: pytest.Pytester) -> None:
    (tested.path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    tested.makepyfile(
        """
        from paths import *

        pytestmark = pytest.mark.anyio

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        async def test_it(stream_client, stream_transport):
            assert path_of(await stream_client(varies).get()) == stream_transport
        """
    )

    tested.runpytest("--stream-transport=both", "-p", "no:asyncio").assert_outcomes(passed=2)


def test_times_are_virtual_over_http(tested: pytest.Pytester) -> None:
    """D3: the clock of the test, also for a test that is not async."""
    tested.makepyfile(
        """
        from paths import *

        async def slow(event, context):
            for _ in range(3):
                yield "x"
                await asyncio.sleep(300)

        async def test_async(stream_client, virtual_clock):
            assert (await stream_client(slow).get()).duration == 900
            assert virtual_clock.now == 900

        def test_sync(stream_client):
            assert stream_client(slow).sync.get().duration == 900

        @pytest.mark.streaming(clock="real")
        async def test_real(stream_client):
            assert (await stream_client(handlers.good).get()).duration is None
        """
    )

    tested.runpytest("--stream-transport=both").assert_outcomes(passed=6)


def test_without_the_emulator_extra_it_says_what_to_install(project: pytest.Pytester) -> None:
    """And the in-process runs go on working."""
    project.makepyfile(
        aiohttp="raise ModuleNotFoundError(\"No module named 'aiohttp'\", name='aiohttp')",
        test_it="""
        import handlers

        async def test_it(stream_client):
            assert (await stream_client(handlers.good).get()).status == 200
        """,
    )
    project.syspathinsert()

    result = project.runpytest_subprocess("--stream-transport=both")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["--stream-transport=http needs aiohttp: pip install 'apptheory-streaming[[]emulator[]]'"]
    )


def test_function_url_threaded_serves_a_client_that_blocks(tested: pytest.Pytester) -> None:
    """In a test that is not async; its port is closed behind the block."""
    tested.makepyfile(
        """
        import socket
        import requests
        from paths import *

        def test_it(function_url):
            with function_url.threaded(handlers.good) as url:
                assert requests.get(url, timeout=30).text == "onetwo"
                url.settled()
                assert [exchange.transcript.chunk_count for exchange in url.exchanges] == [2]
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2].strip("/"))))

        @pytest.mark.streaming(clock="real")
        async def test_async(function_url):
            with function_url.threaded(handlers.good) as url:
                assert (await asyncio.to_thread(requests.get, url, timeout=30)).text == "onetwo"

        @pytest.mark.streaming(clock="virtual")
        async def test_virtual(function_url):
            with function_url.threaded(handlers.good):
                pass
        """
    )

    result = tested.runpytest()

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(['*UsageError: function_url.threaded serves in real time*clock="real"*'])
