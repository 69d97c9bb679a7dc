"""Checks the signatures of requests by AWS's own signer (Signature Version 4, service `lambda`).

It signs what came once more, with the headers that the client says it signed, and compares: see
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.iam import IamCaller, IamRefusal, forbidden, not_scoped, out_of_time
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["CLOCK_SKEW", "AccessKey", "verify"]

CLOCK_SKEW = timedelta(minutes=5)
"""How far the clock of a client may be off, and so how long a signature in a header is good."""

_TOKEN_HEADER = "x-amz-security-token"  # noqa: S105 - a name

_ALGORITHM = "AWS4-HMAC-SHA256"
_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_SERVICE = "lambda"
_LONGEST_EXPIRY = 7 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """The key that is accepted, and the region in which its signatures are.

    A key with a `token` is a temporary one, and each of its requests has to bring the token.
    """

    key_id: str = "test"
    secret: str = "test"  # noqa: S105 - what tools for local AWS agree on
    region: str = "us-east-1"
    token: str = ""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> "AccessKey":
        """Take AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION (or AWS_DEFAULT_REGION), where they are set.

        AWS_SESSION_TOKEN belongs to a key, and is none without one.
        """
        return cls(
            token=environment.get("AWS_SESSION_TOKEN", "") if environment.get("AWS_ACCESS_KEY_ID") else "",
            key_id=environment.get("AWS_ACCESS_KEY_ID") or "test",
            secret=environment.get("AWS_SECRET_ACCESS_KEY") or "test",
            region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What a request says of its signature, in the Authorization header or in its query."""

    credential: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    query: str
    expires: timedelta
    token: str

    @property
    def scope(self) -> list[str]:
        """Key, date, region, service and `aws4_request`."""
        return self.credential.rsplit("/", 4)


class _Signer(SigV4Auth):  # type: ignore[misc, unused-ignore]
    """Signs the headers that a client signed, where botocore's own choice may be another."""

    def __init__(self, key: AccessKey, signed_headers: tuple[str, ...]) -> None:
        super().__init__(Credentials(key.key_id, key.secret), _SERVICE, key.region)
        self._signed = signed_headers

    def headers_to_sign(self, request: Any) -> Any:
        chosen = HTTPHeaders()
        for name in self._signed:
            for value in request.headers.get_all(name, []):
                chosen[name] = value
        return chosen


def verify(request: HttpRequest, key: AccessKey, *, now: datetime) -> IamCaller | Answer:
    """Give who signed a request, or the refusal that AWS would send; `now` is aware of its time zone."""
    claim = _claim(request)
    if claim is None:
        return IamRefusal.SIGNATURE.answer() if request.first("authorization") else forbidden()
    problem = _problem_of_scope(claim, key) or _problem_of_token(claim, key) or _problem_of_time(claim, now)
    if problem is not None:
        return problem
    headers = {name.lower() for name, _ in request.headers}
    complete = "host" in claim.signed_headers and headers.issuperset(claim.signed_headers)
    complete = complete and "#" not in request.path + request.query  # which a URL cuts off, and no client signs
    if complete and _payload_is_signed(request) and hmac.compare_digest(_signature(request, claim, key), _ascii(claim)):
        return IamCaller(key.key_id)
    return IamRefusal.SIGNATURE.answer()


def _claim(request: HttpRequest) -> _Claim | None:
    header = request.first("authorization")
    if header.startswith(_ALGORITHM + " "):
        return _claim_of_header(request, header.removeprefix(_ALGORITHM + " "))
    pairs = dict(parse_qsl(request.query, keep_blank_values=True))
    return _claim_of_query(request, pairs) if pairs.get("X-Amz-Algorithm") == _ALGORITHM else None


