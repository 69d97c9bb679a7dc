"""Signatures of real signers are checked: botocore signs, one change anywhere is refused (C39)."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from apptheory_emulator.front.sigv4 import AccessKey, verify
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.iam import IamCaller
from apptheory_streaming.wire.request import HttpRequest

KEY = AccessKey(key_id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG", region="eu-central-1")
SECOND = timedelta(seconds=1)
FIVE_MINUTES = timedelta(minutes=5)

Change = Callable[[HttpRequest], HttpRequest]


def signed(
    target: str = "/a%20b/c?x=1&y=%C3%A9&empty",
    *,
    method: str = "POST",
    body: bytes = b'{"q":1}',
    signer: type[Any] = SigV4Auth,
    service: str = "lambda",
    key: AccessKey = KEY,
    token: str | None = None,
    headers: dict[str, str] | None = None,
) -> HttpRequest:
    """A request as botocore signs it now, as it arrives."""
    request = AWSRequest(
        method,
        f"http://f.lambda-url.localhost:3000{target}",
        data=body,
        headers={"content-type": "application/json", "x-own": "a  b"} | (headers or {}),
    )
    signer(Credentials(key.key_id, key.secret, token), service, key.region).add_auth(request)
    parts = urlsplit(str(request.url))
    sent = [("Host", parts.netloc), ("User-Agent", "me"), *request.headers.items()]
    sent = [(name.title(), value) for name, value in sent]
    return HttpRequest(method=method, path=parts.path, query=parts.query, headers=tuple(sent), body=body)


def presigned() -> HttpRequest:
    """A URL that is good for an hour; botocore takes a body for form fields, so it has none."""
    return signed(method="GET", body=b"", signer=SigV4QueryAuth)


def time_of(request: HttpRequest) -> datetime:
    """When it was signed."""
    text = request.first("x-amz-date") or request.query.partition("X-Amz-Date=")[2][:16]
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def verdict(request: HttpRequest, *, after: timedelta = timedelta(), key: AccessKey = KEY) -> str:
    """The access key of the caller, or the message of the refusal."""
    judged = verify(request, key, now=time_of(request) + after)
    if isinstance(judged, IamCaller):
        return judged.access_key
    assert isinstance(judged, Answer)
    assert judged.head.status == 403
    body = json.loads(judged.body)
    return str(body.get("message") or body.get("Message"))


def header(name: str, change: Callable[[str], str]) -> Change:
    """Change the value of one header."""

    def changed(request: HttpRequest) -> HttpRequest:
        assert request.first(name)
        pairs = tuple((each, change(value) if each.lower() == name else value) for each, value in request.headers)
        return dataclasses.replace(request, headers=pairs)

    return changed


def without(name: str) -> Change:
    """Take one header away."""
    return lambda request: dataclasses.replace(
        request, headers=tuple(pair for pair in request.headers if pair[0].lower() != name)
    )


def query(old: str, new: str) -> Change:
    """Change a piece of the query."""

    def changed(request: HttpRequest) -> HttpRequest:
        assert old in request.query
        return dataclasses.replace(request, query=request.query.replace(old, new, 1))

    return changed


def last_flipped(text: str) -> str:
    """The text with another last character."""
    return text[:-1] + ("0" if text[-1] != "0" else "1")


ACCEPTED = {
    "a POST with a body": signed,
    "a GET": lambda: signed("/", method="GET", body=b""),
    "no path": lambda: signed("", method="GET", body=b""),
    "an odd path": lambda: signed("/a//b/../(c)*!'%2F%25"),
    "repeated and empty parameters": lambda: signed("/?b=2&a=2&a=1&b=&%E2%82%AC=+"),
    "a body that is no text": lambda: signed(body=bytes(range(256))),
    "its payload's hash in a header": lambda: signed(
        headers={"X-Amz-Content-SHA256": hashlib.sha256(b'{"q":1}').hexdigest()}
    ),
    "a session token": lambda: signed(token="session"),
    "a query": presigned,
}


@pytest.mark.parametrize("what", ACCEPTED)
def test_what_botocore_signs_is_accepted(what: str) -> None:
    """C39: header and query signing, whatever the path, the query and the body are."""
    assert verdict(ACCEPTED[what]()) == KEY.key_id


CHANGES: dict[str, Change] = {
    "body": lambda request: dataclasses.replace(request, body=b'{"q":2}'),
    "no body": lambda request: dataclasses.replace(request, body=b""),
    "method": lambda request: dataclasses.replace(request, method="PUT"),
    "path": lambda request: dataclasses.replace(request, path="/a%20b/d"),
    "a fragment behind the path": lambda _: dataclasses.replace(signed("/a"), path="/a#d"),
    "a fragment behind the query": lambda request: dataclasses.replace(request, query=f"{request.query}#d"),
    "encoding of the path": lambda request: dataclasses.replace(request, path="/a%20b/%63"),
    "query": query("x=1", "x=2"),
    "one parameter more": lambda request: dataclasses.replace(request, query=request.query + "&z=1"),
    "signed header": header("x-own", last_flipped),
    "host": header("host", lambda host: "g" + host[1:]),
    "signed header is gone": without("x-own"),
    "date by a second": header("x-amz-date", lambda text: text[:14] + ("1Z" if text[14] == "0" else "0Z")),
    "no date": without("x-amz-date"),
    "date that is none": header("x-amz-date", lambda text: text[:9] + "256161Z"),
    "signature": header("authorization", last_flipped),
    "signature that is no text": header("authorization", lambda text: text[:-1] + "é"),
    "fewer signed headers": header("authorization", lambda text: text.replace(";x-own", "")),
    "another date in the scope": header("authorization", lambda text: text.replace("/20", "/19", 1)),
    "another ending of the scope": header("authorization", lambda text: text.replace("aws4_request", "aws4_other")),
    "half a scope": header("authorization", lambda text: text.replace("/lambda/aws4_request", "")),
    "no signature": header("authorization", lambda text: text.partition(", Signature")[0]),
    "another scheme": header("authorization", lambda text: "Bearer " + text),
    "a hash that is not the body's": lambda request: signed(headers={"X-Amz-Content-SHA256": "0" * 64}),
    "an unsigned payload": lambda request: signed(headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}),
    "another secret": lambda request: signed(key=dataclasses.replace(KEY, secret="guess")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_one_change_is_refused(what: str) -> None:
    """C39: whatever is changed, AWS's document says that the signature does not match."""
    request = signed()
    moment = time_of(request)

    judged = verify(CHANGES[what](request), KEY, now=moment)

    assert isinstance(judged, Answer)
    assert judged.head.status == 403
    assert judged.head.headers["x-amzn-errortype"] == ("InvalidSignatureException",)
    assert json.loads(judged.body)["message"].startswith("The request signature we calculated does not match")


