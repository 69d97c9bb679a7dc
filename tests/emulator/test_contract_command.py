"""`apptheory-emulate contract`: a table of documents and targets, in three formats, and its exit codes."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from apptheory_emulator.cli import main
from contract_documents import MODULE, text

FAILING = {"/id": "stream.other", "/expect/response/status": 200}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a user, with a document and its handlers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "two.stream.json").write_text(text())
    (tmp_path / "handlers_of_two.py").write_text(MODULE)
    monkeypatch.delitem(sys.modules, "handlers_of_two", raising=False)
    return tmp_path


def contract(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code, and what was written."""
    with pytest.raises(SystemExit) as exit_:
        main.main(["contract", *arguments], prog_name="apptheory-emulate")
    out, err = capfd.readouterr()
    return int(exit_.value.code or 0), out, err


def test_what_holds_is_a_table_and_exit_code_0(capfd: pytest.CaptureFixture[str]) -> None:
    """A module is looked up from the current folder; a target that is named twice is run once."""
    targets = ("--target", "in-process", "--target", "http", "--target", "http")

    assert contract(capfd, "two.stream.json", "--handlers", "handlers_of_two", *targets) == (
        0,
        "document           in-process  http\nstream.two_chunks  ok          ok\n\n1 document: 2 passed\n",
        "",
    )


