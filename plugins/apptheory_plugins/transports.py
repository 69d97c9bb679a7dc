"""The path of one test's requests, and whether both paths give the same.

With `--stream-transport=both` a test runs twice.  Each run writes down what came of its calls, then
looks for what the other wrote: so it is always the later one that compares, in whatever order and
on whatever worker of pytest-xdist they run.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apptheory_plugins.transport_option import HTTP, IN_PROCESS, is_compared, plain_name
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit import LiveStream, StreamCapture, Transport
from apptheory_testkit.comparison import ComparableCall, ComparableResponse, compare_calls
from apptheory_testkit.in_process import InProcessTransport

if TYPE_CHECKING:
    from apptheory_plugins.servers import Servers

__all__ = ["CallRecord", "RecordingTransport", "TestPath"]


@dataclass(slots=True)
class _Call:
    asked: str
    answer: StreamCapture | LiveStream | None = None


class CallRecord:
    """The calls of one test in the order in which they were made, also when they overlap."""

    def __init__(self) -> None:
        """Begin without a call."""
        self._calls: list[_Call] = []
        self._heard: list[StreamCapture] = []

    def begin(self, asked: str) -> _Call:
        """Take down a call that is being made."""
        call = _Call(asked)
        self._calls.append(call)
        return call

    def hear(self, capture: StreamCapture) -> None:
        """Let a capture count: the test got it.  The runs of a sweep, which no test sees, do not."""
        self._heard.append(capture)

    def comparable(self, *, over_http: bool) -> list[ComparableCall]:
        """Give what is compared."""
        heard = {id(capture) for capture in self._heard}
        answered = ((call.asked, _capture(call.answer)) for call in self._calls)
        return [
            ComparableCall(asked, ComparableResponse.of(capture, over_http=over_http))
            for asked, capture in answered
            if capture is not None and id(capture) in heard
        ]


class RecordingTransport:
    """Another transport, whose calls are taken down."""

    def __init__(self, transport: Transport, record: CallRecord) -> None:
        """Send through `transport`, and take down in `record`."""
        self._transport = transport
        self._record = record

    @property
    def host(self) -> str:
        """That of the other."""
        return self._transport.host

    async def send(self, request: HttpRequest, **options: Any) -> StreamCapture:
        """As the other does."""
        call = self._record.begin(_asked(request))
        call.answer = await self._transport.send(request, **options)
        return call.answer

    async def invoke(self, event: Any, **options: Any) -> StreamCapture:
        """As the other does."""
        call = self._record.begin("invoke")
        call.answer = await self._transport.invoke(event, **options)
        return call.answer

    def open(self, request: HttpRequest, **options: Any) -> LiveStream:
        """As the other does."""
        call = self._record.begin(f"stream {_asked(request)}")
        call.answer = live = self._transport.open(request, **options)
        return live


class TestPath:
    """Brings the requests of one test to its handlers, by one transport."""

    __test__ = False  # pytest takes every class of this name for tests

    def __init__(self, request: pytest.FixtureRequest, kind: str, servers: "Servers | None") -> None:
        """Take the transport `kind`; `servers` end with the test, and are None where none are needed."""
        self._kind = kind
        self._servers = servers
        self._record = CallRecord() if is_compared(request.node) else None
        self._folder = None if self._record is None else _shared_folder(request)

    def transport(self, target: Any, **options: Any) -> Transport:
        """Make the transport of one client."""
        inner = self._inner(target, **options)
        return inner if self._record is None else RecordingTransport(inner, self._record)

    def hear(self, capture: StreamCapture) -> None:
        """Take note of a capture that the test got."""
        if self._record is not None:
            self._record.hear(capture)

    def compare(self, item: pytest.Item) -> None:
        """Write down what came of a test that passed; fail it if its other run came to other things."""
        if self._record is None or self._folder is None:
            return
        test = item.nodeid.removesuffix(item.name) + plain_name(item)
        key = hashlib.sha256(test.encode()).hexdigest()[:32]
        calls = {self._kind: self._record.comparable(over_http=self._kind == HTTP)}
        _write(self._folder / f"{key}.{self._kind}.json", calls[self._kind])
        other = HTTP if self._kind == IN_PROCESS else IN_PROCESS
        try:
            calls[other] = _read(self._folder / f"{key}.{other}.json")
        except FileNotFoundError:  # the other run is still to come, or it failed by itself
            return
        _fail_for(compare_calls(calls[IN_PROCESS], calls[HTTP]))

    def _inner(self, target: Any, **options: Any) -> Transport:
        if self._servers is None:
            return InProcessTransport(target, **options)
        from apptheory_emulator import HttpTransport  # noqa: PLC0415 - needs the extra, which may be missing

        return HttpTransport(target, on_server=self._servers.adopt, **options)


def _shared_folder(request: pytest.FixtureRequest) -> Path:
    """Give the folder that all workers of a run share."""
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    base = factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "stream-transport"
    folder.mkdir(exist_ok=True)
    return folder


def _fail_for(differences: list[str]) -> None:
    if differences:
        pytest.fail(
            "the same test gives different responses in-process and over HTTP (rule W7):\n"
            + "".join(f"  {line}\n" for line in differences)
            + '@pytest.mark.streaming(transport="in-process") keeps a test to one of them.',
            pytrace=False,
        )


def _asked(request: HttpRequest) -> str:
    target = f"{request.path}?{request.query}" if request.query else request.path
    return f"{request.method} {target}"


def _capture(answer: StreamCapture | LiveStream | None) -> StreamCapture | None:
    if not isinstance(answer, LiveStream):
        return answer
    try:
        return answer.capture
    except UsageError:  # its block was never left
        return None


def _write(path: Path, calls: list[ComparableCall]) -> None:
    """Write as a whole or not at all: another worker may be about to read."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps([call.to_json() for call in calls]))
    draft.replace(path)


def _read(path: Path) -> list[ComparableCall]:
    return [ComparableCall.from_json(call) for call in json.loads(path.read_text())]