def _claim_of_header(request: HttpRequest, text: str) -> _Claim | None:
    parts: dict[str, str] = dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)
    if not parts.keys() >= {"Credential", "SignedHeaders", "Signature"}:
        return None
    signed = tuple(parts["SignedHeaders"].lower().split(";"))
    return _Claim(
        credential=parts["Credential"],
        signed_headers=signed,
        signature=parts["Signature"],
        timestamp=request.first("x-amz-date") or _timestamp(request.first("date")),
        query=request.query,
        expires=CLOCK_SKEW,
        token=request.first(_TOKEN_HEADER) if _TOKEN_HEADER in signed else "",
    )


def _claim_of_query(request: HttpRequest, pairs: Mapping[str, str]) -> _Claim | None:
    needed = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date", "X-Amz-Expires")
    seconds = pairs.get("X-Amz-Expires", "")
    if not pairs.keys() >= set(needed) or not (seconds.isascii() and seconds.isdigit() and len(seconds) < 7):
        return None
    query = "&".join(pair for pair in request.query.split("&") if not pair.startswith("X-Amz-Signature="))
    return _Claim(
        credential=pairs["X-Amz-Credential"],
        signed_headers=tuple(pairs["X-Amz-SignedHeaders"].lower().split(";")),
        signature=pairs["X-Amz-Signature"],
        timestamp=pairs["X-Amz-Date"],
        query=query,
        expires=timedelta(seconds=min(int(seconds), _LONGEST_EXPIRY)),
        token=pairs.get("X-Amz-Security-Token", ""),
    )


def _timestamp(date: str) -> str:
    """The time of a Date header, which signers use that send no X-Amz-Date, as a signature has it."""
    try:
        moment = parsedate_to_datetime(date)
        known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return known.astimezone(UTC).strftime(_TIMESTAMP)
    except (ValueError, OverflowError):
        return date  # which may have the form of a signature already


def _problem_of_scope(claim: _Claim, key: AccessKey) -> Answer | None:
    if len(claim.scope) != 5:
        return IamRefusal.SIGNATURE.answer()
    key_id, date, region, service, ending = claim.scope
    if key_id != key.key_id:
        return IamRefusal.TOKEN.answer()
    if region != key.region:
        return not_scoped(f"a valid region, not {region!r}" if region.isprintable() else "a valid region")
    if service != _SERVICE:
        return not_scoped(f"correct service: {_SERVICE!r}")
    if ending != "aws4_request" or date != claim.timestamp[:8]:
        return IamRefusal.SIGNATURE.answer()
    return None


def _problem_of_token(claim: _Claim, key: AccessKey) -> Answer | None:
    """The token of a temporary key has to come; that of a key without one says nothing here."""
    if not key.token or hmac.compare_digest(_bytes(claim.token), _bytes(key.token)):
        return None
    return IamRefusal.TOKEN.answer()


def _problem_of_time(claim: _Claim, now: datetime) -> Answer | None:
    try:
        signed = datetime.strptime(claim.timestamp, _TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return IamRefusal.SIGNATURE.answer()
    if signed - now > CLOCK_SKEW:
        return out_of_time(signed, now, CLOCK_SKEW)
    if now - signed > claim.expires:
        return out_of_time(signed, now, claim.expires)
    return None


def _payload_is_signed(request: HttpRequest) -> bool:
    """Whether a hash that the client sent is that of the body; `UNSIGNED-PAYLOAD` is none."""
    told = request.first("x-amz-content-sha256")
    return not told or told == hashlib.sha256(request.body).hexdigest()


def _signature(request: HttpRequest, claim: _Claim, key: AccessKey) -> bytes:
    query = f"?{claim.query}" if claim.query else ""
    signed = AWSRequest(request.method, f"http://localhost{request.path}{query}", data=request.body)
    for name, value in request.headers:
        signed.headers[name] = value
    signed.context["timestamp"] = claim.timestamp
    signer = _Signer(key, claim.signed_headers)
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    return str(signer.signature(text, signed)).encode()


def _ascii(claim: _Claim) -> bytes:
    return claim.signature.encode("ascii", "replace")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