def test_what_differs_is_told_and_exit_code_1(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    """Failures come below the table; a folder gives its documents."""
    (folder / "other.stream.json").write_text(text(FAILING))

    code, out, err = contract(capfd, ".", "--handlers", "handlers_of_two.py")

    assert (code, err) == (1, "")
    assert out == (
        "document           in-process\nstream.other       FAILED\nstream.two_chunks  ok\n\n"
        "stream.other (in-process): Two chunks arrive as they were written.\n  other.stream.json\n"
        "  status differs\n    - 200\n    + 201\n\n2 documents: 1 passed, 1 failed\n"
    )


def test_json_has_a_verdict_a_document_and_target(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    """For tools: the same words as in the table."""
    (folder / "other.stream.json").write_text(text(FAILING))
    (folder / "mcp.stream.json").write_text(text({"/id": "mcp.one", "/tier": "mcp"}))

    code, out, _ = contract(capfd, ".", "--handlers", "handlers_of_two", "--format", "json")

    assert code == 1
    assert json.loads(out)["verdicts"] == [
        {
            "id": name,
            "name": "Two chunks arrive as they were written.",
            "file": file,
            "target": "in-process",
            "outcome": outcome,
            "reason": reason,
            "differences": differences,
        }
        for name, file, outcome, reason, differences in [
            ("mcp.one", "mcp.stream.json", "not ours", "documents of tier mcp are about AppTheory itself", []),
            ("stream.other", "other.stream.json", "failed", "", ["status differs", "  - 200", "  + 201"]),
            ("stream.two_chunks", "two.stream.json", "passed", "", []),
        ]
    ]


def test_junit_has_a_case_a_document_and_target(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    """For CI: failures with their text, what was not run as skipped; control characters do not break the XML."""
    (folder / "other.stream.json").write_text(text({**FAILING, "/name": "a\a\uffffb"}))
    (folder / "mcp.stream.json").write_text(text({"/id": "mcp\aone", "/tier": "mcp"}))

    code, out, _ = contract(capfd, ".", "--handlers", "handlers_of_two", "--format", "junit")

    suite = ET.fromstring(out)[0]
    assert code == 1
    assert suite.attrib == {"name": "contract", "tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
    assert [(case.get("classname"), case.get("name"), [part.tag for part in case]) for case in suite] == [
        ("contract.in-process", "mcp\N{REPLACEMENT CHARACTER}one", ["skipped"]),
        ("contract.in-process", "stream.other", ["failure"]),
        ("contract.in-process", "stream.two_chunks", []),
    ]
    assert suite[1][0].get("message") == "status differs"
    assert str(suite[1][0].text).startswith(
        "stream.other (in-process): a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b\n"
    )
    assert "  + 201" in str(suite[1][0].text)


BROKEN = [
    (["t.stream.json", "--handlers", "handlers_of_two"], 't.stream.json#/tier: must be one of "p0", .*, not "p9"'),
    (
        ["h.stream.json", "--handlers", "handlers_of_two"],
        "h.stream.json#/setup/routes/0/handler: there is no handler 'x'; .*",
    ),
    (["nothing", "--handlers", "handlers_of_two"], "there is no file or folder 'nothing'"),
    (["two.stream.json"], "--handlers is missing: .*"),
    (["two.stream.json", "--handlers", "no_module_of_two"], "there is no module 'no_module_of_two' .*"),
    (["own_name_of_two.stream.json", "--handlers", "own_name_of_two.py"], ".* which is its own name: .*"),
    (
        ["two.stream.json", "--handlers", "own_name_of_two.py", "--target", "python"],
        "'own_name_of_two.py' imports 'own_name_of_two', which is its own name: .*",
    ),
    (["two.stream.json", "--handlers", "."], r"'\.' has no documents\.py, and no python/documents\.py"),
    (["two.stream.json", "--handlers", "handlers_of_two", "--target", "ftp"], "there is no target 'ftp': .*"),
    (["two.stream.json", "--target", "exec=./nothing"], "exec: there is no program './nothing' .*"),
]


@pytest.mark.parametrize(("arguments", "message"), BROKEN, ids=[" ".join(each) for each, _ in BROKEN])
def test_what_cannot_be_read_is_one_line_and_exit_code_2(
    capfd: pytest.CaptureFixture[str], folder: Path, arguments: list[str], message: str
) -> None:
    """Never a traceback: whose mistake it is, and where."""
    (folder / "t.stream.json").write_text(text({"/tier": "p9"}))
    (folder / "h.stream.json").write_text(text({"/setup/routes/0/handler": "x"}))
    (folder / "own_name_of_two.stream.json").write_text(text())
    (folder / "own_name_of_two.py").write_text(f"from own_name_of_two import something\n{MODULE}")

    code, out, err = contract(capfd, *arguments)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert re.fullmatch(f"apptheory-emulate contract: {message}\n", err)


def test_a_document_that_cannot_be_read_leaves_the_others(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    """They are run, and the exit code is 2 all the same."""
    (folder / "t.stream.json").write_text("{")

    code, out, err = contract(capfd, ".", "--handlers", "handlers_of_two")

    assert code == 2
    assert "1 document: 1 passed" in out
    assert err.startswith("apptheory-emulate contract: t.stream.json: is no JSON: ")


def test_an_id_of_two_files_is_told_with_both(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    """Reports name documents by their ids; one file that is named twice is run once."""
    (folder / "same.stream.json").write_text(text())

    code, out, err = contract(capfd, "two.stream.json", ".", "two.stream.json", "--handlers", "handlers_of_two")

    assert code == 2
    assert "1 document: 1 passed" in out
    assert err == (
        "apptheory-emulate contract: same.stream.json#/id: 'stream.two_chunks' is the id of two.stream.json too: "
        "give each document of a run one of its own\n"
    )


def test_a_run_without_a_document_that_can_be_run_says_so(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    """Nothing failed, so the exit code is 0; nothing held either."""
    (folder / "two.stream.json").write_text(text({"/tier": "mcp"}))
    (folder / "abort.stream.json").write_text(text({"/id": "abort", "/setup/ours": {"late_errors": "abort"}}))

    code, out, err = contract(capfd, ".", "--handlers", "handlers_of_two")

    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "2 documents: nothing was run (1 not here, 1 not ours)"


def test_help_explains_the_words_of_the_table(capfd: pytest.CaptureFixture[str]) -> None:
    """And where the format is, and which functions of a module count."""
    code, out, _ = contract(capfd, "--help")
    told = " ".join(out.split())

    assert code == 0
    assert "`not here` is one that this target cannot show, `not ours` one about AppTheory itself" in told
    assert "docs/reference/contract-documents.md" in told
    assert "those that it defines and not those that it imports" in told


def test_without_jsonschema_one_line_says_what_to_install(folder: Path) -> None:
    """It reads documents, and is part of an extra."""
    program = (
        "import sys; sys.modules['jsonschema'] = None\n"
        "from apptheory_emulator.cli import main\n"
        "main.main(['contract', 'two.stream.json', '--handlers', 'handlers_of_two'])\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "apptheory-emulate contract: contract documents need jsonschema: pip install 'apptheory-streaming[testkit]'\n"
    )


def test_without_paths_the_contract_itself_is_run(capfd: pytest.CaptureFixture[str]) -> None:
    """Its documents and their handlers ship with this project, and hold in process and over HTTP."""
    code, out, err = contract(capfd, "--target", "in-process", "--target", "http", "--format", "json")

    verdicts = json.loads(out)["verdicts"]
    assert (code, err) == (0, "")
    assert {verdict["outcome"] for verdict in verdicts} == {"passed", "not here"}
    assert {verdict["target"] for verdict in verdicts if verdict["outcome"] == "passed"} == {"in-process", "http"}


def test_what_a_handler_prints_is_no_part_of_the_report(folder: Path) -> None:
    """Stdout is the report's; the command runs as a program of its own."""
    (folder / "handlers_of_two.py").write_text(
        "print('loaded')\n" + MODULE.replace("    headers", "    print('run')\n    headers")
    )
    command = [
        sys.executable,
        "-m",
        "apptheory_emulator",
        "contract",
        "two.stream.json",
        "--handlers",
        "handlers_of_two",
    ]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0
    assert done.stdout.endswith("1 document: 1 passed\n")
    assert not {"loaded", "run"} & set(done.stdout.split())
    assert {"loaded", "run"} <= set(done.stderr.split())
