"""A test that passes over a problem of one of its responses fails, as itself and for that reason."""

import pytest

PROBLEMS = {
    "mutates_late": "late mutation: header 'x-late' changed from nothing to ['1'] after chunk 0, at handlers.py:",
    "fails_late": "late error after 1 chunk: app.conflict: AppError: taken",
    "never_ends": "missing end: the handler returned without calling end; the stream was ended for it",
    "hangs_late": "late error after 1 chunk: app.timeout: FunctionTimeout: the function was still running after",
}
LOOKS = {
    "mutates_late": "assert len(capture.late_mutations) == 1",
    "fails_late": "assert capture.stream_error_code == 'app.conflict'",
    "never_ends": "assert capture.error is not None",
    "hangs_late": "assert capture.delivery_outcome == 'cut'",
}


def write(project: pytest.Pytester, handler: str, *lines: str, strict: bool = True) -> None:
    """Write a test that makes one request and then does what the lines say."""
    body = "\n    ".join(lines)
    options = f"strict={strict}, timeout={0.05 if handler == 'hangs_late' else None}"
    project.makepyfile(
        f"import handlers, pytest\n"
        f"async def test_it(stream_client):\n"
        f"    capture = await stream_client(handlers.{handler}, {options}).get()\n"
        f"    {body}\n"
    )


@pytest.mark.parametrize("handler", PROBLEMS)
def test_a_problem_that_nobody_looked_at_fails_the_test_itself(project: pytest.Pytester, handler: str) -> None:
    """F3, E3, F4, E5: a failure of the call, not an error of the teardown; it names request and problem."""
    write(project, handler, "assert capture.status == 200")

    result = project.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*Traceback*")
    text = result.stdout.str()
    assert "a response had problems that this test did not look at:" in text
    assert f"req_test_0001: {PROBLEMS[handler]}" in text
    assert "or make the client with `strict=False`." in text


@pytest.mark.parametrize("handler", PROBLEMS)
def test_looking_at_the_problem_passes(project: pytest.Pytester, handler: str) -> None:
    write(project, handler, LOOKS[handler])

    project.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize("handler", PROBLEMS)
def test_a_client_that_is_not_strict_passes(project: pytest.Pytester, handler: str) -> None:
    write(project, handler, "assert capture.status == 200", strict=False)

    project.runpytest().assert_outcomes(passed=1)


def test_a_sync_test_is_held_to_the_same(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import handlers

        def test_it(stream_client):
            assert stream_client(handlers.fails_late).sync.get().chunks == [b"one"]
        """
    )

    result = project.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*req_test_0001: late error after 1 chunk*"])


def test_a_failure_of_the_test_is_not_hidden(project: pytest.Pytester) -> None:
    """What the test itself found is the better reason."""
    write(project, "fails_late", "assert capture.status == 418")

    result = project.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 200 == 418"])
    result.stdout.no_fnmatch_line("*did not look at*")


@pytest.mark.parametrize(
    ("line", "outcome"), [("pytest.skip('enough')", "skipped"), ("pytest.xfail('known')", "xfailed")]
)
def test_a_test_that_gives_up_is_left_alone(project: pytest.Pytester, line: str, outcome: str) -> None:
    write(project, "fails_late", line)

    project.runpytest().assert_outcomes(**{outcome: 1})


def test_a_strict_xfail_expects_the_problem(project: pytest.Pytester) -> None:
    """It is the call that fails, so a mark on the test covers it."""
    project.makepyfile(
        """
        import handlers, pytest

        @pytest.mark.xfail(strict=True, raises=pytest.fail.Exception)
        async def test_with_a_problem(stream_client):
            await stream_client(handlers.fails_late).get()

        @pytest.mark.xfail(strict=True)
        async def test_without_one(stream_client):
            await stream_client(handlers.good).get()
        """
    )

    result = project.runpytest()

    result.assert_outcomes(xfailed=1, failed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*"])


def test_every_problem_of_every_response_is_listed(project: pytest.Pytester) -> None:
    """In the order of the requests, over all clients of the test, which share one counter (rule D2)."""
    project.makepyfile(
        """
        import handlers

        async def test_it(stream_client):
            await stream_client(handlers.fails_late).get()
            await stream_client(handlers.good).get()
            looked_at = await stream_client(handlers.fails_late).get()
            assert looked_at.error
            async with stream_client(handlers.mutates_late).stream("GET") as live:
                assert [chunk async for chunk in live] == [b"one"]
        """
    )

    result = project.runpytest()

    result.assert_outcomes(failed=1)
    listed = [line.split(": ")[0] for line in result.outlines if line.startswith("  req_test_")]
    assert listed == ["  req_test_0001", "  req_test_0004"]


def test_a_long_list_of_problems_is_shortened(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import handlers

        async def test_it(stream_client):
            client = stream_client(handlers.fails_late)
            for _ in range(15):
                await client.get()
        """
    )

    result = project.runpytest()

    result.stdout.fnmatch_lines(["  req_test_0010: *", "  … 5 more"])
    result.stdout.no_fnmatch_line("*req_test_0011*")


