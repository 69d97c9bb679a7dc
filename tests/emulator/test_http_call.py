"""One call over HTTP: what is asked of it before its handler runs is not forgotten."""

from collections.abc import AsyncIterator
from typing import Any

from apptheory_emulator.call_server import CallServer
from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.http_call import HttpCall
from apptheory_streaming.wire.outcome import HandlerKind
from apptheory_testkit.transports.http_request import make_request
from apptheory_testkit.transports.sinks import CaptureSink


async def test_e4_a_call_that_is_cancelled_before_its_handler_runs_is_cancelled() -> None:
    """The handler is not even entered."""
    entered: list[str] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        entered.append("handler")
        yield "one"

    server = CallServer(lambda: FunctionConfig(name="function", target=handler), "localhost", lambda _: None)
    request = make_request("GET", "/", host="localhost")
    call = HttpCall(request, request_id="req_test_0001", sink=CaptureSink(), server=server)

    call.cancel()
    transcript = await call.run()

    assert transcript.handler.kind is HandlerKind.CANCELLED
    assert entered == []
