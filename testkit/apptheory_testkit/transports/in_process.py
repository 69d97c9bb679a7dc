"""The in-process transport: the handler runs in the test's own process, on the test's own loop."""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from typing import Any

from apptheory_streaming.context import LambdaContext
from apptheory_streaming.environment import environment
from apptheory_streaming.handlers import Handler
from apptheory_streaming.invocation import Invocation, InvocationPolicy
from apptheory_streaming.target import LazyHandler
from apptheory_streaming.wire.events.function_url import FunctionUrl, decoded_size, function_url_event
from apptheory_streaming.wire.front import Front
from apptheory_streaming.wire.limits import DEFAULT_TIMEOUT_SECONDS
from apptheory_streaming.wire.request import HttpRequest
from apptheory_streaming.writer import Sink
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.faults.plan import FaultPlan
from apptheory_testkit.faults.reader import Reader
from apptheory_testkit.request_ids import RequestIds
from apptheory_testkit.transports.live import LiveStream
from apptheory_testkit.transports.sinks import CaptureSink, LiveSink, ReaderSink
from apptheory_testkit.transports.transport import need_asyncio
from apptheory_testkit.virtual_time.loop import virtual_now

__all__ = ["InProcessTransport"]


class InProcessTransport:
    """Builds the Function URL event of a request, runs the handler, captures the response."""

    def __init__(
        self,
        target: Handler | str,
        *,
        front: Front,
        policy: InvocationPolicy,
        request_ids: RequestIds,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run `target`; `env` is added to the environment for as long as a call takes."""
        self._handler = LazyHandler(target)
        self._front = front
        self._policy = policy
        self._request_ids = request_ids
        self._env = dict(env or {})

    @property
    def host(self) -> str:
        """A domain as AWS would give it."""
        return f"{self._handler.name}.lambda-url.us-east-1.on.aws"

    async def send(self, request: HttpRequest, *, faults: FaultPlan | None = None) -> StreamCapture:
        """Run the handler on the event of a request."""
        request_id = self._request_ids.for_request(request, faults)
        return await self._capture(self._event(request, request_id), request_id, request, faults)

    async def invoke(self, event: Any, *, faults: FaultPlan | None = None) -> StreamCapture:
        """Run the handler on an event as it is."""
        return await self._capture(event, self._request_ids.for_request(None, faults), None, faults)

    def open(self, request: HttpRequest, *, faults: FaultPlan | None = None) -> LiveStream:
        """Prepare a live stream."""
        need_asyncio()
        request_id = self._request_ids.for_request(request, faults)
        reader = None if faults is None else Reader(faults)
        sink = LiveSink(reader)
        with environment(self._env):  # the import of the handler may need it
            invocation = self._invocation(
                self._event(request, request_id), request_id, request, sink, reader=reader, faults=faults
            )
        return LiveStream(invocation, sink, surroundings=environment(self._env), reader=reader)

    async def _capture(
        self, event: Any, request_id: str, request: HttpRequest | None, faults: FaultPlan | None
    ) -> StreamCapture:
        need_asyncio()
        if faults is not None:
            return await self._disturbed(event, request_id, request, faults)
        sink = CaptureSink()
        with environment(self._env):
            transcript = await self._invocation(event, request_id, request, sink).run()
        return StreamCapture(transcript, sink.chunks)

    async def _disturbed(
        self, event: Any, request_id: str, request: HttpRequest | None, faults: FaultPlan
    ) -> StreamCapture:
        reader = Reader(faults)
        sink = ReaderSink(reader)
        with environment(self._env):
            invocation = self._invocation(event, request_id, request, sink, reader=reader, faults=faults)
            reader.begin()
            try:
                transcript = await invocation.run()
            finally:
                reader.leave()
        return StreamCapture(reader.annotated(transcript), sink.chunks, ended_by_test=reader.ended(transcript))

    def _invocation(
        self,
        event: Any,
        request_id: str,
        request: HttpRequest | None,
        sink: Sink,
        *,
        reader: Reader | None = None,
        faults: FaultPlan | None = None,
    ) -> Invocation:
        policy = self._policy if faults is None else faults.policy(self._policy)
        invocation = Invocation(
            self._handler.load(),
            event,
            self._context(request_id, policy),
            sink=sink,
            front=self._front,
            request_id=request_id,
            policy=policy,
            watcher=reader,
            now=virtual_now(),
            head_only=request is not None and request.method == "HEAD",
            request_bytes=decoded_size(event) if request is None else len(request.body),
        )
        if reader is not None:
            reader.attend(invocation)
        return invocation

    def _context(self, request_id: str, policy: InvocationPolicy) -> LambdaContext:
        timeout = policy.timeout or DEFAULT_TIMEOUT_SECONDS
        loop = asyncio.get_running_loop()
        return LambdaContext.for_function(self._handler.name, request_id=request_id, timeout=timeout, now=loop.time)

    def _event(self, request: HttpRequest, request_id: str) -> dict[str, object]:
        epoch_ms = time.time_ns() // 1_000_000
        digest = hashlib.sha256(request_id.encode()).hexdigest()
        return function_url_event(
            request,
            FunctionUrl(url_id=self._handler.name, domain=self.host, scheme="https", port=443),
            request_id=request_id,
            epoch_ms=epoch_ms,
            trace_id=f"Root=1-{epoch_ms // 1000:08x}-{digest[:24]}",
        )
