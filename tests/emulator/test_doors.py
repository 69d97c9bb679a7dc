"""The doors of API Gateway and of a load balancer: who passes, what is answered without the function."""

import json
from typing import Any

import pytest

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.front.door import Admission, Arrival, Door, Refusal
from apptheory_emulator.front.doors import door_of
from apptheory_emulator.front.routes import Destination
from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.events.function_url import FunctionUrl
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.fronts.alb import AlbFront
from apptheory_streaming.wire.fronts.http_api import HttpApiFront
from apptheory_streaming.wire.fronts.rest_api import RestApiFront, TransferMode
from apptheory_streaming.wire.iam import AuthType
from apptheory_streaming.wire.limits import Limits
from apptheory_streaming.wire.request import HttpRequest
from apptheory_streaming.wire.throttle import Throttle

MIB = 1024 * 1024


def handler(event: Any, context: Any) -> str:
    """Never runs here."""
    return ""


def config(gateway: Gateway, **options: Any) -> FunctionConfig:
    """A function behind a gateway."""
    return FunctionConfig(name="app", target=handler, gateway=gateway, **options)


def door(gateway: Gateway, **options: Any) -> Door:
    """The door of a function behind a gateway."""
    return door_of([Destination(InProcessFunction(config(gateway, **options)), gateway)])


def arrival(path: str = "/", *, method: str = "GET", body: bytes = b"", now: float = 0.0, **headers: str) -> Arrival:
    """A request that has just come."""
    return Arrival(
        request=HttpRequest(method=method, path=path, body=body, headers=tuple(headers.items())),
        request_id="3d1e2c4b-0000-4000-8000-000000000001",
        trace_id="Root=1-00000000-0123456789abcdef01234567",
        epoch_ms=1767225599123,
        now=now,
        url=FunctionUrl(url_id="app", domain="app.lambda-url.localhost", port=3000),
    )


def admitted(gateway: Gateway, request: Arrival, **options: Any) -> Admission:
    """What becomes of a request that passes."""
    found = door(gateway, **options).admit(request)
    assert isinstance(found, Admission)
    return found


def refused(gateway: Gateway, request: Arrival, **options: Any) -> tuple[int, str]:
    """Status and text of the answer to a request that does not."""
    found = door(gateway, **options).admit(request)
    assert isinstance(found, Refusal)
    body = found.answer.body.decode()
    return found.answer.head.status, json.loads(body)["message"] if body.startswith("{") else body


REST = Gateway(kind=FrontKind.REST_API)
HTTP = Gateway(kind=FrontKind.HTTP_API)
ALB = Gateway(kind=FrontKind.ALB)


def test_the_event_of_a_rest_api() -> None:
    """Payload format 1.0: the stage is a part of the address and not of the path."""
    found = admitted(REST, arrival("/prod/cats/1"))
    assert (found.event["path"], found.event["resource"]) == ("/cats/1", "/{proxy+}")
    context = found.event["requestContext"]
    assert isinstance(context, dict)
    assert (context["stage"], context["path"], context["apiId"]) == ("prod", "/prod/cats/1", "app")
    assert context["requestId"] == found.platform_headers["x-amzn-RequestId"]
    assert context["extendedRequestId"] == found.platform_headers["x-amz-apigw-id"]
    assert found.front == RestApiFront(gives_up_first=True)


def test_the_event_of_an_http_api() -> None:
    """Payload format 2.0: `$default` takes everything, and its id is a short one."""
    found = admitted(HTTP, arrival("/cats/a%20b"))
    context = found.event["requestContext"]
    assert isinstance(context, dict)
    assert (found.event["rawPath"], context["stage"], len(context["requestId"])) == ("/cats/a b", "$default", 16)
    assert found.platform_headers == {"apigw-requestid": context["requestId"]}
    assert found.front == HttpApiFront(gives_up_first=True)