class HostlessSigner(SigV4Auth):  # type: ignore[misc, unused-ignore]
    """Signs everything but where the request goes."""

    def headers_to_sign(self, request: Any) -> Any:
        chosen = super().headers_to_sign(request)
        del chosen["host"]
        return chosen


def test_a_signature_for_any_host_is_refused() -> None:
    """C39: the host must be signed, or a signature would open every function."""
    assert "does not match" in verdict(signed(signer=HostlessSigner))


QUERY_CHANGES: dict[str, Change] = {
    "query": query("x=1", "x=2"),
    "longer life": query("X-Amz-Expires=3600", "X-Amz-Expires=3601"),
    "signature": lambda request: dataclasses.replace(request, query=last_flipped(request.query)),
    "body": lambda request: dataclasses.replace(request, body=b"x"),
    "path": lambda request: dataclasses.replace(request, path="/other"),
}


@pytest.mark.parametrize("what", QUERY_CHANGES)
def test_one_change_of_a_signed_url_is_refused(what: str) -> None:
    """C39: the query carries the signature, and is signed itself."""
    assert "does not match" in verdict(QUERY_CHANGES[what](presigned()))


@pytest.mark.parametrize(
    "change",
    [
        query("X-Amz-Expires=3600", "X-Amz-Expires=9999999"),
        query("X-Amz-Expires=3600", "X-Amz-Expires=-1"),
        query("X-Amz-Signature=", "X-Amz-Other="),
    ],
    ids=["too long a life", "negative life", "no signature"],
)
def test_half_a_signature_in_a_query_is_none(change: Change) -> None:
    """It is answered as a request without one."""
    assert verdict(change(presigned())).startswith("Forbidden. For troubleshooting Function URL")


def test_a_request_without_a_signature_is_forbidden() -> None:
    """C39: with the document that AWS sends, and its type."""
    judged = verify(HttpRequest(method="GET", query="a=b"), KEY, now=datetime(2026, 1, 1, tzinfo=UTC))

    assert isinstance(judged, Answer)
    assert judged.head.headers["x-amzn-errortype"] == ("AccessDeniedException",)
    assert json.loads(judged.body)["Message"].startswith("Forbidden. For troubleshooting Function URL authorization")


def test_a_replay_is_refused_beyond_five_minutes() -> None:
    """C39: a signature in a header is good for five minutes, on clocks that differ by as much."""
    request = signed()

    assert verdict(request, after=FIVE_MINUTES) == KEY.key_id
    assert verdict(request, after=-FIVE_MINUTES) == KEY.key_id
    assert verdict(request, after=FIVE_MINUTES + SECOND).startswith("Signature expired: ")
    assert verdict(request, after=-FIVE_MINUTES - SECOND).startswith("Signature not yet current: ")


