"""The path of one test's requests, and whether both paths give the same.

With `--stream-transport=both` a test runs twice.  Each run writes down what came of its calls, then
looks for what the other wrote: so it is always the later one that compares, in whatever order and
on whatever worker of pytest-xdist they run.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apptheory_plugins.transport_option import HTTP, IN_PROCESS, is_compared, plain_name
from apptheory_testkit import StreamCapture, Transport
from apptheory_testkit.comparison import CallRecord, RecordingTransport, compare_calls
from apptheory_testkit.comparison.files import read_calls, write_calls
from apptheory_testkit.transports.in_process import InProcessTransport

if TYPE_CHECKING:
    from apptheory_plugins.servers import Servers

__all__ = ["RequestPath"]


class RequestPath:
    """Brings the requests of one test to its handlers, by one transport."""

    def __init__(self, request: pytest.FixtureRequest, kind: str, servers: "Servers | None") -> None:
        """Take the transport `kind`; `servers` end with the test, and are None where none are needed."""
        self._kind = kind
        self._servers = servers
        self._record = CallRecord() if is_compared(request.node) else None
        self._folder = None if self._record is None else _shared_folder(request)

    def transport(self, target: Any, **options: Any) -> Transport:
        """Make the transport of one client."""
        inner = self._inner(target, **options)
        if self._record is None:
            return inner
        elsewhere = getattr(target, "needs_real_time", False)  # in another process, which cuts where it likes (W7)
        return RecordingTransport(inner, self._record, borders=not elsewhere)

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
        write_calls(self._folder / f"{key}.{self._kind}.json", calls[self._kind])
        other = HTTP if self._kind == IN_PROCESS else IN_PROCESS
        try:
            calls[other] = read_calls(self._folder / f"{key}.{other}.json")
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
