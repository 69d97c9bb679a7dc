"""What does not go together with virtual time says so, and names the marker that leaves it."""

import pytest

REAL = '@pytest.mark.streaming(clock="real")'


def failure(project: pytest.Pytester, *arguments: str, errors: int = 0) -> str:
    """The text of the one failure of a run."""
    result = project.runpytest(*arguments)
    result.assert_outcomes(failed=1 - errors, errors=errors)
    return " ".join(str(result.stdout).split())


def test_an_unknown_clock_of_the_configuration_ends_the_run_with_one_line(project: pytest.Pytester) -> None:
    """It has the value and the choices, and no traceback."""
    project.makepyfile("async def test_it(stream_client): pass")

    result = project.runpytest_subprocess("-o", "streaming_clock=wrong")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert str(result.stderr).strip() == "ERROR: streaming_clock must be 'virtual' or 'real', not 'wrong'"


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('clock="virtuel"', "must be 'virtual' or 'real', not 'virtuel'"),
        ('clcok="real"', "the marker `streaming` takes by keyword: clock ('virtual' or 'real')"),
        ('"real"', "the marker `streaming` takes by keyword: clock ('virtual' or 'real')"),
        ('transport="carrier"', "must be 'in-process', 'http' or 'both', not 'carrier'"),
    ],
)
def test_a_wrong_marker_fails_its_test_alone(project: pytest.Pytester, marker: str, message: str) -> None:
    """A typing error would else run the test in another clock than was meant; the other tests run."""
    project.makepyfile(
        f"""
        import handlers, pytest

        @pytest.mark.streaming({marker})
        async def test_wrong(stream_client): pass

        async def test_right(stream_client):
            assert (await stream_client(handlers.good).get()).duration == 0
        """
    )

    result = project.runpytest()

    result.assert_outcomes(passed=1, errors=1)
    assert message in " ".join(str(result.stdout).split())
    result.stdout.no_fnmatch_line("*pluggy*.py*")


def test_a_fixture_that_is_asked_for_too_late(project: pytest.Pytester) -> None:
    """The loop was chosen when the test was collected, so it would run in real time in silence."""
    project.makepyfile(
        """
        async def test_it(request):
            request.getfixturevalue("stream_client")
        """
    )

    text = failure(project)

    assert "stream_client came through `getfixturevalue`, too late for the virtual clock" in text
    assert REAL in text


@pytest.mark.parametrize("text", ['@pytest.mark.streaming(clock="real")\nasync ', ""], ids=["real", "sync"])
def test_a_fixture_may_be_asked_for_late_where_the_clock_is_not_in_question(
    project: pytest.Pytester, text: str
) -> None:
    """In real time, or without a loop of pytest's."""
    project.makepyfile(f'import pytest\n{text}def test_it(request):\n    request.getfixturevalue("stream_client")\n')

    project.runpytest().assert_outcomes(passed=1)


def test_a_fixture_of_the_test_may_bring_the_client(project: pytest.Pytester) -> None:
    """It is known at collection."""
    project.makepyfile(
        """
        import handlers, pytest

        @pytest.fixture
        def client(stream_client):
            return stream_client(handlers.good)

        async def test_it(client):
            assert (await client.get()).duration == 0
        """
    )

    project.runpytest().assert_outcomes(passed=1)


def test_uvloop_by_the_mark_of_a_test(project: pytest.Pytester) -> None:
    """pytest-asyncio alone would skip the test in silence."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio(loop_factories=["uvloop"])
        async def test_it(stream_client): pass
        """
    )

    text = failure(project, errors=1)

    assert "this test asks for the loop factory 'uvloop' and runs in virtual time" in text
    assert REAL in text