@pytest.mark.parametrize("multi_value", [False, True])
def test_the_event_of_a_load_balancer(multi_value: bool) -> None:
    """A target group: its switch is that of the event and of the answer."""
    found = admitted(Gateway(kind=FrontKind.ALB, multi_value=multi_value), arrival("/cats"))
    assert ("multiValueHeaders" in found.event, "headers" in found.event) == (multi_value, not multi_value)
    assert found.front == AlbFront(multi_value=multi_value)
    assert found.platform_headers == {}


@pytest.mark.parametrize(
    ("gateway", "path"),
    [
        (REST, "/prod/"),
        (Gateway(kind=FrontKind.REST_API, stage="live"), "/live/"),
        (HTTP, "/"),
        (Gateway(kind=FrontKind.HTTP_API, stage="$default"), "/"),
        (Gateway(kind=FrontKind.HTTP_API, stage="dev"), "/dev/"),
        (ALB, "/"),
    ],
)
def test_where_an_address_begins(gateway: Gateway, path: str) -> None:
    """A stage with a name is what the path of every address begins with."""
    found = door(gateway)
    assert found.path == path
    assert isinstance(found.admit(arrival(path)), Admission)


@pytest.mark.parametrize(
    ("gateway", "path", "answer"),
    [
        (REST, "/", (403, "Forbidden")),
        (REST, "/dev/cats", (403, "Forbidden")),
        (Gateway(kind=FrontKind.HTTP_API, stage="dev"), "/cats", (404, "Not Found")),
        (HTTP, "/percent%25done", (400, "Bad Request")),
    ],
)
def test_a_path_that_leads_nowhere(gateway: Gateway, path: str, answer: tuple[int, str]) -> None:
    """A28, C05: the function is not asked, and the answer is that of the API."""
    assert refused(gateway, arrival(path)) == answer


@pytest.mark.parametrize(
    ("gateway", "path", "size", "status"),
    [
        (REST, "/prod/", 6 * MIB, 0),
        (REST, "/prod/", 6 * MIB + 1, 500),
        (REST, "/prod/", 10 * MIB, 500),
        (REST, "/prod/", 10 * MIB + 1, 413),
        (HTTP, "/", 6 * MIB, 0),
        (HTTP, "/", 6 * MIB + 1, 500),
        (HTTP, "/", 10 * MIB + 1, 413),
        (ALB, "/", MIB, 0),
        (ALB, "/", MIB + 1, 413),
    ],
)
def test_how_long_a_request_may_be(gateway: Gateway, path: str, size: int, status: int) -> None:
    """L1, L3: the API takes 10 MB and Lambda 6 of them, a load balancer takes 1; an exact fit passes."""
    request = arrival(path, method="POST", body=bytes(size))
    if status:
        assert refused(gateway, request)[0] == status
    else:
        admitted(gateway, request)


def test_a_body_needs_no_limit_of_lambda() -> None:
    """L1: a function without a limit of its own takes what the API takes."""
    admitted(REST, arrival("/prod/", body=bytes(10 * MIB)), limits=Limits())


@pytest.mark.parametrize(("kind", "path"), [(FrontKind.REST_API, "/prod/"), (FrontKind.HTTP_API, "/")])
def test_one_request_too_many(kind: FrontKind, path: str) -> None:
    """C40: a burst passes, then a rate; the others get 429, and a path that leads nowhere costs nothing."""
    limited = door(Gateway(kind=kind, throttle=Throttle(2, 10)))
    now = [limited.admit(arrival(path, now=at)) for at in (0, 0, 0, 0.05, 0.1)]
    assert [isinstance(each, Admission) for each in now] == [True, True, False, False, True]
    assert isinstance(now[2], Refusal)
    assert now[2].answer.head.status == 429


@pytest.mark.parametrize(
    ("gateway", "timeout", "seconds", "gives_up_first"),
    [
        (REST, 900.0, 29.0, True),
        (REST, 29.0, 29.0, True),
        (REST, 3.0, 3.0, False),
        (REST, None, 29.0, True),
        (Gateway(kind=FrontKind.REST_API, timeout=60), 900.0, 60, True),
        (HTTP, 900.0, 30.0, True),
    ],
)
def test_the_time_of_an_integration(
    gateway: Gateway, timeout: float | None, seconds: float, gives_up_first: bool
) -> None:
    """C04: whose time is shorter ends the request, and says how it is answered."""
    found = admitted(gateway, arrival("/prod/"), timeout=timeout)
    assert isinstance(found.front, RestApiFront | HttpApiFront)
    assert (found.policy.timeout, found.front.gives_up_first) == (seconds, gives_up_first)


