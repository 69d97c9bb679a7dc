"""The real curl with the options that people use: uploads, old and new HTTP, heads, failures."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_streaming import AppError
from raw_http import WAIT_SECONDS

CURL = shutil.which("curl")
UPGRADE = ("-H", "Connection: Upgrade, HTTP2-Settings", "-H", "Upgrade: h2c", "-H", "HTTP2-Settings: AAMAAABkAAQ")
pytestmark = [
    pytest.mark.skipif(CURL is None, reason="there is no curl on this machine"),
    pytest.mark.streaming(clock="real"),
]


async def handler(event: Any, context: Any) -> AsyncIterator[str]:
    if event["rawPath"] == "/early":
        raise AppError("app.not_found", "no such thing")
    yield event["requestContext"]["http"]["method"] + " "
    yield event["requestContext"]["http"]["protocol"] + " "
    if event["rawPath"] == "/late":
        raise ValueError("late")
    yield json.dumps([event.get("body"), event["isBase64Encoded"]])


async def curl(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    """Run curl and give its exit code and output."""
    assert CURL is not None
    process = await asyncio.create_subprocess_exec(
        *(CURL, "-sN", *arguments), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(WAIT_SECONDS):
        stdout, _ = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, stdout.decode()


@pytest.mark.parametrize(
    ("arguments", "stdin", "output"),
    [
        ((), b"", "GET HTTP/1.1 [null, false]"),
        (("--http1.0",), b"", "GET HTTP/1.0 [null, false]"),
        (UPGRADE, b"", "GET HTTP/1.1 [null, false]"),
        (("--compressed",), b"", "GET HTTP/1.1 [null, false]"),
        (("-X", "OPTIONS", "--request-target", "*"), b"", "OPTIONS HTTP/1.1 [null, false]"),
        (("-d", "a=1"), b"", 'POST HTTP/1.1 ["YT0x", true]'),
        (("-d", '{"a": 1}', "-H", "content-type: application/json"), b"", 'POST HTTP/1.1 ["{\\"a\\": 1}", false]'),
        (("-T", "-", "-H", "content-type: text/plain"), b"from a pipe", 'PUT HTTP/1.1 ["from a pipe", false]'),
        (
            ("-T", "-", "-H", "Expect: 100-continue", "-H", "content-type: text/plain"),
            b"asked first",
            'PUT HTTP/1.1 ["asked first", false]',
        ),
    ],
)
async def test_curl_sends_a_request_in_its_own_way(
    function_url: FunctionUrlFactory, arguments: tuple[str, ...], stdin: bytes, output: str
) -> None:
    """Whatever curl negotiates, the handler gets the request and curl the whole body."""
    url = await function_url(handler)

    assert await curl(*arguments, url, stdin=stdin) == (0, output)


async def test_curl_uses_one_connection_for_several_urls(function_url: FunctionUrlFactory) -> None:
    """Keep-alive with a real client: two streams, one connection."""
    url = await function_url(handler)

    code, output = await curl("-w", "|%{num_connects}\n", url, url)

    assert (code, output.split()) == (
        0,
        ["GET", "HTTP/1.1", "[null,", "false]|1", "GET", "HTTP/1.1", "[null,", "false]|0"],
    )


async def test_curl_shows_the_head_alone(function_url: FunctionUrlFactory) -> None:
    """E6: `curl -I` ends at once, without a body."""
    url = await function_url(handler)

    code, output = await curl("-I", url)

    assert code == 0
    assert output.startswith("HTTP/1.1 200 OK\r\n")
    assert output.endswith("\r\n\r\n")


async def test_curl_fails_where_the_function_did(function_url: FunctionUrlFactory) -> None:
    """E2: `curl --fail` sees the status; E3 abort: curl says that the transfer was partial (exit code 18)."""
    url = await function_url(handler, late_errors="abort")

    assert (await curl("--fail", f"{url}early"))[0] == 22
    assert await curl(f"{url}late") == (18, "GET HTTP/1.1 ")


async def test_curl_signs_for_a_url_of_aws_iam(
    function_url: FunctionUrlFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C39: a signer that is none of AWS's is accepted, with the right key only."""
    for name, value in {"ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "secret", "REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    url = await function_url(handler, auth="AWS_IAM")
    sign = ("--aws-sigv4", "aws:amz:eu-west-1:lambda", "-d", "a=1")

    assert await curl(*sign, "--user", "me:secret", f"{url}x?a=1&b=2") == (0, 'POST HTTP/1.1 ["YT0x", true]')
    assert (await curl(*sign, "--fail", "--user", "me:guess", url))[0] == 22
    assert (await curl("--fail", url))[0] == 22
