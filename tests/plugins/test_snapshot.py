"""The fixture `stream_snapshot`, and captures in syrupy's own `snapshot`."""

from pathlib import Path

import pytest

HANDLER = """
    async def handler(event, context):
        yield {first}
        yield {second}
"""

TEST = """
    async def test_it(stream_client, stream_snapshot):
        capture = await stream_client(handler).get()
        assert capture == stream_snapshot{options}
"""


def write(
    project: pytest.Pytester, first: str = "'one\\n'", second: str = "'two'", *, options: str = "", test: str = TEST
) -> None:
    """Write a test file with a handler that yields two chunks."""
    project.makepyfile(test_page=HANDLER.format(first=first, second=second) + test.format(options=options))


def update(project: pytest.Pytester) -> None:
    """Take the snapshots."""
    project.runpytest("--snapshot-update").assert_outcomes(passed=1)


def explanation(project: pytest.Pytester) -> str:
    """What the failing run says, one line for each `E`."""
    result = project.runpytest("-vv")
    result.assert_outcomes(failed=1)
    return "\n".join(line.removeprefix("E").strip() for line in result.outlines if line.startswith("E "))


def snapshots(project: pytest.Pytester) -> list[Path]:
    """The files that there are."""
    return sorted((project.path / "__snapshots__").rglob("*.*"))


def test_a_snapshot_is_taken_and_compared(project: pytest.Pytester) -> None:
    """A file beside the test, named after it, with the text of `capture.render()`."""
    write(project)
    update(project)
    (file,) = snapshots(project)

    assert file.relative_to(project.path).as_posix() == "__snapshots__/test_page/test_it.stream"
    assert (
        b"--- chunk 0  +0 s  text 4 B\n| one\n--- chunk 1  +0 s  text 3 B  no-eol\n| two\n=== end  at 0 s  2 chunks"
        in file.read_bytes()
    )
    project.runpytest().assert_outcomes(passed=1)


def test_without_a_snapshot_the_test_fails_and_says_how_to_take_one(project: pytest.Pytester) -> None:
    write(project)

    said = explanation(project)

    assert "assert snapshot 'test_it' does not exist: run pytest with --snapshot-update\n" in said
    assert "\n+ | one\n" in said
    assert not snapshots(project)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("'one'", "'\\ntwo'", "same bytes, boundaries moved"),
        ("'one\\n'", "'too'", "chunk 1 differs"),
        ("'one\\r\\n'", "'two'", "same text, line ends differ: chunk 0 differs"),
        ("'one\\r'", "'two'", "same text, line ends differ: chunk 0 differs"),
        ("'one \\n'", "'two'", "chunk 0 differs"),
    ],
)
def test_a_failure_says_first_what_kind_it_is(project: pytest.Pytester, first: str, second: str, verdict: str) -> None:
    """And the short summary at the end of the run says it too; CR and LF are not the same."""
    write(project)
    update(project)
    write(project, first, second)

    said = explanation(project)

    assert said.startswith(("AssertionError: assert " + verdict, "assert " + verdict))
    assert "\n- " in said
    assert "\n+ " in said


def test_the_snapshot_may_stand_on_the_left(project: pytest.Pytester) -> None:
    write(project)
    update(project)
    write(project, "'1'", test=TEST.replace("capture == stream_snapshot", "stream_snapshot == capture"))

    assert "assert chunk 0 differs" in explanation(project)


def test_each_view_is_a_snapshot_of_its_own(project: pytest.Pytester) -> None:
    """The body view does not mind where it is cut, nor the events view how lines end."""
    test = TEST + "".join(
        f"        assert capture == stream_snapshot(view={view!r}, name={name!r})\n"
        for view, name in [("body", None), ("events", "the events"), ("timing", None)]
    )
    write(project, "'data: 1\\n\\n'", "'data: 2\\n\\n'", test=test)
    update(project)

    assert [file.name for file in snapshots(project)] == [
        "test_it.1.stream",
        "test_it.3.stream",
        "test_it.stream",
        "test_it[the events].stream",
    ]
    project.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("view", "second"), [("body", "'\\ndata: 2\\n\\n'"), ("events", "'\\r\\ndata:2\\r\\n\\n'")], ids=["body", "events"]
)
def test_a_view_ignores_what_it_does_not_show(project: pytest.Pytester, view: str, second: str) -> None:
    write(project, "'data: 1\\n\\n'", "'data: 2\\n\\n'", options=f"(view={view!r})")
    update(project)
    write(project, "'data: 1\\n'", second, options=f"(view={view!r})")

    project.runpytest().assert_outcomes(passed=1)


def test_an_unknown_view_is_an_error_that_names_those_there_are(project: pytest.Pytester) -> None:
    write(project, options="(view='json')")

    assert "view must be 'chunks' or 'body' or 'events' or 'timing', not 'json'" in explanation(project)


