"""Contract documents as tests: collected once handlers are named, one item a document and target."""

import sys

import pytest

from contract_documents import MODULE, text

FAILING = {"/id": "stream.other", "/expect/response/chunks": [{"encoding": "utf8", "value": "two"}]}


@pytest.fixture
def documents(project: pytest.Pytester) -> pytest.Pytester:
    """A project with a document, its handlers, and documents that fail, cannot be read, and are none of ours."""
    project.makepyfile(handlers_of_two=MODULE)
    for name, content in {
        "two": text(),
        "fails": text(FAILING),
        "broken": text({"/tier": "p9"}),
        "unknown": text({"/id": "stream.unknown", "/setup/routes/0/handler": "three"}),
        "foreign": text({"/id": "mcp.one", "/tier": "mcp"}),
    }.items():
        (project.path / f"{name}.stream.json").write_text(content)
    return project


def test_without_handlers_documents_are_left_alone(documents: pytest.Pytester) -> None:
    """A project may have files of this name that are something else; nothing is loaded for them."""
    documents.makepyfile(
        """
        import sys

        def test_it():
            assert not {"apptheory_testkit", "apptheory_emulator", "apptheory_fixtures"} & set(sys.modules)
        """
    )

    result = documents.runpytest_subprocess("-p", "no:hypothesispytest", "-p", "no:syrupy", "-p", "no:anyio")

    result.assert_outcomes(passed=1)


def test_with_handlers_each_document_is_a_test(documents: pytest.Pytester) -> None:
    """A failure is the difference and nothing else; what cannot be read is an error, what is not run is skipped."""
    result = documents.runpytest(
        "--contract-handlers=handlers_of_two.py", "--continue-on-collection-errors", "-rs", "-p", "no:randomly"
    )

    result.assert_outcomes(passed=1, failed=2, skipped=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "_* ERROR collecting broken.stream.json _*",
            '*broken.stream.json#/tier: must be one of "p0", "p1", "p2", "m12", "m14", not "p9"',
            "_* stream.other (in-process) _*",
            "stream.other (in-process): Two chunks arrive as they were written.",
            "  *fails.stream.json",
            "  chunk 0 differs at byte 0",
            "    got 2 chunks (+), expected 1 chunk (-)",
            "    - 0  'two'",
            "    + 0  'one'",
            "    + 1  hex 00 ff",
            "_* stream.unknown (in-process) _*",
            "*unknown.stream.json#/setup/routes/0/handler: there is no handler 'three'; there are two",
            "SKIPPED * not ours: documents of tier mcp are about AppTheory itself",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*runner.py*")


def test_a_document_is_a_test_for_each_target(documents: pytest.Pytester) -> None:
    """The handlers may stand in the configuration, from its folder; workers end with the run."""
    runtime = f"exec={sys.executable} -m apptheory_streaming.runtime handlers_of_two.py:{{handler}}"
    folder = documents.mkdir("folder")
    (folder / "two.stream.json").write_text(text())
    targets = [f"--contract-target={each}" for each in ("in-process", "http", runtime, "http")]

    result = documents.runpytest(
        "-o", "contract_handlers=handlers_of_two.py", *targets, "-v", "folder", "-p", "no:randomly"
    )

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "folder/two.stream.json::stream.two_chunks?in-process? PASSED *",
            "folder/two.stream.json::stream.two_chunks?http? PASSED *",
            "folder/two.stream.json::stream.two_chunks?*apptheory_streaming.runtime? PASSED *",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--contract-handlers=no_module_of_two"], "there is no module 'no_module_of_two' *"),
        (
            ["--contract-handlers=handlers_of_two", "--contract-target=ftp"],
            "there is no target 'ftp': there are in-process, http, python, node, exec=COMMAND",
        ),
    ],
    ids=["handlers", "target"],
)
def test_handlers_and_targets_that_there_are_not_are_one_usage_error(
    documents: pytest.Pytester, arguments: list[str], message: str
) -> None:
    """One line for all documents, and nothing is run."""
    result = documents.runpytest(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.assert_outcomes()
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_document_that_is_named_without_handlers_is_told_the_option(documents: pytest.Pytester) -> None:
    """Whoever names a document wants it run; one that a folder holds is left alone."""
    named = documents.runpytest("two.stream.json")
    documents.mkdir("folder")
    (documents.path / "folder" / "two.stream.json").write_text(text())
    held = documents.runpytest("folder")

    assert named.ret == pytest.ExitCode.USAGE_ERROR
    named.stderr.fnmatch_lines(["ERROR: --contract-handlers is missing: it names the module, Python file or folder *"])
    assert held.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_under_xdist_handlers_that_there_are_not_are_one_error(documents: pytest.Pytester) -> None:
    """Its processes collect, and only errors of collecting are shown."""
    (documents.path / "other.stream.json").write_text(text({"/id": "stream.other_one"}))

    result = documents.runpytest_subprocess("--contract-handlers=no_module_of_two", "-n", "1")

    assert result.ret != 0
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["there is no module 'no_module_of_two' *"])


def test_an_id_of_two_files_is_told_with_both(project: pytest.Pytester) -> None:
    """Tests and reports name documents by their ids."""
    project.makepyfile(handlers_of_two=MODULE)
    for name in ("one", "two"):
        (project.path / f"{name}.stream.json").write_text(text())

    result = project.runpytest("--contract-handlers=handlers_of_two.py")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*two.stream.json#/id: 'stream.two_chunks' is the id of *one.stream.json too: *"])
