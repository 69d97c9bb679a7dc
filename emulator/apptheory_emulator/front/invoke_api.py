"""The Invoke APIs of Lambda, as AWS's SDKs call them: for a whole answer, or for a stream of events.

Sources: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html and
https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from apptheory_emulator.config import LateErrors
from apptheory_emulator.front.collecting_sink import CollectingSink
from apptheory_emulator.front.event_stream_sink import ERROR_CODE, EventStreamSink
from apptheory_emulator.front.function_name import LATEST, FunctionName, function_arn, read_function_name
from apptheory_emulator.front.http_sink import HttpSink
from apptheory_emulator.front.invoke_call import InvokeCall
from apptheory_emulator.front.invoke_error import InvokeError, not_found, service_error, too_many
from apptheory_emulator.front.invoke_request import InvocationType, read_invoke_request
from apptheory_emulator.front.request_handler import Exchange
from apptheory_emulator.front.running import RunningInvocations
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_streaming.invocation import Invocation
from apptheory_streaming.wire.transcript import Transcript

__all__ = ["FIRST_FUNCTION", "InvokeApi"]

FIRST_FUNCTION = "function"
"""The name that always works, as with AWS's own emulator: the first function, unless one is called so."""


class InvokeApi:
    """Runs functions for callers of the API.

    An invocation runs in a task of its own, so that a caller which goes away does not take it
    along.  `on_exchange` hears of each when it is over.
    """

    def __init__(self, functions: Sequence[InProcessFunction], *, on_exchange: Callable[[Exchange], None]) -> None:
        """Know the functions by their names; the first of a name counts."""
        self._functions = {function.config.name: function for function in reversed(functions)}
        self._first = next(iter(functions), None)
        self._on_exchange = on_exchange
        self._running = RunningInvocations()

    def function(self, text: str) -> tuple[InProcessFunction, FunctionName]:
        """Find what a name or an ARN means; raises InvokeError for what is not served."""
        name = FunctionName(text) if text in self._functions else read_function_name(text)
        if name is None:
            problem = f"Value {text[:200]!r} at 'functionName' is neither the name of a function nor an ARN"
            raise InvokeError(400, "ValidationException", f"1 validation error detected: {problem}")
        known = self._functions.get(name.name)
        if known is None and name.name == FIRST_FUNCTION:
            known = self._first
        if known is None:
            served = ", ".join(sorted(self._functions)) or "none"
            arn = function_arn(name.name, name.qualifier)
            raise not_found(f"Function not found: {arn} (functions served here: {served})")
        return known, FunctionName(known.config.name, name.qualifier)

    async def invoke(self, http: web.Request) -> web.StreamResponse:
        """Answer Invoke: with the whole answer, with 202 before there is one, or with 204 without running anything."""
        function, name = self.function(http.match_info["name"])
        request = await read_invoke_request(http, name, streaming=False)
        if request.invocation_type is InvocationType.DRY_RUN:
            return _nothing(204)
        with InvokeCall(function, request) as call:
            sink = CollectingSink(call.front)
            running = self._start(call, call.invocation(sink, collected=True))
            if request.invocation_type is InvocationType.EVENT:
                self._running.hold(sink.over, running)
                return _nothing(202, call.request_id)
            await self._running.wait(running, sink.over)
            return await _collected(call, sink, running)

    async def stream(self, http: web.Request) -> web.StreamResponse:
        """Answer InvokeWithResponseStream: with each chunk as it happens, and InvokeComplete at the end."""
        function, name = self.function(http.match_info["name"])
        request = await read_invoke_request(http, name, streaming=True)
        if request.invocation_type is InvocationType.DRY_RUN:
            return _nothing(204)
        transport = http.transport
        with InvokeCall(function, request) as call:
            inner = HttpSink(
                http,
                platform_headers=_headers(call.request_id),
                late_errors=LateErrors.AWS,
                pace=function.config.pace,
            )
            sink = EventStreamSink(inner, call.front, transport=transport, complete=lambda: _complete(call))
            invocation = call.invocation(sink, collected=False)
            running = self._start(call, invocation)
            try:
                await self._running.wait(running, sink.over, sent=lambda: sink.sent_bytes)
            finally:
                self._running.remember_if_stalled(transport)
            if sink.response is None:
                raise too_many() if call.throttled else _broken(running)
            return sink.response

    async def settled(self) -> None:
        """Wait until no invocation runs, so that every exchange has been heard of."""
        await self._running.settled()

    async def stop(self, seconds: float) -> None:
        """Let responses in flight go on for so long, then cut them and cancel every handler that still runs."""
        await self._running.stop(seconds)

    async def close(self) -> None:
        """Drop what callers that do not read have left in their connections."""
        await self._running.close()

    def _start(self, call: InvokeCall, invocation: Invocation) -> "asyncio.Task[Transcript]":
        return self._running.start(
            invocation,
            what=call.request_id,
            on_over=lambda transcript: self._on_exchange(Exchange(call.request.http, transcript)),
        )


async def _collected(call: InvokeCall, sink: CollectingSink, running: "asyncio.Task[Transcript]") -> web.Response:
    if call.throttled:
        raise too_many()
    failure, payload = call.failure, call.front.payload
    if failure is None and payload is None and not sink.started:
        raise _broken(running)
    headers = {**_headers(call.request_id), "x-amzn-Remapped-Content-Length": "0"}
    log_result = await call.log_result()
    if log_result is not None:
        headers["X-Amz-Log-Result"] = log_result
    if failure is not None:
        headers["X-Amz-Function-Error"] = "Unhandled"
        return web.Response(body=failure.document, headers={**headers, "Content-Type": "application/json"})
    if payload is not None:
        return web.Response(body=payload.body, headers={**headers, "Content-Type": payload.content_type})
    return web.Response(body=bytes(sink.body), headers={**headers, "Content-Type": "application/octet-stream"})


async def _complete(call: InvokeCall) -> Mapping[str, str] | None:
    """What InvokeComplete says; None for an invocation that was refused."""
    if call.throttled:
        return None
    failure = call.failure
    failed = {} if failure is None else {ERROR_CODE: failure.error_type, "ErrorDetails": failure.document.decode()}
    log_result = await call.log_result()
    return failed if log_result is None else {**failed, "LogResult": log_result}


def _broken(running: "asyncio.Task[Transcript]") -> InvokeError:
    """The error for an invocation that came to no answer: the emulator's, or the end of it."""
    failed = running.done() and not running.cancelled() and running.exception() is not None
    return service_error("the emulator failed; its log says why" if failed else "the emulator is stopping")


def _headers(request_id: str) -> dict[str, str]:
    return {
        "x-amzn-RequestId": request_id,
        "X-Amzn-Trace-Id": f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0",
        "X-Amz-Executed-Version": LATEST,
    }


def _nothing(status: int, request_id: str = "") -> web.Response:
    return web.Response(status=status, headers={"x-amzn-RequestId": request_id} if request_id else None)