def test_what_the_test_cut_itself_is_no_problem(project: pytest.Pytester) -> None:
    """E4: leaving a live stream, and going away, are the test's own doing."""
    project.makepyfile(
        """
        import handlers, pytest

        @pytest.mark.parametrize("option", ["continue", "cancel"])
        @pytest.mark.parametrize("disconnects", [True, False])
        async def test_it(stream_client, option, disconnects):
            async with stream_client(handlers.fails_late, on_disconnect=option).stream("GET") as live:
                assert await anext(live) == b"one"
                if disconnects:
                    await live.disconnect()
        """
    )

    project.runpytest().assert_outcomes(passed=4)


def test_responses_that_a_fixture_asked_for_count_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import handlers, pytest

        @pytest.fixture
        async def capture(stream_client):
            return await stream_client(handlers.fails_late).get()

        async def test_that_looks(capture):
            assert capture.error

        async def test_that_does_not(capture):
            assert capture.status == 200
        """
    )

    project.runpytest().assert_outcomes(passed=1, failed=1)


def test_a_second_attempt_begins_afresh(project: pytest.Pytester) -> None:
    """Plugins that run a test again keep its item; what the first attempt left must not fail the second."""
    project.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            runtestprotocol(item, nextitem=nextitem, log=False)
            item._initrequest()
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            runtestprotocol(item, nextitem=nextitem)
            return True
        """
    )
    project.makepyfile(
        """
        import handlers

        attempts = []

        async def test_it(stream_client):
            attempts.append(None)
            handler = handlers.fails_late if len(attempts) == 1 else handlers.good
            capture = await stream_client(handler).get()
            assert capture.request_id == "req_test_0001"

        def test_there_were_two_attempts():
            assert len(attempts) == 2
        """
    )

    project.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_strict_is_a_truth_value(project: pytest.Pytester) -> None:
    """`"no"` would mean yes."""
    project.makepyfile(
        """
        import handlers, pytest
        from apptheory_streaming.errors import UsageError

        def test_it(stream_client):
            with pytest.raises(UsageError, match="strict must be True or False, not 'no'"):
                stream_client(handlers.good, strict="no")
        """
    )

    project.runpytest().assert_outcomes(passed=1)


def test_unittest_cases_are_held_to_the_same(project: pytest.Pytester) -> None:
    """They get the client by a fixture of the class, and their own failures stay theirs."""
    project.makepyfile(
        """
        import unittest

        import handlers, pytest

        class Case(unittest.IsolatedAsyncioTestCase):
            @pytest.fixture(autouse=True)
            def _client(self, stream_client):
                self.stream_client = stream_client

            async def test_good(self):
                self.assertEqual((await self.stream_client(handlers.good).get()).status, 200)

            async def test_with_a_problem(self):
                await self.stream_client(handlers.fails_late).get()

            async def test_with_a_failure_of_its_own(self):
                await self.stream_client(handlers.fails_late).get()
                self.assertEqual("mine", "other")
        """
    )

    result = project.runpytest()

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines_random(["*req_test_0001: late error*", "*AssertionError: 'mine' != 'other'*"])
    assert result.stdout.str().count("did not look at") == 1
