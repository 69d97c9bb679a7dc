"""The HTTP transport: a test's requests over real sockets, to the real emulator, on the test's own loop."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from apptheory_emulator.call_server import CallServer
from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.frame_client import check_request
from apptheory_emulator.http_call import HttpCall
from apptheory_emulator.keeper import Keeper
from apptheory_streaming.environment import environment
from apptheory_streaming.handlers import Handler
from apptheory_streaming.invocation import InvocationPolicy
from apptheory_streaming.target import LazyHandler
from apptheory_streaming.wire.front import FunctionUrlFront
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.faults.plan import FaultPlan
from apptheory_testkit.faults.reader import Reader
from apptheory_testkit.request_ids import RequestIds
from apptheory_testkit.transports.in_process import InProcessTransport
from apptheory_testkit.transports.live import LiveStream
from apptheory_testkit.transports.sinks import CaptureSink, LiveSink
from apptheory_testkit.transports.transport import need_asyncio

__all__ = ["HttpTransport"]


class HttpTransport:
    """Serves a handler from the first request on, and sends each on a connection of its own.

    A handler gets the very event that it gets in-process, but for its time.  `invoke`, which has no
    HTTP form, sweeps, and faults at an exact moment run in-process.
    """

    def __init__(
        self,
        target: Handler | str,
        *,
        front: FunctionUrlFront,
        policy: InvocationPolicy,
        request_ids: RequestIds,
        env: Mapping[str, str] | None = None,
        on_server: Callable[[Keeper[int]], object] = lambda _: None,
    ) -> None:
        """Serve `target`; takes what an InProcessTransport takes, and `on_server` hears of each server."""
        self._handler = LazyHandler(target)
        self._front = front
        self._policy = policy
        self._request_ids = request_ids
        self._env = dict(env or {})
        self._on_server = on_server
        self._servers: dict[InvocationPolicy, CallServer] = {}
        self._in_process = InProcessTransport(target, front=front, policy=policy, request_ids=request_ids, env=env)

    @property
    def host(self) -> str:
        """The same domain as in-process, sent in the Host header."""
        return self._in_process.host

    async def send(self, request: HttpRequest, *, faults: FaultPlan | None = None) -> StreamCapture:
        """Send a request and capture the whole response."""
        if _is_exact(faults):
            return await self._in_process.send(request, faults=faults)
        sink = CaptureSink()
        with environment(self._env):
            transcript = await self._call(request, sink, faults).run()
        ended_by_test = faults is not None and faults.ended(transcript)
        return StreamCapture(transcript, sink.chunks, ended_by_test=ended_by_test)

    async def invoke(self, event: Any, *, faults: FaultPlan | None = None) -> StreamCapture:
        """Run the handler on an event as it is, in-process: no HTTP request makes it."""
        return await self._in_process.invoke(event, faults=faults)

    def open(self, request: HttpRequest, *, faults: FaultPlan | None = None) -> LiveStream:
        """Prepare a live stream."""
        if _is_exact(faults):
            return self._in_process.open(request, faults=faults)
        sink = LiveSink()
        with environment(self._env):  # the import of the handler may need it
            call = self._call(request, sink, faults)
        reader = None if faults is None else Reader(faults)
        return LiveStream(call, sink, surroundings=environment(self._env), reader=reader)

    def _call(self, request: HttpRequest, sink: CaptureSink, faults: FaultPlan | None) -> HttpCall:
        need_asyncio()
        policy = self._policy
        if faults is not None:
            policy = faults.policy(policy)
        self._handler.load()
        check_request(request)
        request_id = self._request_ids.for_request(request, faults)
        return HttpCall(request, request_id=request_id, sink=sink, server=self._server(policy))

    def _server(self, policy: InvocationPolicy) -> CallServer:
        """Give the server for this policy: most transports need one."""
        if policy not in self._servers:
            self._servers[policy] = CallServer(partial(self._config, policy), self.host, self._on_server)
        return self._servers[policy]

    def _config(self, policy: InvocationPolicy) -> FunctionConfig:
        return FunctionConfig(
            name=self._handler.name,
            target=self._handler.load(),
            timeout=policy.timeout,
            on_disconnect=policy.on_disconnect,
            late_timeout=policy.late_timeout,
            invoke_mode=self._front.invoke_mode,
            errors=self._front.errors,
            limits=policy.limits,
            keep_chunks=None,
            watch_foreign=policy.watch_foreign,
        )


def _is_exact(faults: FaultPlan | None) -> bool:
    """Whether moments between two chunks matter, of which a connection has none: it holds bytes."""
    return faults is not None and bool(faults.observer or faults.strikes or faults.readings)
