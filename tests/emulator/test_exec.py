"""`apptheory-emulate exec`: functions for as long as a command runs, and its exit code."""

import json
import signal
import sys
from pathlib import Path

import pytest

from emulate_command import emulate, run_to_end

PYTHON = sys.executable

ASK = """
import os, sys, urllib.request
for name in sys.argv[1:]:
    with urllib.request.urlopen(os.environ[name] + "path", timeout=30) as response:
        print(name, response.read().decode())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two apps and a client."""
    for name in ("one", "two-b"):
        (tmp_path / f"{name}.py").write_text(
            "def handler(event, context):\n    yield f\"{context.function_name} {event['rawPath']}\"\n"
        )
    (tmp_path / "ask.py").write_text(ASK)
    (tmp_path / "plain.txt").write_text("no program")
    (tmp_path / "wrong.toml").write_text('[functions.chat]\nhandler = "one.py:handler"\ntimeuot = 5\n')
    return tmp_path


@pytest.mark.parametrize("place", [(), ("--in-process",)], ids=["workers", "in process"])
async def test_command_finds_each_function_by_its_variable(folder: Path, place: tuple[str, ...]) -> None:
    """FUNCTION_URL is the first, FUNCTION_URL_<NAME> each; stdout is the command's alone."""
    names = ("FUNCTION_URL", "FUNCTION_URL_ONE", "FUNCTION_URL_TWO_B")

    finished = await run_to_end(
        "exec", "one.py:handler", "two-b.py:handler", *place, "--", PYTHON, "ask.py", *names, cwd=folder
    )

    assert finished.code == 0, finished.stderr
    assert finished.stdout.splitlines() == [
        "FUNCTION_URL one /path",
        "FUNCTION_URL_ONE one /path",
        "FUNCTION_URL_TWO_B two-b /path",
    ]
    assert " GET /path 200 " in finished.stderr


async def test_functions_of_files_are_served_too(folder: Path) -> None:
    """Settings and templates, what CDK synthesizes too; FUNCTION_URL is the first function of the first target."""
    (folder / "apptheory.toml").write_text('[functions.chat]\nhandler = "one.py:handler"\n')
    code = {"Metadata": {"aws:asset:path": "."}, "Type": "AWS::Lambda::Function"}
    properties = {"Runtime": "python3.13", "Handler": "one.handler", "Code": {"S3Bucket": "assets", "S3Key": "a.zip"}}
    (folder / "Pages.template.json").write_text(
        json.dumps({"Resources": {"Pages": {**code, "Properties": properties}}})
    )
    names = ("FUNCTION_URL", "FUNCTION_URL_CHAT", "FUNCTION_URL_PAGES", "FUNCTION_URL_TWO_B")
    targets = ("apptheory.toml", "Pages.template.json", "two-b.py:handler")

    finished = await run_to_end("exec", *targets, "--", PYTHON, "ask.py", *names, cwd=folder)

    assert finished.stdout.splitlines() == [
        "FUNCTION_URL chat /path",
        "FUNCTION_URL_CHAT chat /path",
        "FUNCTION_URL_PAGES Pages /path",
        "FUNCTION_URL_TWO_B two-b /path",
    ], finished.stderr


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + 9),
    ],
    ids=["well", "with an error", "by a signal"],
)
async def test_exit_code_is_that_of_the_command(folder: Path, program: str, code: int) -> None:
    """A test suite that fails must fail the job that runs it."""
    finished = await run_to_end("exec", "one.py:handler", "--", PYTHON, "-c", program, cwd=folder)

    assert finished.code == code
    assert "Traceback" not in finished.stderr


async def test_command_gets_its_arguments_as_they_are(folder: Path) -> None:
    """Options behind the dashes are the command's, a second pair of dashes too."""
    program = "import sys; print(sys.argv[1:])"

    finished = await run_to_end("exec", "one.py:handler", "--", PYTHON, "-c", program, "--name", "--", "x", cwd=folder)

    assert finished.stdout.strip() == "['--name', '--', 'x']"


async def test_web_server_is_a_function_too(folder: Path) -> None:
    """What `serve` can run, `exec` can."""
    server = f"{PYTHON} -m http.server --bind 127.0.0.1 $PORT"
    program = "import os, urllib.request as r; print('ask.py' in r.urlopen(os.environ['FUNCTION_URL']).read().decode())"

    finished = await run_to_end("exec", "--web", server, "--", PYTHON, "-c", program, cwd=folder)

    assert (finished.code, finished.stdout.strip()) == (0, "True"), finished.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("one.py:handler",), 2, "say what to run behind `--`"),
        (("one.py:handler", "--"), 2, "say what to run behind `--`"),
        (("--", "true"), 2, "name one thing to run"),
        (("nowhere.py:handler", "--", "true"), 2, "there is no file 'nowhere.py'"),
        (("one.py:handler", "two-b.py:handler", "--name", "x", "--", "true"), 2, "--name names one function"),
        (("one.py:handler", "one:handler", "--", "true"), 2, "two functions would both be FUNCTION_URL_ONE"),
        (("wrong.toml", "--", "true"), 2, "wrong.toml:3: functions.chat.timeuot: there is no such setting"),
        (("wrong.toml", "--env", "A=1", "--", "true"), 2, "--env is for a function that the command line names"),
        (("one.py:handler", "--timeout", "nan", "--", "true"), 2, "timeout must be more than 0 seconds"),
        (("one.py:handler", "--", "no-such-command-here"), 127, "there is no command 'no-such-command-here'"),
        (("one.py:handler", "--", "./plain.txt"), 126, "'./plain.txt' cannot be run: Permission denied"),
    ],
)
async def test_what_cannot_be_run_is_one_clear_line(
    folder: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    """Wrong usage is 2; a command that is not there or no program ends as in a shell."""
    finished = await run_to_end("exec", *arguments, cwd=folder)

    assert (finished.code, finished.stdout) == (code, "")
    assert says in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_sigterm_is_handed_on_to_the_command(folder: Path) -> None:
    """Who stops the job stops the command, whose exit code still counts."""
    program = """
import signal, sys, threading
stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())
print("ready", file=sys.stderr, flush=True)
stopped.wait()
raise SystemExit(5)
"""
    async with emulate("exec", "one.py:handler", "--", PYTHON, "-c", program, cwd=folder) as command:
        await command.says("ready")
        finished = await command.stop(signal.SIGTERM)

    assert finished.code == 5
    assert "Traceback" not in finished.stderr
