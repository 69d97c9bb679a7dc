"""The adapters between HTTP clients and a function: who streams, within which limits, in which form.

Every statement has the page it was read on, the day of that, and how sure it is.  `make generate`
makes docs/reference/adapters.md of this table; a test runs a handler through each front and compares.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType

from apptheory_streaming.wire.front import Front, FunctionUrlFront, InvokeMode
from apptheory_streaming.wire.fronts.alb import AlbFront
from apptheory_streaming.wire.fronts.http_api import HttpApiFront
from apptheory_streaming.wire.fronts.rest_api import RestApiFront, TransferMode

__all__ = ["ADAPTERS", "REST_STREAMS_SINCE", "Adapter", "AdapterFacts", "Cell", "Grade", "front_of"]

_READ_ON = "2026-11-21"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/"
_GATEWAY = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
_BALANCER = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"
_CAPTURES = "https://github.com/hotsock/voker/tree/main/vokerhttp/testdata"
_URL_TESTS = "https://github.com/localstack/localstack/tree/main/tests/aws/services/lambda_"
_WHATS_NEW = "https://aws.amazon.com/about-aws/whats-new/2025/11/api-gateway-response-streaming-rest-apis"
_NO_SIGNAL = "https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/145"


class Grade(StrEnum):
    """How sure a statement is."""

    DOCUMENTED = "documented"
    MEASURED = "measured"
    """Captured from AWS itself."""
    REPORTED = "reported"
    """By users of AWS."""
    INFERRED = "inferred"
    """From what is known of the others; not proven."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One statement, where it was read, how sure it is, and the day it was read (ISO date)."""

    text: str
    source: str
    grade: Grade = Grade.DOCUMENTED
    read_on: str = _READ_ON


class Adapter(StrEnum):
    """A front of AWS in one of its modes."""

    FUNCTION_URL = "Function URL, RESPONSE_STREAM"
    FUNCTION_URL_BUFFERED = "Function URL, BUFFERED"
    REST_API_STREAM = "REST API, STREAM"
    REST_API = "REST API, BUFFERED"
    HTTP_API = "HTTP API"
    ALB = "Application Load Balancer"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterFacts:
    """What is known of one adapter; `can_stream` and `error_status` are what a test compares."""

    can_stream: bool
    error_status: int
    streams: Cell
    limits: Cell
    event: Cell
    head: Cell
    errors: Cell
    disconnect: Cell

    def cells(self) -> Iterator[tuple[str, Cell]]:
        """Give the statements with their names, in order."""
        known = ((each.name, getattr(self, each.name)) for each in fields(self))
        return ((name, cell) for name, cell in known if isinstance(cell, Cell))


REST_STREAMS_SINCE = Cell(
    "REST APIs of API Gateway can stream since 2025-11-19; what older texts say, that API Gateway cannot, "
    "holds for HTTP APIs only.",
    _WHATS_NEW,
)

_GONE = Cell("The function is not told and runs on to its end.", _NO_SIGNAL, Grade.REPORTED)
_GONE_UNSEEN = Cell(
    "The function is not told: nothing is sent before it has ended.", _LAMBDA + "lambda-invocation.html", Grade.INFERRED
)