def test_a_signed_url_is_good_for_as_long_as_it_says() -> None:
    """An hour, here; not before its time either."""
    request = presigned()

    assert verdict(request, after=3600 * SECOND) == KEY.key_id
    assert verdict(request, after=3601 * SECOND).startswith("Signature expired: ")
    assert verdict(request, after=-FIVE_MINUTES - SECOND).startswith("Signature not yet current: ")


def test_another_key_region_or_service_is_told_so() -> None:
    """Each has words of its own, as from AWS."""
    assert "security token" in verdict(signed(key=dataclasses.replace(KEY, key_id="AKIDOTHER")))
    assert "a valid region, not 'us-west-2'" in verdict(signed(key=dataclasses.replace(KEY, region="us-west-2")))
    assert "correct service: 'lambda'" in verdict(signed(service="execute-api"))


def test_the_key_is_that_of_the_environment() -> None:
    """`test` and `test` in us-east-1 where it names none, as tools for local AWS agree."""
    assert AccessKey.of_environment({}) == AccessKey(key_id="test", secret="test", region="us-east-1")
    assert AccessKey.of_environment({"AWS_DEFAULT_REGION": "eu-west-1"}).region == "eu-west-1"
    assert (
        AccessKey.of_environment(
            {
                "AWS_ACCESS_KEY_ID": KEY.key_id,
                "AWS_SECRET_ACCESS_KEY": KEY.secret,
                "AWS_REGION": KEY.region,
                "AWS_DEFAULT_REGION": "eu-west-1",
            }
        )
        == KEY
    )


TEMPORARY = dataclasses.replace(KEY, token="session/token==")
WRONG_TOKEN = "The security token included in the request is invalid."


@pytest.mark.parametrize("signer", [SigV4Auth, SigV4QueryAuth], ids=["header", "query"])
def test_the_token_of_a_temporary_key_has_to_come(signer: type[Any]) -> None:
    """C39: with the token that was set, in the header or in the query; not without one, and not with another."""
    requests = {
        token: signed(method="GET", body=b"", signer=signer, token=token)
        for token in (TEMPORARY.token, "another/token", None)
    }

    assert verdict(requests[TEMPORARY.token], key=TEMPORARY) == KEY.key_id
    assert verdict(requests["another/token"], key=TEMPORARY) == WRONG_TOKEN
    assert verdict(requests[None], key=TEMPORARY) == WRONG_TOKEN


def test_a_token_that_was_not_signed_is_none() -> None:
    """C39: it was added behind the signature, by anybody."""
    request = signed()
    added = dataclasses.replace(request, headers=(*request.headers, ("X-Amz-Security-Token", TEMPORARY.token)))

    assert verdict(added, key=TEMPORARY) == WRONG_TOKEN
    assert verdict(added) == KEY.key_id


def test_the_token_of_the_environment_belongs_to_its_key() -> None:
    """A token without a key of its own is that of another program."""
    token = {"AWS_SESSION_TOKEN": "t"}

    assert AccessKey.of_environment({"AWS_ACCESS_KEY_ID": "AKID", **token}).token == "t"
    assert AccessKey.of_environment(token).token == ""


def dated() -> HttpRequest:
    """A request that was signed with a Date header and no X-Amz-Date, as botocore does where there is one."""
    request = signed(headers={"Date": "now"})
    assert not request.first("x-amz-date")
    return request


def judged(request: HttpRequest, now: datetime) -> str:
    """Who signed it, or the type of the refusal."""
    result = verify(request, KEY, now=now)
    return result.access_key if isinstance(result, IamCaller) else result.head.headers["x-amzn-errortype"][0]


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that is not in Greenwich."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_a_date_header_may_be_the_time_of_a_signature() -> None:
    """C39: it counts as X-Amz-Date does, the clock included, wherever the machine is."""
    request = dated()
    signed_at = parsedate_to_datetime(request.first("date")).replace(tzinfo=UTC)

    assert judged(request, signed_at) == KEY.key_id
    assert judged(request, signed_at + FIVE_MINUTES) == KEY.key_id
    assert judged(request, signed_at + FIVE_MINUTES + SECOND) == "InvalidSignatureException"


@pytest.mark.parametrize("text", ["yesterday", "Fri, 31 Dec 9999 23:59:59 -1400", "20261121T000000Z"])
def test_a_date_that_was_not_signed_is_refused(text: str) -> None:
    """C39: whatever stands in it."""
    assert (
        judged(header("date", lambda _: text)(dated()), datetime(2026, 11, 21, tzinfo=UTC))
        == "InvalidSignatureException"
    )
