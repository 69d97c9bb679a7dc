"""The options of the command for the URL itself: invoke mode, authentication, CORS, and the limits that AWS has."""

import json
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from apptheory_streaming.wire.limits import AWS_NUMBERS
from emulate_command import emulate, run_to_end
from raw_http import connect, fetch

pytestmark = pytest.mark.streaming(clock="real")

HANDLER = """
from apptheory_streaming import StreamingResponse

async def sizes(event):
    for size in event["rawQueryString"].split(","):
        yield b"x" * int(size)

async def handler(event, context):
    if event["rawQueryString"] == "event":
        return event["requestContext"]
    return StreamingResponse(sizes(event), headers={"content-type": "text/plain"})
"""
MIB = 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a handler that streams as many bytes as it is asked for."""
    (tmp_path / "app.py").write_text(HANDLER)
    return tmp_path


async def test_buffered_is_one_piece_of_six_megabytes_at_most(folder: Path) -> None:
    """B26, L3: the ready line says the mode; over 6 MB the client gets 502, and the log AWS's name of the error."""
    arguments = ("app.py:handler", "--in-process", "--port", "0", "--ready-json", "--invoke-mode", "BUFFERED")
    most = AWS_NUMBERS["buffered response"].value
    async with emulate(*arguments, cwd=folder) as command:
        function = (await command.ready())["functions"][0]
        whole = await fetch(function["url"], target=f"/?{most - 1},1")
        over = await fetch(function["url"], target=f"/?{most},1")
        await command.says("Function.ResponseSizeTooLarge")

    assert function["invoke_mode"] == "BUFFERED"
    assert (whole.head.value("content-length"), len(whole.body)) == (str(most), most)
    assert (over.status, over.body) == (502, b"Internal Server Error")


async def test_a_stream_ends_at_two_hundred_megabytes(folder: Path) -> None:
    """C01: 200 MB pass, more does not; the connection is cut."""
    async with emulate("app.py:handler", "--in-process", "--port", "0", "--ready-json", cwd=folder) as command:
        async with connect(await command.url()) as client:
            await client.request("GET", "/?" + ",".join([str(8 * MIB)] * 25 + ["1"]))
            response = await client.read_response()
        await command.says("Function.ResponseSizeTooLarge")

    assert (response.status, len(response.body), response.cut) == (200, 200 * MIB, True)


async def test_auth_takes_the_key_of_the_environment(folder: Path) -> None:
    """C39: `test` and `test` in us-east-1 where it names none."""
    arguments = ("app.py:handler", "--in-process", "--port", "0", "--ready-json", "--auth", "AWS_IAM")
    unset: dict[str, str] = dict.fromkeys(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"), ""
    )
    async with emulate(*arguments, cwd=folder, env=unset) as command:
        url = await command.url()
        request = AWSRequest("GET", url + "?event")
        SigV4Auth(Credentials("test", "test"), "lambda", "us-east-1").add_auth(request)
        signed = await fetch(url, target="/?event", headers=list(request.headers.items()))
        plain = await fetch(url, target="/?event")
        await command.says("request refused: ")

    assert json.loads(signed.body)["authorizer"]["iam"]["accessKey"] == "test"
    assert plain.status == 403


async def test_cors_options_make_the_configuration(folder: Path) -> None:
    """B27: each option is one header of a preflight, or of the response."""
    cors = {
        "--cors-allow-origin": "https://a.example",
        "--cors-allow-method": "PUT",
        "--cors-allow-header": "x-a",
        "--cors-expose-header": "x-b",
        "--cors-max-age": "60",
    }
    options = [text for pair in cors.items() for text in pair]
    arguments = ("app.py:handler", "--in-process", "--port", "0", "--ready-json", *options, "--cors-allow-credentials")
    origin = ("Origin", "https://a.example")
    async with emulate(*arguments, "--cors-allow-method", "GET", cwd=folder) as command:
        url = await command.url()
        preflight = await fetch(url, "OPTIONS", headers=[origin, ("Access-Control-Request-Method", "PUT")])
        response = await fetch(url, target="/?1", headers=[origin])

    shown = {name: value for name, value in preflight.head.lines if name.startswith("access-control")}
    assert shown == {
        "access-control-allow-origin": "https://a.example",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT,GET",
        "access-control-allow-headers": "x-a",
        "access-control-max-age": "60",
    }
    assert response.head.value("access-control-expose-headers") == "x-b"


WRONG = {
    "--cors-allow-method OPTIONS --cors-allow-origin *": "CORS: allow_methods: 'OPTIONS' is none of",
    "--cors-allow-credentials": "CORS needs the origins that it allows: add --cors-allow-origin",
    "--cors-max-age 86401 --cors-allow-origin *": "'--cors-max-age'",
    "--invoke-mode STREAM": "'--invoke-mode'",
    "--auth IAM": "'--auth'",
}


@pytest.mark.parametrize("options", WRONG)
async def test_wrong_options_are_one_clear_message(folder: Path, options: str) -> None:
    """Exit code 2, before anything is served."""
    finished = await run_to_end("app.py:handler", *options.split(), cwd=folder)

    assert (finished.code, finished.stdout) == (2, "")
    assert WRONG[options] in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_a_missing_signer_is_named_before_anything_is_served(folder: Path) -> None:
    """The signer is loaded where signatures are asked for, and nowhere else."""
    blocked = folder / "blocked"
    blocked.mkdir()
    (blocked / "botocore.py").write_text("raise ModuleNotFoundError('No module named botocore', name='botocore')")
    env = {"PYTHONPATH": str(blocked)}

    finished = await run_to_end("app.py:handler", "--auth", "AWS_IAM", cwd=folder, env=env)
    async with emulate("app.py:handler", "--in-process", "--port", "0", "--ready-json", cwd=folder, env=env) as command:
        assert (await fetch(await command.url(), target="/?1")).body == b"x"

    assert (finished.code, finished.stdout) == (1, "")
    assert finished.stderr.strip() == "apptheory-emulate needs botocore: pip install 'apptheory-streaming[emulator]'"
