"""Who calls a Function URL of AuthType AWS_IAM: what the event says of a caller, and how others are refused.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html, and refusals recorded from AWS.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.head import make_head

__all__ = ["ACCOUNT_ID", "AuthType", "IamCaller", "IamRefusal", "forbidden", "not_scoped", "out_of_time", "unknown_url"]

ACCOUNT_ID = "000000000000"
"""The account of everything here, as in the ARN of the context."""

_HELP = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"


class AuthType(StrEnum):
    """Who may call a Function URL."""

    NONE = "NONE"
    """Anyone."""
    AWS_IAM = "AWS_IAM"
    """Those who sign their requests with a key that is known here."""


class IamRefusal(StrEnum):
    """What AWS says of a signature that it does not take, by the type of the error."""

    SIGNATURE = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
        "Access Key and signing method. Consult the service documentation for details."
    )
    TOKEN = "The security token included in the request is invalid."  # noqa: S105 - AWS's words

    @property
    def error_type(self) -> str:
        """AWS's name of the error."""
        return "UnrecognizedClientException" if self is IamRefusal.TOKEN else "InvalidSignatureException"

    def answer(self) -> Answer:
        """Give the response: 403."""
        return _refused({"message": str(self)}, self.error_type)


@dataclass(frozen=True, slots=True)
class IamCaller:
    """Whose signature a request carries; the user and the account are placeholders."""

    access_key: str

    def authorizer(self) -> dict[str, object]:
        """Give `requestContext.authorizer` of the event."""
        iam = {
            "accessKey": self.access_key,
            "accountId": ACCOUNT_ID,
            "callerId": self.access_key,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:iam::{ACCOUNT_ID}:user/local",
            "userId": self.access_key,
        }
        return {"iam": iam}


def out_of_time(signed: datetime, now: datetime, good_for: timedelta) -> Answer:
    """Make what a signature gets that is too old at `now`, or from its future."""
    minutes = f"{good_for.total_seconds() / 60:g} min."
    if signed > now:
        text = f"Signature not yet current: {_time(signed)} is still later than {_time(now + good_for)} "
        text += f"({_time(now)} + {minutes})"
    else:
        text = f"Signature expired: {_time(signed)} is now earlier than {_time(now - good_for)} "
        text += f"({_time(now)} - {minutes})"
    return _refused({"message": text}, IamRefusal.SIGNATURE.error_type)


def not_scoped(to: str) -> Answer:
    """Make what a signature gets that is for another region or service."""
    return _refused({"message": f"Credential should be scoped to {to}."}, IamRefusal.SIGNATURE.error_type)


def forbidden() -> Answer:
    """Make what a request without a signature gets."""
    text = f"Forbidden. For troubleshooting Function URL authorization issues, see: {_HELP}"
    return _refused({"Message": text}, "AccessDeniedException")


def unknown_url() -> Answer:
    """Make what a request for a URL gets that no function has."""
    return _refused({"Message": None}, "AccessDeniedException")


def _time(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _refused(body: dict[str, str | None], error_type: str) -> Answer:
    head = make_head(403, {"content-type": "application/json", "x-amzn-ErrorType": error_type})
    return Answer(head, json.dumps(body, separators=(",", ":")).encode())