def test_a_loop_factory_that_nobody_gives_fails_a_test_in_real_time(project: pytest.Pytester) -> None:
    """As without us, where it is no skip; its neighbours run."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio(loop_factories=["uvloop"])
        async def test_it(): pass

        @pytest.mark.asyncio
        async def test_other(): pass
        """
    )

    result = project.runpytest()

    result.assert_outcomes(errors=1, passed=1)
    text = " ".join(str(result.stdout).split())
    assert "this test asks for the loop factory 'uvloop', and nothing gives one" in text
    assert "requires at least one pytest_asyncio_loop_factories hook implementation" in text


def test_a_loop_factory_of_the_suite_is_had_by_its_name(project: pytest.Pytester) -> None:
    """In real time, and one that the suite does not have is for pytest-asyncio to judge."""
    project.makeconftest(
        """
        import asyncio

        def pytest_asyncio_loop_factories():
            return {"theirs": asyncio.SelectorEventLoop}
        """
    )
    project.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio(loop_factories=["theirs"])
        async def test_it(): pass

        @pytest.mark.asyncio(loop_factories=["other"])
        async def test_other(): pass
        """
    )

    project.runpytest().assert_outcomes(passed=1, skipped=1)


def test_a_loop_for_the_whole_suite_gives_way_in_virtual_tests_only(project: pytest.Pytester) -> None:
    """By pytest-asyncio's hook, or by the older fixture."""
    project.makeconftest(
        """
        import asyncio

        class TheirLoop(asyncio.SelectorEventLoop):
            pass

        def pytest_asyncio_loop_factories():
            return {"theirs": TheirLoop}
        """
    )
    project.makepyfile(
        """
        import asyncio
        import handlers

        def loop():
            return type(asyncio.get_running_loop()).__name__

        async def test_virtual(stream_client):
            assert (await stream_client(handlers.good).get()).duration == 0
            assert loop() == "VirtualLoop"

        async def test_theirs():
            assert loop() == "TheirLoop"
        """
    )

    project.runpytest().assert_outcomes(passed=2)


def test_a_client_for_another_clock(project: pytest.Pytester) -> None:
    """Both ways."""
    project.makepyfile(
        """
        import handlers, pytest
        from apptheory_streaming.errors import UsageError

        async def test_real_in_virtual(stream_client):
            with pytest.raises(UsageError, match="is for real time, but the running loop is in virtual time"):
                await stream_client(handlers.good, clock="real").get()

        @pytest.mark.streaming(clock="real")
        async def test_virtual_in_real(stream_client):
            client = stream_client(handlers.good, clock="virtual")
            with pytest.raises(UsageError, match="is for virtual time, but the running loop is in real time"):
                await client.get()
            with pytest.raises(UsageError, match="is for virtual time"):
                await client.invoke({})
            with pytest.raises(UsageError, match="is for virtual time"):
                client.stream("GET")

        def test_sync_takes_the_clock_of_the_client(stream_client):
            assert stream_client(handlers.good).sync.get().duration == 0
            assert stream_client(handlers.good, clock="real").sync.get().duration is None
        """
    )

    project.runpytest().assert_outcomes(passed=3)


def test_a_marker_of_a_parameter_comes_too_late(project: pytest.Pytester) -> None:
    """pytest-asyncio chooses the loop without it."""
    project.makepyfile(
        """
        import handlers, pytest

        @pytest.mark.parametrize("number", [pytest.param(1, marks=pytest.mark.streaming(clock="real"))])
        async def test_it(stream_client, number):
            await stream_client(handlers.good).get()
        """
    )

    assert "in `pytest.param` it comes too late" in failure(project)


def test_a_loop_of_the_tests_own_is_its_own(project: pytest.Pytester) -> None:
    """A sync test may run any loop, and unittest's async cases bring theirs."""
    project.makepyfile(
        """
        import asyncio, unittest
        import handlers, pytest

        def test_it(stream_client):
            assert asyncio.run(stream_client(handlers.good).get()).duration is None

        class Case(unittest.IsolatedAsyncioTestCase):
            @pytest.fixture(autouse=True)
            def _client(self, stream_client):
                self.client = stream_client(handlers.good)

            async def test_it(self):
                assert (await self.client.get()).duration is None
        """
    )

    project.runpytest().assert_outcomes(passed=2)