def test_a_load_balancer_waits_for_the_function() -> None:
    """C04: it has no time of its own."""
    assert admitted(ALB, arrival(), timeout=900.0).policy.timeout == 900


def test_only_a_stream_is_held_to_a_time_of_silence() -> None:
    """C04: 5 minutes, unless it is said otherwise."""
    assert admitted(REST, arrival("/prod/")).idle_seconds is None
    stream = Gateway(kind=FrontKind.REST_API, transfer_mode=TransferMode.STREAM)
    assert admitted(stream, arrival("/prod/")).idle_seconds == 300
    edge = Gateway(kind=FrontKind.REST_API, transfer_mode=TransferMode.STREAM, idle_seconds=30)
    assert admitted(edge, arrival("/prod/")).idle_seconds == 30


def test_what_the_client_accepts_decides_on_base64() -> None:
    """R8: the door tells the front."""
    gateway = Gateway(kind=FrontKind.REST_API, binary_media_types=("image/png",))
    front = admitted(gateway, arrival("/prod/", Accept="image/png")).front
    assert isinstance(front, RestApiFront)
    assert (front.accept, front.binary_media_types) == ("image/png", ("image/png",))


@pytest.mark.parametrize(
    ("kind", "options", "word"),
    [
        (FrontKind.FUNCTION_URL, {}, "Function URL"),
        (FrontKind.FUNCTION_URL, {"stage": "x"}, "a stage"),
        (FrontKind.ALB, {"stage": "x"}, "a stage"),
        (FrontKind.ALB, {"throttle": Throttle(1, 1)}, "a throttle"),
        (FrontKind.ALB, {"timeout": 3}, "an integration timeout"),
        (FrontKind.HTTP_API, {"transfer_mode": TransferMode.STREAM}, "a transfer mode"),
        (FrontKind.HTTP_API, {"binary_media_types": ("*/*",)}, "binary media types"),
        (FrontKind.HTTP_API, {"idle_seconds": 3}, "a time for silence"),
        (FrontKind.REST_API, {"multi_value": True}, "multi-value headers"),
        (FrontKind.REST_API, {"stage": "a/b"}, "'a/b'"),
        (FrontKind.REST_API, {"stage": ""}, "''"),
        (FrontKind.REST_API, {"timeout": 0}, "timeout"),
        (FrontKind.REST_API, {"idle_seconds": float("nan")}, "idle_seconds"),
        (FrontKind.REST_API, {"idle_seconds": 0}, "idle_seconds"),
        (FrontKind.REST_API, {"transfer_mode": "STREAMED"}, "transfer_mode must be 'BUFFERED' or 'STREAM'"),
        ("cloudfront", {}, "kind must be"),
    ],
)
def test_what_a_front_does_not_have_is_refused(kind: FrontKind, options: dict[str, Any], word: str) -> None:
    """C05, C07: an option that would do nothing is a mistake, and the message names it."""
    with pytest.raises(UsageError, match=word):
        Gateway(kind=kind, **options)


def test_words_name_a_kind_and_a_mode() -> None:
    """C05: a text that is taken for another front, or for no stream, would be worse than one that is refused."""
    options: dict[str, Any] = {"kind": "rest-api", "transfer_mode": "STREAM"}

    assert Gateway(**options) == Gateway(kind=FrontKind.REST_API, transfer_mode=TransferMode.STREAM)
    assert Gateway(**options).kind is FrontKind.REST_API


@pytest.mark.parametrize("options", [{"auth": AuthType.AWS_IAM}, {"invoke_mode": InvokeMode.BUFFERED}])
def test_what_only_a_function_url_has(options: dict[str, Any]) -> None:
    """B26: behind an API it would be taken for more than it is."""
    with pytest.raises(UsageError, match="rest-api has none"):
        config(REST, **options)
