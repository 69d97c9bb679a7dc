"""The fixtures work under every way to run async tests, and without any."""

from textwrap import dedent

import pytest

MARKS = {"asyncio": "@pytest.mark.asyncio", "anyio": "@pytest.mark.anyio", "none": ""}

BACKEND = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""

TESTS = """
import aiohttp, handlers, pytest

MARK
async def test_a_capture(stream_client):
    assert (await stream_client(handlers.good).get()).chunks == [b"one", b"two"]

MARK
async def test_a_sync_handler(stream_client):
    assert (await stream_client(handlers.good_sync).get()).chunks == [b"one", b"two"]

MARK
async def test_a_live_stream(stream_client):
    async with stream_client(handlers.good).stream("GET") as live:
        assert [chunk async for chunk in live] == [b"one", b"two"]

MARK
async def test_a_late_error(stream_client):
    assert (await stream_client(handlers.fails_late).get()).stream_error_code == "app.conflict"

MARK
@pytest.mark.xfail(strict=True, raises=pytest.fail.Exception)
async def test_a_late_error_unseen(stream_client):
    await stream_client(handlers.fails_late).get()

MARK
async def test_a_server(function_url):
    url = await function_url(handlers.good)
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert await response.text() == "onetwo"
"""

INI = """
[pytest]
filterwarnings = error
asyncio_default_fixture_loop_scope = function
"""
INI_WITHOUT_ASYNCIO = """
[pytest]
filterwarnings = error
"""


@pytest.mark.parametrize(
    ("arguments", "mark", "ini"),
    [
        pytest.param(["--asyncio-mode=auto"], "none", INI, id="asyncio auto"),
        pytest.param(["--asyncio-mode=auto"], "asyncio", INI, id="asyncio auto, marked"),
        pytest.param(["--asyncio-mode=strict"], "asyncio", INI, id="asyncio strict"),
        pytest.param(["--asyncio-mode=auto", "-p", "no:anyio"], "none", INI, id="asyncio without anyio"),
        pytest.param(["-p", "no:asyncio"], "anyio", INI_WITHOUT_ASYNCIO, id="anyio without asyncio"),
        pytest.param(["-p", "no:asyncio", "--anyio-mode=auto"], "none", INI_WITHOUT_ASYNCIO, id="anyio auto"),
        pytest.param(["--asyncio-mode=strict"], "anyio", INI, id="anyio beside asyncio"),
    ],
)
def test_async_tests_have_everything(project: pytest.Pytester, arguments: list[str], mark: str, ini: str) -> None:
    """Captures, live streams, strictness and servers, with warnings as errors."""
    project.makefile(".ini", pytest=ini)
    project.makeconftest(BACKEND)
    project.makepyfile(TESTS.replace("MARK", MARKS[mark]))

    run = project.runpytest_subprocess if "-p" in arguments else project.runpytest

    run(*arguments).assert_outcomes(passed=5, xfailed=1)


def test_sync_tests_need_no_async_plugin(project: pytest.Pytester) -> None:
    """`client.sync` brings its own loop; a problem that nobody looked at fails here too."""
    project.makefile(".ini", pytest=INI_WITHOUT_ASYNCIO)
    project.makepyfile(
        """
        import handlers, pytest

        def test_a_capture(stream_client):
            client = stream_client(handlers.good).sync
            assert client.get().chunks == [b"one", b"two"]
            assert client.post("/", json={}).request_id == "req_test_0002"

        @pytest.mark.xfail(strict=True, raises=pytest.fail.Exception)
        def test_a_late_error_unseen(stream_client):
            stream_client(handlers.fails_late).sync.get()
        """
    )

    result = project.runpytest_subprocess("-p", "no:asyncio", "-p", "no:anyio")

    result.assert_outcomes(passed=1, xfailed=1)


def test_under_trio_it_says_what_is_needed(project: pytest.Pytester) -> None:
    """Where anyio runs a test, unless told otherwise, too; there is no asyncio loop."""
    project.makefile(".ini", pytest=INI_WITHOUT_ASYNCIO)
    project.makepyfile(
        """
        import handlers, pytest

        pytestmark = pytest.mark.anyio

        @pytest.fixture
        def anyio_backend():
            return "trio"

        async def test_a_capture(stream_client):
            await stream_client(handlers.good).get()

        async def test_a_live_stream(stream_client):
            stream_client(handlers.good).stream("GET")

        async def test_a_server(function_url):
            await function_url(handlers.good)
        """
    )

    result = project.runpytest_subprocess("-p", "no:asyncio", "-p", "no:randomly")

    result.assert_outcomes(failed=3)
    needs = "*LoopError: * asyncio loop*anyio*`anyio_backend` give 'asyncio'*"
    result.stdout.fnmatch_lines([needs, needs, needs])


def test_the_sync_client_in_an_async_test_says_what_to_write(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import handlers

        async def test_it(stream_client):
            stream_client(handlers.good).sync.get()
        """
    )

    result = project.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LoopError: `client.sync` would block the running loop*await client.get(...)*"])


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
def test_the_loop_may_have_any_scope(project: pytest.Pytester, scope: str) -> None:
    """What one test leaves on a loop that it shares would show in the next one: no task is left."""
    project.makepyfile(
        dedent(
            f"""
            import asyncio
            import aiohttp, handlers, pytest

            pytestmark = pytest.mark.asyncio(loop_scope={scope!r})

            class TestClass:
                @pytest.mark.parametrize("number", [1, 2])
                async def test_it(self, stream_client, function_url, number):
                    assert asyncio.all_tasks() == {{asyncio.current_task()}}
                    assert (await stream_client(handlers.good).get()).chunks == [b"one", b"two"]
                    async with stream_client(handlers.good).stream("GET") as live:
                        assert await anext(live) == b"one"
                    url = await function_url(handlers.good)
                    async with aiohttp.ClientSession() as session, session.get(url) as response:
                        assert await response.text() == "onetwo"
            """
        )
    )

    project.runpytest().assert_outcomes(passed=2)
