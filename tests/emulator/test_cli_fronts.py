"""The options of the command for other fronts than a Function URL."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from apptheory_emulator.commands.serve import serve
from emulate_command import emulate
from raw_http import fetch

pytestmark = pytest.mark.streaming(clock="real")

HANDLER = """
def handler(event, context):
    yield b"one "
    yield b"two"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a handler that streams."""
    (tmp_path / "app.py").write_text(HANDLER)
    return tmp_path


async def test_a_rest_api_that_streams(folder: Path) -> None:
    """A28, C07: the ready line has the stage and the mode, and the client gets chunks."""
    arguments = ("--front", "rest-api", "--transfer-mode", "STREAM", "--stage", "live", "--throttle", "1/0.001")
    async with emulate(
        "app.py:handler", "--in-process", "--port", "0", "--ready-json", *arguments, cwd=folder
    ) as command:
        function = (await command.ready())["functions"][0]
        response = await fetch(function["url"], target="/live/cats")
        refused = await fetch(function["url"], target="/live/cats")
    assert (function["url"].rsplit("/", 2)[1], function["invoke_mode"]) == ("live", "RESPONSE_STREAM")
    assert response.frames == [b"one ", b"two"]
    assert (refused.status, json.loads(refused.body)) == (429, {"message": "Too Many Requests"})


async def test_an_http_api_says_that_it_cannot_stream(folder: Path) -> None:
    """A25, C05: in the log, for each stream that it collected."""
    arguments = ("--in-process", "--port", "0", "--ready-json", "--front", "http-api")
    async with emulate("app.py:handler", *arguments, cwd=folder) as command:
        function = (await command.ready())["functions"][0]
        response = await fetch(function["url"])
        await command.says("an HTTP API cannot stream")
    assert function["invoke_mode"] == "BUFFERED"
    assert (response.frames, response.head.value("content-length")) == ([b"one two"], "7")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--stage", "live"], "function-url knows no such thing as a stage: that is for rest-api and http-api"),
        (["--transfer-mode", "STREAM"], "function-url knows no such thing as a transfer mode: that is for rest-api"),
        (
            ["--front", "http-api", "--transfer-mode", "STREAM"],
            "http-api knows no such thing as a transfer mode: that is for rest-api",
        ),
        (
            ["--front", "alb", "--throttle", "1/1"],
            "alb knows no such thing as a throttle: that is for rest-api and http-api",
        ),
        (
            ["--front", "rest-api", "--multi-value-headers"],
            "rest-api knows no such thing as multi-value headers: that is for alb",
        ),
        (["--front", "rest-api", "--stage", "a/b"], "a stage is a name such as 'prod', not 'a/b'"),
        (
            ["--front", "alb", "--route", "GET /"],
            "alb knows no such thing as routes: that is for rest-api and http-api",
        ),
        (
            ["--front", "rest-api", "--route", "cats"],
            "a route is such as 'GET /users/{id}', 'ANY /{proxy+}', not 'cats'",
        ),
        (["--front", "rest-api", "--throttle", "100"], "'100' is not such as 100/50"),
        (["--front", "rest-api", "--throttle", f"{'9' * 5000}/1"], "is not such as 100/50"),
        (["--front", "rest-api", "--stream-idle", "nan"], "idle_seconds"),
        (["--front", "rest-api", "--throttle", "0/50"], "burst must be a number of requests, 1 or more, not 0"),
        (["--front", "rest-api", "--throttle", "5/0"], "rate must be more than 0 requests per second, not 0.0"),
        (["--front", "rest-api", "--integration-timeout", "901"], "901"),
        (["--front", "rest-api", "--auth", "AWS_IAM"], "those of a Function URL; rest-api has none"),
        (["--front", "alb", "--invoke-mode", "BUFFERED"], "those of a Function URL; alb has none"),
        (["--front", "rest-api", "--cors-allow-origin", "*"], "those of a Function URL; rest-api has none"),
        (["--front", "cloudfront"], "'cloudfront' is not one of"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_does_not_go_together(folder: Path, arguments: list[str], says: str) -> None:
    """C07: exit code 2, and one line that says what is wrong."""
    done = CliRunner().invoke(serve, [f"{folder}/app.py:handler", "--in-process", *arguments])
    assert done.exit_code == 2
    assert says in " ".join(done.output.replace("│", " ").split())
