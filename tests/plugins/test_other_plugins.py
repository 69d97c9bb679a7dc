"""The plugin gets on with what people run beside it."""

import pytest

MIXED = """
import handlers, pytest

@pytest.mark.parametrize("number", range(4))
async def test_good(stream_client, number):
    capture = await stream_client(handlers.good).get()
    assert capture.chunks == [b"one", b"two"]
    assert capture.request_id == "req_test_0001"

@pytest.mark.parametrize("number", range(2))
async def test_with_a_problem(stream_client, number):
    await stream_client(handlers.fails_late).get()

async def test_with_other_chunks(stream_client):
    assert (await stream_client(handlers.good).get()).chunks == [b"one", b"three"]
"""


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-n", "2"], id="xdist"),
        pytest.param(["--randomly-seed=1"], id="randomly"),
        pytest.param(["--randomly-seed=2"], id="another order"),
        pytest.param(["-n", "2", "--randomly-seed=3"], id="both"),
        pytest.param(["-p", "no:randomly"], id="neither"),
        pytest.param(["-W", "error"], id="warnings as errors"),
        pytest.param(["--import-mode=importlib"], id="importlib"),
        pytest.param(["--assert=plain"], id="plain assertions"),
    ],
)
def test_the_outcomes_are_the_same(project: pytest.Pytester, arguments: list[str]) -> None:
    """D2: the counter of request ids belongs to the test, so no order of tests changes an id."""
    project.makepyfile(MIXED)
    project.syspathinsert()

    run = project.runpytest_subprocess if "-n" in arguments else project.runpytest

    run(*arguments).assert_outcomes(passed=4, failed=3)


def test_hypothesis_examples_make_captures(project: pytest.Pytester) -> None:
    """Each example may make requests; problems of any of them count."""
    project.makepyfile(
        """
        import handlers, pytest
        from hypothesis import HealthCheck, given, settings
        from hypothesis import strategies as st

        quick = settings(
            max_examples=5, database=None, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
        )

        @quick
        @given(name=st.text())
        async def test_async(stream_client, name):
            capture = await stream_client(handlers.good).get(params={"name": name})
            assert capture.chunks == [b"one", b"two"]

        @quick
        @given(name=st.text())
        def test_sync(stream_client, name):
            assert stream_client(handlers.good).sync.post(data={"name": name}).status == 200

        @quick
        @given(name=st.text())
        async def test_with_a_problem(stream_client, name):
            await stream_client(handlers.fails_late).get()
        """
    )

    result = project.runpytest("-p", "no:randomly")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*req_test_0001: late error after 1 chunk*"])


def test_classes_and_nested_parameters(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import handlers, pytest

        class TestPages:
            @pytest.fixture
            def client(self, stream_client):
                return stream_client(handlers.good)

            @pytest.mark.parametrize("method", ["GET", "POST"])
            async def test_async(self, client, method):
                assert (await client.request(method)).chunks == [b"one", b"two"]

            def test_sync(self, client):
                assert client.sync.get().chunks == [b"one", b"two"]

            @staticmethod
            async def test_static(stream_client):
                assert (await stream_client(handlers.good).get()).status == 200
        """
    )

    project.runpytest().assert_outcomes(passed=4)


def test_a_fixture_may_be_overridden_by_one_that_uses_it(project: pytest.Pytester) -> None:
    """As users do to give every client of a folder the same options."""
    project.makeconftest(
        """
        import functools, pytest

        @pytest.fixture
        def stream_client(stream_client):
            return functools.partial(stream_client, env={"STAGE": "test"})
        """
    )
    project.makepyfile(
        """
        import os

        async def handler(event, context):
            yield os.environ["STAGE"]

        async def test_it(stream_client):
            assert (await stream_client(handler).get()).text == "test"
        """
    )

    project.runpytest().assert_outcomes(passed=1)


def test_strict_configuration_is_no_obstacle(project: pytest.Pytester) -> None:
    """The plugin adds no option and no marker that it would have to declare."""
    project.makepyfile(MIXED)

    result = project.runpytest("--strict-markers", "--strict-config")

    result.assert_outcomes(passed=4, failed=3)


def test_doctests_may_use_the_client(project: pytest.Pytester) -> None:
    """An item that is no function has no call to wrap, and is held to the same strictness."""
    project.makefile(
        ".md",
        README="""
        >>> import handlers
        >>> stream_client = getfixture("stream_client")
        >>> stream_client(handlers.good).sync.get().chunks
        [b'one', b'two']
        """,
        PROBLEM="""
        >>> import handlers
        >>> getfixture("stream_client")(handlers.fails_late).sync.get().status
        200
        """,
    )
    project.syspathinsert()

    result = project.runpytest("--doctest-glob=*.md")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*req_test_0001: late error after 1 chunk*"])
