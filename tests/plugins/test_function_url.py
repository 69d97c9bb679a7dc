"""`function_url` serves handlers on the test's own loop, and nothing of a server outlives its test."""

import pytest

COLLECT = """
import gc, pytest

@pytest.fixture(autouse=True)
def collect():
    \"\"\"Make a socket that was never closed show as the ResourceWarning it is.\"\"\"
    yield
    gc.collect()
"""

CLIENT = """
import asyncio, socket
import aiohttp, handlers, pytest

urls = []

async def fetch(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()

def assert_closed():
    for url in urls:
        port = int(url.rpartition(":")[2].strip("/"))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
"""


@pytest.fixture
def served(project: pytest.Pytester) -> pytest.Pytester:
    """A project whose tests have a client at hand, and notice what is left open."""
    project.makeconftest(COLLECT)
    project.makepyfile(client=CLIENT)
    return project


def test_a_handler_is_served_until_its_test_is_over(served: pytest.Pytester) -> None:
    """Several servers too, each on a port of its own; the URL tells what happened behind it."""
    served.makepyfile(
        """
        from client import *

        async def test_first(function_url):
            one, other = await function_url(handlers.good), await function_url(handlers.good_sync)
            assert one != other
            assert await fetch(one) == await fetch(other) == (200, "onetwo")
            assert [exchange.transcript.chunk_count for exchange in one.exchanges] == [2]
            urls.extend([one, other])

        def test_second():
            assert len(urls) == 2
            assert_closed()
        """
    )

    served.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_the_options_of_a_server_are_those_of_a_client(served: pytest.Pytester) -> None:
    served.makepyfile(
        """
        from client import *

        async def structured(event, context):
            return {"statusCode": 201, "body": "made"}

        async def test_it(function_url):
            assert await fetch(await function_url(structured, invoke_mode="BUFFERED")) == (201, "made")
            with pytest.raises(TypeError, match="no_such_option"):
                await function_url(structured, no_such_option=1)
        """
    )

    served.runpytest().assert_outcomes(passed=1)


def test_a_server_is_closed_when_its_test_fails(served: pytest.Pytester) -> None:
    """The failure is the test's own; no socket and no task is left on a loop that the next test shares."""
    served.makepyfile(
        """
        from client import *

        pytestmark = pytest.mark.asyncio(loop_scope="module")

        async def test_first(function_url):
            urls.append(await function_url(handlers.good))
            assert await fetch(urls[0]) == (200, "something else")

        async def test_second():
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert_closed()
        """
    )

    result = served.runpytest("-p", "no:randomly")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: assert (200, 'onetwo') == (200, 'something else')"])


def test_a_stream_that_nobody_read_to_its_end_does_not_hold_up_the_test(served: pytest.Pytester) -> None:
    served.makepyfile(
        """
        from client import *

        async def endless(event, context):
            while True:
                yield b"x"
                await asyncio.sleep(0)

        async def test_first(function_url):
            urls.append(await function_url(endless, on_disconnect="cancel"))
            async with aiohttp.ClientSession() as session, session.get(urls[0]) as response:
                assert await response.content.readexactly(1) == b"x"

        def test_second():
            assert_closed()
        """
    )

    served.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


@pytest.mark.parametrize("kind", ["return", "yield"])
def test_a_fixture_may_start_the_server(served: pytest.Pytester, kind: str) -> None:
    served.makepyfile(
        f"""
        from client import *

        @pytest.fixture
        async def url(function_url):
            {kind} await function_url(handlers.good)

        async def test_first(url):
            assert await fetch(url) == (200, "onetwo")
            urls.append(url)

        def test_second():
            assert_closed()
        """
    )

    served.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_a_server_is_closed_although_the_test_never_ran(served: pytest.Pytester) -> None:
    """Another fixture fails after the one that serves: the loop closes the server as it ends."""
    served.makepyfile(
        """
        from client import *

        @pytest.fixture
        async def url(function_url):
            urls.append(await function_url(handlers.good))

        @pytest.fixture
        def broken(url):
            raise RuntimeError("of the fixture")

        async def test_first(broken):
            pass

        def test_second():
            assert_closed()
        """
    )

    result = served.runpytest("-p", "no:randomly")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*RuntimeError: of the fixture"])