def test_another_process_is_refused(project: pytest.Pytester) -> None:
    """Its answer takes real time."""
    project.makepyfile(
        """
        import asyncio, sys

        async def test_it(stream_client):
            await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        """
    )

    text = failure(project)

    assert "RealIOError: this test starts another process; a virtual clock would run on meanwhile" in text
    assert REAL in text


def test_a_server_of_another_loop_is_refused(project: pytest.Pytester) -> None:
    """One in a thread, say; not as a timeout that fires at once."""
    project.makepyfile(
        """
        import asyncio, contextlib, socket

        async def test_it(stream_client):
            with socket.create_server(("127.0.0.1", 0)) as server:
                _, writer = await asyncio.open_connection(*server.getsockname())
                with contextlib.closing(writer):
                    await asyncio.sleep(1)
        """
    )

    text = failure(project)

    assert "RealIOError: this test connected to 127.0.0.1:" in text
    assert "which its own loop does not serve" in text


ANYIO = """
[pytest]
filterwarnings = error
"""


@pytest.mark.parametrize(
    "backend",
    ['"asyncio"', '("asyncio", {"debug": True})', '("asyncio", {"use_uvloop": True})'],
    ids=["name", "debug", "uvloop"],
)
def test_anyio_alone_runs_tests_and_their_fixtures_in_virtual_time(project: pytest.Pytester, backend: str) -> None:
    """A loop that the suite chose gives way; other tests keep it, and a runner of a module keeps its own."""
    project.makefile(".ini", pytest=ANYIO)
    project.makeconftest(
        f"import pytest\n\n@pytest.fixture(scope='module')\ndef anyio_backend():\n    return {backend}\n"
    )
    project.makepyfile(
        """
        import asyncio, time
        import anyio, handlers, pytest
        from hypothesis import given, settings, strategies as st

        pytestmark = pytest.mark.anyio

        @pytest.fixture
        async def opened():
            before = asyncio.get_running_loop()
            yield before
            assert before is asyncio.get_running_loop()
            assert before.time() == 3600

        async def test_virtual(opened, stream_client, virtual_clock):
            assert opened is asyncio.get_running_loop()
            assert (await stream_client(handlers.good).get()).duration == 0
            await anyio.sleep(3600)
            assert (virtual_clock.now, time.time()) == (3600, 1893459600)

        async def test_not_ours():
            assert type(asyncio.get_running_loop()).__name__ != "VirtualLoop"

        @settings(max_examples=5)
        @given(st.integers(0, 9))
        async def test_property(stream_client, number):
            assert (await stream_client(handlers.good).get()).duration == 0
        """
    )

    result = project.runpytest_subprocess("-p", "no:asyncio", "-p", "no:randomly")

    result.assert_outcomes(passed=3)


def test_anyio_with_uvloop_as_a_parameter_of_the_test(project: pytest.Pytester) -> None:
    """That asks for both."""
    project.makefile(".ini", pytest=ANYIO)
    project.makepyfile(
        """
        import pytest

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})])
        async def test_it(stream_client): pass
        """
    )

    result = project.runpytest_subprocess("-p", "no:asyncio")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*this test asks for uvloop and runs in virtual time*"])


def test_anyio_with_a_fixture_of_a_wider_scope(project: pytest.Pytester) -> None:
    """It has started the loop that all share."""
    project.makefile(".ini", pytest=ANYIO)
    project.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.anyio

        @pytest.fixture(scope="module")
        def anyio_backend():
            return "asyncio"

        @pytest.fixture(scope="module")
        async def wide():
            yield 1

        async def test_it(wide, stream_client): pass

        @pytest.mark.streaming(clock="real")
        async def test_real(wide, stream_client): pass
        """
    )

    result = project.runpytest_subprocess("-p", "no:asyncio")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*an async fixture of a wider scope holds anyio's loop*"])
