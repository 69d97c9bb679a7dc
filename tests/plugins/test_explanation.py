"""A failing comparison of chunks or captures is explained; everything else is left to pytest and others."""

import pytest


def failing(project: pytest.Pytester, *lines: str) -> pytest.RunResult:
    """Run one test that has a capture, with these lines as its body."""
    body = "\n    ".join(lines)
    project.makepyfile(
        f"import handlers\nasync def test_it(stream_client):\n"
        f"    capture = await stream_client(handlers.good).get()\n    {body}\n"
    )
    result = project.runpytest("-vv")
    result.assert_outcomes(failed=1)
    return result


@pytest.mark.parametrize(
    "comparison", ["capture.chunks == [b'one', b'too']", "[b'one', b'too'] == capture.chunks"], ids=["left", "right"]
)
def test_two_lists_of_chunks_are_aligned(project: pytest.Pytester, comparison: str) -> None:
    """On whichever side the capture stands, + is what was got."""
    result = failing(project, f"assert {comparison}")

    result.stdout.fnmatch_lines(
        [
            "E       AssertionError: assert chunk 1 differs at byte 1",
            "E           got 2 chunks (+), expected 2 chunks (-)",
            "E             0  'one'",
            "E           - 1  'too'",
            "E           + 1  'two'",
        ],
        consecutive=True,
    )


def test_the_summary_names_the_first_difference(project: pytest.Pytester) -> None:
    """The short line at the end of a run says more than that two lists differ."""
    result = failing(project, "assert capture.chunks == [b'one']")

    result.stdout.fnmatch_lines(["FAILED *::test_it - AssertionError: assert chunk 1 is not expected*"])


def test_text_in_the_place_of_bytes_is_named(project: pytest.Pytester) -> None:
    result = failing(project, "assert capture.chunks == ['one', 'two']")

    result.stdout.fnmatch_lines(["*chunk 0 of the expected list is str, and chunks are bytes: write b'one'"])


def test_two_captures_are_compared_field_by_field(project: pytest.Pytester) -> None:
    result = failing(project, "assert capture == await stream_client(handlers.good).get()")

    result.stdout.fnmatch_lines(["E * assert the captures differ", "*- request_id: req_test_0002"])


@pytest.mark.parametrize(
    "comparison",
    [
        "[b'one'] == [b'two']",
        "capture.chunks[:] == [b'two', b'two']",
        "capture.cookies == ['c=1']",
        "capture.chunks != [b'one', b'two']",
        "capture.chunks is [b'one', b'too']",
        "capture.chunks > [b'two', b'too']",
        "capture.chunks == None",
    ],
)
def test_other_comparisons_are_explained_as_ever(project: pytest.Pytester, comparison: str) -> None:
    """Users' own lists, other operators, and values that are none of a capture's."""
    result = failing(project, f"assert {comparison}")

    assert f">       assert {comparison}" in result.outlines
    result.stdout.no_fnmatch_line("*differs at byte*")
    result.stdout.no_fnmatch_line("*chunks are*")


def test_a_users_own_class_of_the_same_name_is_left_alone(project: pytest.Pytester) -> None:
    result = failing(project, "class ChunkList(list): pass", "assert ChunkList([b'a']) == [b'b']")

    result.stdout.fnmatch_lines(["*At index 0 diff: b'a' != b'b'"])


def test_explanations_of_other_plugins_come_through(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        def pytest_assertrepr_compare(op, left, right):
            if isinstance(left, complex):
                return ["two complex numbers"]
        """
    )

    failing(project, "assert 1j == 2j").stdout.fnmatch_lines(["*assert two complex numbers"])


def test_the_assertion_on_the_head_fails_at_the_line_of_the_test(project: pytest.Pytester) -> None:
    """Frames of the testkit would only stand between the reader and the handler's mistake."""
    project.makepyfile(
        """
        import handlers

        async def test_it(stream_client):
            capture = await stream_client(handlers.mutates_late).get()
            capture.assert_headers_finalized_before_first_chunk()
        """
    )

    result = project.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       capture.assert_headers_finalized_before_first_chunk()",
            "E       AssertionError: the head changed after it was final:",
            "E         header 'x-late' changed from nothing to [[]'1'[]] after chunk 0, at handlers.py:*",
            "*.py:5: AssertionError",
        ]
    )
    result.stdout.no_fnmatch_line("*apptheory_testkit*")