def test_what_is_no_redaction_is_said_by_the_call(project: pytest.Pytester) -> None:
    """Before anything is compared."""
    project.makepyfile(
        """
        import pytest
        from apptheory_streaming.errors import UsageError

        def test_it(stream_snapshot):
            with pytest.raises(UsageError, match="is no regular expression"):
                stream_snapshot(redact={"<id>": "("})
            with pytest.raises(UsageError, match="redact maps what is to stand there"):
                stream_snapshot(redact=["<id>"])
            with pytest.raises(UsageError, match="view must be"):
                stream_snapshot(view="json")
        """
    )

    project.runpytest().assert_outcomes(passed=1)


def test_an_id_that_two_chunks_share_is_redacted(project: pytest.Pytester) -> None:
    """Wherever it is cut, and however long it is."""
    options = "(redact={'<id>': r'id-\\w+'})"
    write(project, "'{id-4'", "'711}'", options=options)
    update(project)

    assert b"| {<id>\n" in snapshots(project)[0].read_bytes()
    write(project, "'{id-abc'", "'d}'", options=options)
    project.runpytest().assert_outcomes(passed=1)
    write(project, "'{id-abc'", "'d)'", options=options)
    assert "chunk 1 differs" in explanation(project)


@pytest.mark.parametrize("fixture", ["stream_snapshot", "snapshot"])
def test_comparing_with_a_snapshot_is_looking(project: pytest.Pytester, fixture: str) -> None:
    """Strict mode: how the response ended is in the snapshot."""
    project.makepyfile(
        f"""
        import handlers

        async def test_it(stream_client, {fixture}):
            assert await stream_client(handlers.fails_late).get() == {fixture}
        """
    )
    update(project)

    project.runpytest().assert_outcomes(passed=1)


def test_amber_holds_a_capture_without_loss(project: pytest.Pytester) -> None:
    """Plain `snapshot`, which by itself takes CR LF for LF; also inside of other values."""
    test = TEST.replace("stream_snapshot", "snapshot") + "        assert {'page': [capture]} == snapshot\n"
    write(project, "'a\\u2028\\n'", "'b'", test=test.replace("{'", "{{'").replace("]}", "]}}"))
    update(project)
    project.runpytest().assert_outcomes(passed=1)

    assert "  | a\\u2028\n" in snapshots(project)[0].read_text()
    write(project, "'a\\u2028\\r\\n'", "'b'", test=test.replace("{'", "{{'").replace("]}", "]}}"))
    assert "| a\\u2028\\r" in explanation(project)


def test_the_extension_serves_the_options_of_syrupy(project: pytest.Pytester) -> None:
    """For those who choose it by `--snapshot-default-extension` or `use_extension`."""
    write(project, test=TEST.replace("stream_snapshot", "snapshot"))
    option = "--snapshot-default-extension=apptheory_plugins.snapshot.StreamSnapshotExtension"
    project.runpytest(option, "--snapshot-update").assert_outcomes(passed=1)
    write(project, second="'too'", test=TEST.replace("stream_snapshot", "snapshot"))

    result = project.runpytest(option, "-vv")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *chunk 1 differs", "E *- | two", "E *+ | too"])


def test_something_else_than_a_capture_is_refused(project: pytest.Pytester) -> None:
    write(project, test=TEST.replace("capture ==", "capture.body =="))

    assert "stream_snapshot compares a StreamCapture, not bytes" in explanation(project)


def test_it_works_in_parallel_and_in_any_order(project: pytest.Pytester) -> None:
    """With xdist and randomly, taken and compared."""
    test = "@pytest.mark.parametrize('number', range(6))\n    " + TEST.strip().replace("(stream", "(number, stream")
    write(project, test="\n    import pytest\n\n    " + test)
    project.syspathinsert()

    project.runpytest_subprocess("-n", "2", "--snapshot-update").assert_outcomes(passed=6)
    assert len(snapshots(project)) == 6
    project.runpytest_subprocess("-n", "2", "-p", "randomly").assert_outcomes(passed=6)


def test_without_syrupy_the_fixture_says_what_to_install(project: pytest.Pytester) -> None:
    """It is in the extra `testkit`."""
    write(project)
    project.makeconftest("import sys\nsys.modules['syrupy'] = None\n")

    result = project.runpytest_subprocess("-p", "no:syrupy")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*stream_snapshot needs syrupy*: pip install 'apptheory-streaming?testkit?'"])


def test_with_syrupy_switched_off_the_fixture_says_so(project: pytest.Pytester) -> None:
    write(project)

    result = project.runpytest_subprocess("-p", "no:syrupy")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["stream_snapshot needs syrupy's plugin, which is switched off here"])
