"""The documents with which a Function URL refuses callers, and what its event says of those it takes (C39)."""

import json
from datetime import UTC, datetime, timedelta

from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.events.function_url import FunctionUrl, function_url_event
from apptheory_streaming.wire.iam import IamCaller, IamRefusal, forbidden, not_scoped, out_of_time, unknown_url
from apptheory_streaming.wire.request import HttpRequest

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def shown(answer: Answer) -> tuple[int, str, str, object]:
    """Status, type, error type and the value of the body."""
    head = answer.head
    return head.status, head.content_type, head.headers["x-amzn-errortype"][0], json.loads(answer.body)


def test_refusals_are_those_that_were_recorded_from_aws() -> None:
    """Status, header and body, byte for byte."""
    assert shown(unknown_url()) == (403, "application/json", "AccessDeniedException", {"Message": None})
    assert shown(forbidden())[2] == "AccessDeniedException"
    assert forbidden().body == (
        b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
        b'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}'
    )
    signature = IamRefusal.SIGNATURE.answer()
    assert shown(signature)[:3] == (403, "application/json", "InvalidSignatureException")
    assert len(signature.body) == 192
    token = {"message": "The security token included in the request is invalid."}
    assert shown(IamRefusal.TOKEN.answer()) == (403, "application/json", "UnrecognizedClientException", token)


def test_a_signature_out_of_time_is_told_both_clocks() -> None:
    """Too old, or from the future: the same error, in AWS's words."""
    old = shown(out_of_time(NOON - timedelta(minutes=6), NOON, FIVE))
    early = shown(out_of_time(NOON + timedelta(minutes=6), NOON, FIVE))

    assert old[2] == early[2] == "InvalidSignatureException"
    assert old[3] == {
        "message": "Signature expired: 20261121T115400Z is now earlier than 20261121T115500Z (20261121T120000Z - 5 min.)"
    }
    assert early[3] == {
        "message": "Signature not yet current: 20261121T120600Z is still later than 20261121T120500Z "
        "(20261121T120000Z + 5 min.)"
    }


def test_a_signature_for_another_service_or_region_is_told_so() -> None:
    """Its type is that of every wrong signature."""
    _, _, error_type, body = shown(not_scoped("correct service: 'lambda'"))

    assert (error_type, body) == (
        "InvalidSignatureException",
        {"message": "Credential should be scoped to correct service: 'lambda'."},
    )


def test_the_event_of_a_caller_has_an_authorizer_and_not_its_signature() -> None:
    """C39: `authorizer.iam` with every key that AWS sends; the other headers of a signature stay."""
    request = HttpRequest(
        method="GET", headers=(("Authorization", "AWS4-HMAC-SHA256 …"), ("X-Amz-Date", "20261121T120000Z"))
    )
    url = FunctionUrl(url_id="f", domain="f.lambda-url.localhost")

    event = function_url_event(request, url, request_id="r", epoch_ms=0, trace_id="t", caller=IamCaller("AKIDEXAMPLE"))

    context, headers = event["requestContext"], event["headers"]
    assert isinstance(context, dict)
    assert isinstance(headers, dict)
    assert context["accountId"] == "000000000000"
    assert context["authorizer"] == {
        "iam": {
            "accessKey": "AKIDEXAMPLE",
            "accountId": "000000000000",
            "callerId": "AKIDEXAMPLE",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": "arn:aws:iam::000000000000:user/local",
            "userId": "AKIDEXAMPLE",
        }
    }
    assert "authorization" not in headers
    assert headers["x-amz-date"] == "20261121T120000Z"


def test_without_a_caller_the_header_is_the_functions_own() -> None:
    """B25: a bearer token of a URL that anyone may call reaches the function."""
    request = HttpRequest(method="GET", headers=(("Authorization", "Bearer t"),))
    url = FunctionUrl(url_id="f", domain="f.lambda-url.localhost")

    event = function_url_event(request, url, request_id="r", epoch_ms=0, trace_id="t")

    assert isinstance(event["headers"], dict)
    assert event["headers"]["authorization"] == "Bearer t"
    assert "authorizer" not in str(event)
