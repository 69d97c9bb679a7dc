"""The CORS configuration of a Function URL over HTTP: preflights, and the headers of both (B27, C37)."""

from typing import Any

import pytest

from apptheory_emulator import CorsConfig, FunctionUrlFactory
from apptheory_streaming import StreamingResponse
from apptheory_streaming.errors import UsageError
from raw_http import fetch

pytestmark = pytest.mark.streaming(clock="real")

PAGE = "https://app.example"
ORIGIN = ("Origin", PAGE)
CONFIG = CorsConfig(
    allow_origins=(PAGE,),
    allow_methods=("GET", "POST"),
    allow_headers=("Content-Type", "Cache-Control"),
    expose_headers=("x-rows",),
    max_age=86400,
)


async def handler(event: Any, context: Any) -> StreamingResponse:
    """Send CORS headers of its own."""
    headers = {"access-control-allow-origin": "*", "access-control-allow-methods": "PUT", "vary": "accept"}
    return StreamingResponse([b"body"], headers=headers)


async def test_a_preflight_is_answered_without_the_function(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """B27: the values as configured, no body; the log has the request."""
    caplog.set_level("INFO")
    url = await function_url(handler, cors=CONFIG)

    response = await fetch(url, "OPTIONS", "/x", [ORIGIN, ("Access-Control-Request-Method", "POST")])
    await url.settled()

    assert (response.status, response.body, response.cut) == (200, b"", False)
    assert response.head.value("access-control-allow-origin") == PAGE
    assert response.head.value("access-control-allow-methods") == "GET,POST"
    assert response.head.value("access-control-allow-headers") == "Content-Type,Cache-Control"
    assert response.head.value("access-control-max-age") == "86400"
    assert response.head.value("access-control-expose-headers") is None
    assert response.head.value("content-length") == "0"
    assert url.exchanges == []
    assert f"{response.head.value('x-amzn-RequestId')} OPTIONS /x 200 handler=not_called" in caplog.messages


async def test_both_headers_are_sent_duplicates_included(function_url: FunctionUrlFactory) -> None:
    """B27: as AWS's page says, so that a function that sends its own breaks here too."""
    head = (await fetch(await function_url(handler, cors=CONFIG), headers=[ORIGIN])).head

    assert head.values("access-control-allow-origin") == ["*", PAGE]
    assert head.values("access-control-allow-methods") == ["PUT"]
    assert head.values("access-control-expose-headers") == ["x-rows"]
    assert head.values("vary") == ["accept", "Origin"]


async def test_configured_headers_may_take_the_place_of_the_functions(function_url: FunctionUrlFactory) -> None:
    """B27: the rule that AWS's page had before; only what the configuration sends is replaced."""
    url = await function_url(handler, cors=CONFIG, cors_merge="configured")

    head, stranger = (await fetch(url, headers=[ORIGIN])).head, (await fetch(url)).head

    assert head.values("access-control-allow-origin") == [PAGE]
    assert head.values("access-control-allow-methods") == ["PUT"]
    assert head.values("vary") == ["accept", "Origin"]
    assert stranger.values("access-control-allow-origin") == ["*"]


async def test_errors_of_the_function_may_be_read_by_the_page(function_url: FunctionUrlFactory) -> None:
    """C37: a 502 is a response as any other."""

    async def broken(event: Any, context: Any) -> None:
        raise ValueError

    response = await fetch(await function_url(broken, cors=CONFIG), headers=[ORIGIN])

    assert (response.status, response.head.value("access-control-allow-origin")) == (502, PAGE)


async def test_options_that_is_no_preflight_reaches_the_function(function_url: FunctionUrlFactory) -> None:
    """Only a browser's question is answered for it; without a configuration that is too."""
    preflight = [ORIGIN, ("Access-Control-Request-Method", "POST")]

    assert (await fetch(await function_url(handler, cors=CONFIG), "OPTIONS", headers=[ORIGIN])).body == b"body"
    assert (await fetch(await function_url(handler), "OPTIONS", headers=preflight)).body == b"body"


async def test_a_configuration_that_is_none_is_refused(function_url: FunctionUrlFactory) -> None:
    """A dict is none."""
    wrong: Any = {"allow_origins": "*"}

    with pytest.raises(UsageError, match="cors must be a CorsConfig"):
        await function_url(handler, cors=wrong)
    with pytest.raises(UsageError, match="cors_merge must be 'both' or 'configured', not 'mine'"):
        await function_url(handler, cors_merge="mine")
