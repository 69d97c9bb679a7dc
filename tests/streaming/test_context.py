"""The context object that handlers get."""

import dataclasses
from typing import Any

import pytest

from apptheory_streaming import LambdaContext
from apptheory_testkit import stream_client


class Clock:
    """Seconds that stand still until they are set."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def context_at(clock: Clock, *, timeout: float = 30.0) -> LambdaContext:
    return LambdaContext.for_function("chat", request_id="req_1", timeout=timeout, now=clock)


def test_e5_the_remaining_time_is_counted_from_the_beginning_in_milliseconds() -> None:
    """E5: whole milliseconds, never less than none."""
    clock = Clock(1000.0)
    context = context_at(clock)
    assert context.get_remaining_time_in_millis() == 30_000
    clock.seconds += 0.25
    assert context.get_remaining_time_in_millis() == 29_750
    clock.seconds += 29.75
    assert context.get_remaining_time_in_millis() == 0
    clock.seconds += 1000
    assert context.get_remaining_time_in_millis() == 0
    assert type(context.get_remaining_time_in_millis()) is int


def test_the_context_has_what_the_lambda_documentation_lists() -> None:
    """D1: the same values in every run."""
    context = context_at(Clock(0))
    assert {name: value for name, value in dataclasses.asdict(context).items() if name != "remaining_seconds"} == {
        "aws_request_id": "req_1",
        "function_name": "chat",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:us-east-1:000000000000:function:chat",
        "memory_limit_in_mb": "1024",
        "log_group_name": "/aws/lambda/chat",
        "log_stream_name": "local/[$LATEST]",
        "identity": {"cognito_identity_id": None, "cognito_identity_pool_id": None},
        "client_context": None,
        "tenant_id": None,
    }


def test_two_contexts_of_one_request_are_equal() -> None:
    """D1: the clock is no part of what a context is."""
    assert context_at(Clock(1)) == context_at(Clock(2))
    assert "remaining_seconds" not in repr(context_at(Clock(1)))


@pytest.mark.parametrize(("timeout", "milliseconds"), [(None, 900_000), (600.0, 600_000)])
async def test_e5_a_handler_sees_its_timeout(timeout: float | None, milliseconds: int) -> None:
    """E5: without one the context shows 900 s; the request id is that of the response."""

    async def handler(event: Any, context: LambdaContext) -> Any:
        return [context.aws_request_id, context.function_name, context.get_remaining_time_in_millis()]

    capture = await stream_client(handler, timeout=timeout).get("/")
    request_id, name, remaining = capture.json()
    assert request_id == capture.request_id
    assert name == "function"
    assert milliseconds / 2 < remaining <= milliseconds


def test_a_handler_may_keep_things_on_its_context_as_on_lambda() -> None:
    """Frameworks do; and `identity` is always there, empty for a Function URL."""
    context = LambdaContext(aws_request_id="r", remaining_seconds=lambda: 1.0)

    context.kept = "here"  # type: ignore[attr-defined]

    assert vars(context)["kept"] == "here"
    assert context.identity.cognito_identity_id is None