ADAPTERS: Mapping[Adapter, AdapterFacts] = MappingProxyType(
    {
        Adapter.FUNCTION_URL: AdapterFacts(
            can_stream=True,
            error_status=502,
            streams=Cell("Yes, chunk by chunk.", _LAMBDA + "config-rs-invoke-furls.html"),
            limits=Cell(
                "6 MB request; 200 MB streamed, the first 6 MB at any speed and then 2 MB/s; 900 s.",
                _LAMBDA + "gettingstarted-limits.html",
            ),
            event=Cell(
                "Format 2.0: `rawPath` encoded, `http.path` decoded; the cookie header stays beside `cookies`.",
                _CAPTURES,
                Grade.MEASURED,
            ),
            head=Cell(
                "`statusCode`, `headers`, `cookies` in front of 8 NUL bytes; a buffered answer is shown verbatim, "
                "with status 200.",
                _URL_TESTS,
                Grade.MEASURED,
            ),
            errors=Cell(
                "502 `Internal Server Error`; once the head is out, the body ends cleanly.", _URL_TESTS, Grade.MEASURED
            ),
            disconnect=_GONE,
        ),
        Adapter.FUNCTION_URL_BUFFERED: AdapterFacts(
            can_stream=False,
            error_status=502,
            streams=Cell("No: a stream is collected.", _LAMBDA + "config-rs-invoke-furls.html"),
            limits=Cell("6 MB request, 6 MB response; 900 s.", _LAMBDA + "gettingstarted-limits.html"),
            event=Cell("As of RESPONSE_STREAM: the function cannot see the mode.", _CAPTURES, Grade.MEASURED),
            head=Cell(
                "Inferred by format 2.0: without `statusCode` it is 200 and `application/json`.",
                _URL_TESTS,
                Grade.MEASURED,
            ),
            errors=Cell("502 `Internal Server Error`.", _URL_TESTS, Grade.MEASURED),
            disconnect=_GONE_UNSEEN,
        ),
        Adapter.REST_API_STREAM: AdapterFacts(
            can_stream=True,
            error_status=500,
            streams=Cell(
                "Yes, with `responseTransferMode: STREAM` and the invocation path of 2021-11-15; since 2025-11-19.",
                _GATEWAY + "response-transfer-mode-lambda.html",
            ),
            limits=Cell(
                "10 MB request; the first 10 MB at any speed and then 2 MB/s; 15 minutes; silent for 5 minutes, "
                "at an edge-optimized endpoint for 30 s.",
                _GATEWAY + "response-transfer-mode.html",
            ),
            event=Cell(
                "Format 1.0: `path` encoded and without its stage, headers as the client wrote them, "
                "the last value and all values of each name.",
                _CAPTURES,
                Grade.MEASURED,
            ),
            head=Cell(
                "JSON of `statusCode`, `headers`, `multiValueHeaders`, `cookies`, with 8 NUL bytes in the first 16 KB; "
                "nothing is inferred, and a buffered answer is an error.",
                _GATEWAY + "response-transfer-mode-lambda.html",
            ),
            errors=Cell(
                '500 `{"message": "Internal server error"}`; once the head is out, the connection just ends.',
                _GATEWAY + "response-streaming-troubleshoot.html",
                Grade.INFERRED,
            ),
            disconnect=Cell("The function may run on.", _GATEWAY + "response-transfer-mode.html"),
        ),
        Adapter.REST_API: AdapterFacts(
            can_stream=False,
            error_status=502,
            streams=Cell("No: BUFFERED is the default of an integration.", _GATEWAY + "response-transfer-mode.html"),
            limits=Cell(
                "10 MB request and response, of which Lambda takes 6 MB; 29 s, more on request.",
                _GATEWAY + "api-gateway-execution-service-limits-table.html",
            ),
            event=Cell("As of STREAM.", _GATEWAY + "response-transfer-mode-lambda.html"),
            head=Cell(
                "`statusCode` must be there; `headers`, `multiValueHeaders`; base64 becomes bytes for binary "
                "media types.",
                _GATEWAY + "set-up-lambda-proxy-integrations.html",
            ),
            errors=Cell(
                '502 `{"message": "Internal server error"}` for a failure or a malformed answer, 500 when Lambda '
                "refuses, 504 when the integration is late.",
                _LAMBDA + "services-apigateway-errors.html",
            ),
            disconnect=_GONE_UNSEEN,
        ),
        Adapter.HTTP_API: AdapterFacts(
            can_stream=False,
            error_status=500,
            streams=Cell("No: only REST APIs stream.", _GATEWAY + "response-transfer-mode.html"),
            limits=Cell(
                "10 MB request and response, of which Lambda takes 6 MB; 30 s.", _GATEWAY + "http-api-quotas.html"
            ),
            event=Cell(
                "Format 2.0: `rawPath` and `http.path` decoded twice and cut at a `?`; no cookie header, "
                "only `cookies`.",
                _CAPTURES,
                Grade.MEASURED,
            ),
            head=Cell("Inferred by format 2.0.", _GATEWAY + "http-api-develop-integrations-lambda.html"),
            errors=Cell(
                '500 `{"message":"Internal Server Error"}`, 503 when Lambda refuses or the integration is late.',
                _GATEWAY + "http-api-troubleshooting-lambda.html",
                Grade.REPORTED,
            ),
            disconnect=_GONE_UNSEEN,
        ),
        Adapter.ALB: AdapterFacts(
            can_stream=False,
            error_status=502,
            streams=Cell("No.", _BALANCER + "lambda-functions.html", Grade.INFERRED),
            limits=Cell("1 MB request body, 1 MB of JSON as the answer.", _BALANCER + "lambda-functions.html"),
            event=Cell(
                "A format of its own: path and parameters encoded; one value a name or all of them, by the switch "
                "of the target group.",
                _CAPTURES,
                Grade.MEASURED,
            ),
            head=Cell(
                "`statusCode` must be there; `statusDescription`; `headers` or `multiValueHeaders`, by the switch.",
                _BALANCER + "lambda-functions.html",
            ),
            errors=Cell("502 and a page of HTML.", _BALANCER + "load-balancer-troubleshooting.html"),
            disconnect=_GONE_UNSEEN,
        ),
    }
)
"""Adapter -> what is known of it."""


def front_of(adapter: Adapter) -> Front:
    """Give the front that judges the answers of a function behind an adapter."""
    return _FRONTS[adapter]


_FRONTS: Mapping[Adapter, Front] = MappingProxyType(
    {
        Adapter.FUNCTION_URL: FunctionUrlFront(InvokeMode.RESPONSE_STREAM),
        Adapter.FUNCTION_URL_BUFFERED: FunctionUrlFront(InvokeMode.BUFFERED),
        Adapter.REST_API_STREAM: RestApiFront(mode=TransferMode.STREAM),
        Adapter.REST_API: RestApiFront(),
        Adapter.HTTP_API: HttpApiFront(),
        Adapter.ALB: AlbFront(),
    }
)
