"""A Function URL of AuthType AWS_IAM over HTTP: who gets to the handler, and what the others get (C39)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from apptheory_emulator import CorsConfig, Emulator, FunctionConfig, FunctionUrlFactory
from apptheory_streaming import StreamingResponse
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.limits import Limits
from raw_http import RawResponse, connect, fetch

pytestmark = pytest.mark.streaming(clock="real")

SECRET = "wJalrXUtnFEMI"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of this test, whatever that of the machine is."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


async def echo(event: Any, context: Any) -> StreamingResponse:
    """Show the event."""
    return StreamingResponse([json.dumps(event)])


async def ask(url: str, body: bytes = b"{}", *, secret: str = SECRET) -> RawResponse:
    """Sign a request and send it."""
    request = AWSRequest("POST", url + "a%20b?x=1", data=body)
    SigV4Auth(Credentials("AKIDEXAMPLE", secret), "lambda", "eu-central-1").add_auth(request)
    async with connect(url) as client:
        await client.request("POST", "/a%20b?x=1", list(request.headers.items()), body)
        return await client.read_response()


async def test_a_signed_request_reaches_the_handler_with_its_caller(function_url: FunctionUrlFactory) -> None:
    """C39: `authorizer.iam`, the account, and no `authorization` header."""
    event = json.loads((await ask(await function_url(echo, auth="AWS_IAM"))).body)

    assert event["requestContext"]["authorizer"]["iam"]["accessKey"] == "AKIDEXAMPLE"
    assert event["requestContext"]["accountId"] == event["requestContext"]["authorizer"]["iam"]["accountId"]
    assert "authorization" not in event["headers"]
    assert "x-amz-date" in event["headers"]
    assert event["body"] == "e30="


async def test_others_get_aws_document_and_the_log_says_why(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """C39: 403 before the handler runs; one line that says why, and one for the request."""
    caplog.set_level("INFO")
    url = await function_url(echo, auth="AWS_IAM")

    nobody, wrong = await fetch(url, target="/secret?q"), await ask(url, secret="guess")
    await url.settled()

    assert (nobody.status, nobody.head.value("x-amzn-ErrorType")) == (403, "AccessDeniedException")
    assert json.loads(nobody.body)["Message"].startswith("Forbidden. ")
    assert (wrong.status, wrong.head.value("x-amzn-ErrorType")) == (403, "InvalidSignatureException")
    assert wrong.head.value("content-type") == "application/json"
    assert wrong.head.value("content-length") == str(len(wrong.body))
    assert url.exchanges == []
    request_id = nobody.head.value("x-amzn-RequestId")
    assert f"{request_id} GET /secret 403 handler=not_called" in caplog.messages
    assert f"{request_id}: request refused: {nobody.body.decode()}" in caplog.messages


async def test_a_body_over_the_limit_is_413_although_it_was_not_read_to_its_end(
    function_url: FunctionUrlFactory,
) -> None:
    """L1: and not a wrong signature, which a client would look for in vain."""
    url = await function_url(echo, auth="AWS_IAM", limits=Limits(max_request_bytes=1000))

    assert (await ask(url, b"x" * 1000)).status == 200
    assert (await ask(url, b"x" * 1001)).status == 413
    assert (await ask(url, b"x" * 3_000_000)).status == 413


async def test_a_preflight_needs_no_signature(function_url: FunctionUrlFactory) -> None:
    """C37: a browser never signs one; the request behind it must be signed."""
    url = await function_url(echo, auth="AWS_IAM", cors=CorsConfig(allow_origins=("*",), allow_methods=("GET",)))
    origin = ("Origin", "https://app.example")

    preflight = await fetch(url, "OPTIONS", headers=[origin, ("Access-Control-Request-Method", "GET")])

    assert (preflight.status, preflight.head.value("access-control-allow-methods")) == (200, "GET")
    assert (await fetch(url, headers=[origin])).status == 403


async def test_a_page_may_read_why_it_was_refused(function_url: FunctionUrlFactory) -> None:
    """C37: a 403 has the CORS headers that any other response has, for an origin that is allowed."""
    cors = CorsConfig(
        allow_origins=("https://app.example",), allow_credentials=True, expose_headers=("x-amzn-errortype",)
    )
    url = await function_url(echo, auth="AWS_IAM", cors=cors)

    page = await fetch(url, headers=[("Origin", "https://app.example")])
    stranger = await fetch(url, headers=[("Origin", "https://evil.example")])

    assert (page.status, page.head.values("access-control-allow-origin")) == (403, ["https://app.example"])
    assert page.head.values("access-control-allow-credentials") == ["true"]
    assert page.head.values("access-control-expose-headers") == ["x-amzn-errortype"]
    assert page.head.values("vary") == ["Origin"]
    assert page.head.values("x-amzn-errortype") == ["AccessDeniedException"]
    assert (stranger.status, stranger.head.values("access-control-allow-origin")) == (403, [])


async def test_the_session_token_of_the_environment_is_asked_for(
    function_url: FunctionUrlFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C39: who signs with a temporary key sends its token."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")

    refused = await ask(await function_url(echo, auth="AWS_IAM"))

    assert (refused.status, refused.head.value("x-amzn-ErrorType")) == (403, "UnrecognizedClientException")


async def test_an_unknown_kind_of_authentication_is_refused(function_url: FunctionUrlFactory) -> None:
    """The message names the two that there are."""
    with pytest.raises(UsageError, match="auth must be 'NONE' or 'AWS_IAM', not 'IAM'"):
        await function_url(echo, auth="IAM")


async def test_words_in_a_configuration_mean_what_they_say(emulated: Emulator) -> None:
    """C39: `AWS_IAM` as text does not leave the door open, and what is no word of it is refused."""
    assert (await fetch(emulated.functions[0].url)).status == 403
    wrong: Any = "iam"
    with pytest.raises(UsageError, match="auth must be 'NONE' or 'AWS_IAM', not 'iam'"):
        FunctionConfig(name="f", target=echo, auth=wrong)


@pytest.fixture
async def emulated() -> AsyncIterator[Emulator]:
    """A function whose configuration was read from a file."""
    word: Any = "AWS_IAM"
    async with Emulator([FunctionConfig(name="f", target=echo, auth=word)], shutdown_seconds=0) as emulator:
        yield emulator


@pytest.mark.streaming(clock="virtual")
async def test_in_virtual_time_signatures_are_of_that_time(function_url: FunctionUrlFactory) -> None:
    """D3: the front and the signer read one clock."""
    assert (await ask(await function_url(echo, auth="AWS_IAM"))).status == 200
