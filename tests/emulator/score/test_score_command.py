"""`apptheory-emulate score`: what it prints, and how it ends."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from apptheory_emulator.cli import main
from broken_endpoint import broken_endpoint, fixed
from emulate_command import emulate, run_to_end
from runtime_clients import HANDLERS

pytestmark = pytest.mark.streaming(clock="real")

PYTHON = HANDLERS / "python"


async def test_a_card_that_holds_ends_with_0(tmp_path: Path) -> None:
    """One line a case, and a summary; by URL and by SDK."""
    async with emulate(
        "score.py:handler", "--in-process", "--port", "0", "--control-port", "0", "--ready-json", cwd=PYTHON
    ) as served:
        ready = await served.ready()
        url, control = ready["functions"][0]["url"], ready["control_url"]
        chosen = ("--only", "head", "--only", "sdk-stream", "--only", "pace")
        done = await run_to_end("score", url, "--invoke", control, "--name", "score", *chosen, cwd=tmp_path)

    assert (done.code, done.stderr) == (0, "")
    head, pace, why, stream, proven, inferred = done.stdout.splitlines()
    assert head.startswith("ok      head ")
    assert pace.startswith("-       pace ")
    assert why.endswith("--expect deployed looks at it")
    assert stream.startswith("ok      sdk-stream ")
    assert proven == "proven    2 of 2 hold, 1 not looked at"
    assert inferred == "inferred  0 of 0 hold, 0 not looked at"


def run(*arguments: str) -> Result:
    """The command in this process."""
    return CliRunner().invoke(main, ["score", *arguments])


async def scored(*arguments: str) -> Result:
    """The command, against a server that answers everything with 500."""
    async with broken_endpoint(fixed(500, b"no")) as url:
        return await asyncio.to_thread(run, url, "--handler", "node", *arguments)


async def test_what_does_not_hold_is_told_with_what_came_and_ends_with_1() -> None:
    """The source of what AWS does is there too."""
    done = await scored("--only", "typed")

    assert done.exit_code == 1
    first, expected, came, source, *_ = done.stdout.splitlines()
    assert first.split() == [
        "FAILS",
        "typed",
        *["A", "body", "without", "a", "head", "keeps", "its", "content", "type."],
    ]
    assert expected.strip() == (
        "expected  status 200, content-type: text/html; charset=utf-8, body b'<p>', a clean end"
    )
    assert came.strip().startswith("came      status 500, content-type: text/plain; charset=utf-8, body b'no'")
    assert source.strip().startswith("proven    Lambda guide: custom runtimes: https://docs.aws.amazon.com/")


async def test_what_is_inferred_of_aws_does_not_count() -> None:
    """It is shown all the same."""
    done = await scored("--only", "many-values")

    assert done.exit_code == 0
    assert done.stdout.startswith("differs many-values ")


async def test_the_card_as_json() -> None:
    """Everything that the text says."""
    done = await scored("--only", "typed", "--format", "json")

    card = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (card["holds"], card["expect"], card["handler"]["language"]) == (False, "emulator", "node")
    assert card["summary"]["proven"] == {"holds": 0, "fails": 1, "skipped": 0}
    (case,) = card["cases"]
    assert (case["id"], case["grade"], case["verdict"], case["group"]) == ("typed", "proven", "fails", "head")
    assert case["source"]["url"].startswith("https://docs.aws.amazon.com/")
    assert case["expected"] != case["came"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name what to score: the URL of a function, or --invoke ENDPOINT --name FUNCTION"),
        (("http://127.0.0.1:1/",), "nobody answers at http://127.0.0.1:1/: "),
        (("chat.py",), "'chat.py' is no URL of a function, such as http://127.0.0.1:8000/"),
        (("http://[",), "'http://[' is no URL: "),
        (("http://a..b/",), "'http://a..b/' is no URL: "),
        (("http://127.0.0.1:1/", "--invoke", "http://127.0.0.1:1"), "--invoke and --name go together"),
        (("--invoke", "nowhere", "--name", "score"), "'nowhere' is no endpoint of an Invoke API"),
        (("http://127.0.0.1:1/", "--only", "all"), "there is no case 'all'; --list lists them"),
    ],
    ids=["nothing", "nobody", "no URL", "half a URL", "no host", "no name", "no endpoint", "no case"],
)
def test_wrong_use_ends_with_2_and_one_line(arguments: tuple[str, ...], said: str) -> None:
    """So that a script can tell it from an endpoint that is wrong."""
    done = run(*arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"apptheory-emulate score: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "told",
    [b'{"language": "node", "without": 5}', b'{"language": "node", "without": {"raw": 5}}', b"[" * 100_000],
    ids=["no mapping", "no reason", "too deep"],
)
async def test_what_is_no_answer_of_a_score_handler_is_shown_and_ends_with_2(told: bytes) -> None:
    """Whatever stands in it."""
    async with broken_endpoint(fixed(200, told)) as url:
        done = await asyncio.to_thread(run, url)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("apptheory-emulate score: /score/about should say which score handler this is, ")
    assert done.stderr.count("\n") == 1


def test_it_lists_cases_and_handlers() -> None:
    """What there is, without an endpoint."""
    cases, handlers = run("--list"), run("--handlers")

    assert cases.stdout.startswith("first-byte ")
    assert [line.split()[0] for line in handlers.stdout.splitlines()] == ["node", "python", "go"]
    assert "score.mjs:handler" in handlers.stdout
    assert "score.py:handler" in handlers.stdout