def test_hypothesis_examples_share_the_server_of_a_fixture(served: pytest.Pytester) -> None:
    """A server of the fixture serves every example; one that an example started ends with it."""
    served.makepyfile(
        """
        from client import *
        from hypothesis import HealthCheck, given, settings
        from hypothesis import strategies as st

        @pytest.fixture
        async def url(function_url):
            return await function_url(handlers.good)

        @settings(
            max_examples=3, database=None, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
        )
        @given(number=st.integers())
        async def test_first(url, function_url, number):
            assert_closed()
            assert await fetch(url) == (200, "onetwo")
            urls.append(await function_url(handlers.good))
            assert await fetch(urls[-1]) == (200, "onetwo")

        def test_second():
            assert_closed()
            assert not hasattr(test_first.hypothesis.inner_test, "__wrapped__")  # it is the user's own again
        """
    )

    served.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_a_plain_asyncio_run_may_serve_too(served: pytest.Pytester) -> None:
    """The server belongs to that loop, and ends with it."""
    served.makepyfile(
        """
        from client import *

        def test_it(function_url):
            async def main():
                urls.append(await function_url(handlers.good))
                return await fetch(urls[0])

            assert asyncio.run(main()) == (200, "onetwo")
            assert_closed()
        """
    )

    served.runpytest().assert_outcomes(passed=1)


def test_a_sync_test_is_told_at_once_that_it_cannot_serve(served: pytest.Pytester) -> None:
    """By the call: a coroutine that nobody can await would be no answer."""
    served.makepyfile(
        """
        import handlers

        def test_it(function_url):
            function_url(handlers.good)
        """
    )

    result = served.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LoopError: function_url serves on the running asyncio loop*`async def`*"])


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_server_on_a_loop_that_stands_still_is_an_error_and_no_hang(served: pytest.Pytester, kind: str) -> None:
    """It would take a connection and never answer: here in a sync test, and on the loop of another scope."""
    served.makepyfile(
        f"""
        from client import *
        import pytest_asyncio

        @pytest_asyncio.fixture(loop_scope="module")
        async def url(function_url):
            return await function_url(handlers.good)

        {kind} test_it(url):
            pytest.exit("this would hang")
        """
    )

    result = served.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["a fixture of this test serves on a loop that does not run while the test does*"])


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_server_on_a_loop_in_a_thread_is_left_to_that_loop(served: pytest.Pytester, kind: str) -> None:
    """It answers, because its loop runs; no other loop may end it."""
    served.makepyfile(
        f"""
        import http.client, queue, threading
        from client import *

        @pytest.fixture
        def url(function_url):
            served = queue.Queue()

            async def serve():
                over = asyncio.Event()
                served.put((await function_url(handlers.good), asyncio.get_running_loop(), over))
                await over.wait()

            thread = threading.Thread(target=asyncio.run, args=(serve(),))
            thread.start()
            url, loop, over = served.get()
            yield url
            loop.call_soon_threadsafe(over.set)
            thread.join()

        {kind} test_first(url):
            urls.append(url)
            connection = http.client.HTTPConnection(url.removeprefix("http://").strip("/"))
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"onetwo"
            connection.close()

        def test_second():
            assert_closed()
        """
    )

    served.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_a_start_that_is_cancelled_leaves_nothing_behind(served: pytest.Pytester) -> None:
    served.makepyfile(
        """
        from client import *

        async def test_it(function_url):
            starting = asyncio.create_task(function_url(handlers.good))
            await asyncio.sleep(0)
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
            for _ in range(50):
                await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}
        """
    )

    served.runpytest().assert_outcomes(passed=1)


def test_a_sync_test_may_ask_for_the_fixture_and_not_use_it(served: pytest.Pytester) -> None:
    served.makepyfile(
        """
        def test_it(function_url):
            pass
        """
    )

    served.runpytest().assert_outcomes(passed=1)


def test_a_server_that_cannot_start_raises_in_the_test(served: pytest.Pytester) -> None:
    """And leaves nothing to close."""
    served.makepyfile(
        """
        from apptheory_streaming.errors import UsageError
        from client import *

        async def test_it(function_url):
            with pytest.raises(UsageError, match="invoke_mode must be 'RESPONSE_STREAM' or 'BUFFERED', not 'STREAM'"):
                await function_url(handlers.good, invoke_mode="STREAM")
            assert asyncio.all_tasks() == {asyncio.current_task()}
        """
    )

    served.runpytest().assert_outcomes(passed=1)


def test_without_the_emulator_extra_it_says_what_to_install(project: pytest.Pytester) -> None:
    """And stream_client goes on working."""
    project.makepyfile(
        aiohttp="raise ModuleNotFoundError(\"No module named 'aiohttp'\", name='aiohttp')",
        test_it="""
        import handlers

        async def test_server(function_url):
            pass

        async def test_client(stream_client):
            assert (await stream_client(handlers.good).get()).status == 200
        """,
    )
    project.syspathinsert()

    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["function_url needs aiohttp: pip install 'apptheory-streaming[[]emulator[]]'"])
