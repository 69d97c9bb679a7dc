"""One recording from the words of the command line to the file, and what is said of it."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from apptheory_emulator.recorder.curl_words import CurlRequest, parse_curl_words
from apptheory_emulator.recorder.endpoint import Endpoint, endpoint_of
from apptheory_emulator.recorder.errors import RecordError
from apptheory_emulator.recorder.order import ENDING, Order, order_of
from apptheory_emulator.recorder.tape import record
from apptheory_streaming.errors import UsageError
from apptheory_testkit.recordings.document import render_recording
from apptheory_testkit.recordings.model import Ended, Recording
from apptheory_testkit.recordings.redaction import redact

__all__ = ["Session"]

_ENDS = {
    Ended.COMPLETE: "complete",
    Ended.CUT: "cut by the server",
    Ended.STOPPED: "stopped before its end",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the command line says: `words` are curl's, `names` secrets beside the usual ones."""

    url: str | None
    words: Sequence[str]
    output: Path
    force: bool = False
    max_seconds: float | None = None
    names: tuple[str, ...] = ()

    def run(self, say: Callable[[str], object]) -> None:
        """Record into the file, and say how that goes.

        Raises UsageError before anything is sent, RecordError when nothing could be recorded or kept.
        """
        asked = parse_curl_words(self.words, read=_read)
        order = order_of(_endpoint(self.url, asked), asked, file_name=self.output.name)
        self._check_output()
        say(f"recording {order.request.method} {_shown(order)}; Ctrl-C ends it and keeps what came")
        recording = redact(asyncio.run(self._record(order, say)), names=self.names)
        self._write(render_recording(recording))
        for line in self._report(recording):
            say(line)

    def _check_output(self) -> None:
        if self.output.is_dir():
            raise UsageError(f"{self.output} is a folder; name a file, such as chat.stream.json")
        if self.output.exists() and not self.force:
            raise UsageError(f"{self.output} is there already; --force writes over it")
        if not self.output.parent.is_dir():
            raise UsageError(f"there is no folder {str(self.output.parent)!r} for {self.output.name}")

    async def _record(self, order: Order, say: Callable[[str], object]) -> Recording:
        stop = asyncio.Event()
        with _stopping_on_signals(stop):
            return await record(
                order,
                recorded_on=datetime.now(UTC),
                stop=stop,
                max_seconds=self.max_seconds,
                on_head=lambda head: say(f"status {head.status}, {head.content_type or 'no content type'}"),
            )

    def _write(self, text: str) -> None:
        """Put the file there whole or not at all; without `force`, not over one that came meanwhile."""
        name = None
        try:
            descriptor, name = tempfile.mkstemp(dir=self.output.parent, prefix=f".{self.output.name}.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            _put_in_place(Path(name), self.output, force=self.force)
        except OSError as error:
            raise RecordError(f"{self.output} cannot be written: {error.strerror or error}") from error
        finally:
            if name is not None:
                Path(name).unlink(missing_ok=True)

    def _report(self, recording: Recording) -> Iterator[str]:
        yield (
            f"{self.output}: {_counted(len(recording.chunks), 'chunk')}, "
            f"{_counted(len(recording.body), 'byte')} in {recording.ended_at:.3f} s, {_ENDS[recording.ended]}"
        )
        if recording.redacted:
            yield f"redacted: {', '.join(recording.redacted)}"
        else:
            yield "redacted: nothing; look for secrets before you share the file"
        if not self.output.name.endswith(ENDING):
            yield f"note: as a contract document it is found by a name that ends in {ENDING}"
        yield from _warnings(recording)


def _endpoint(url: str | None, asked: CurlRequest) -> Endpoint:
    given = [each for each in (url, asked.url) if each is not None]
    if len(given) == 1:
        return endpoint_of(given[0])
    what = f"one request is recorded, and there are two URLs, {' and '.join(given)}" if given else "no URL is named"
    raise UsageError(f"{what}: write apptheory-emulate record https://example.com/chat -o chat.stream.json")


@contextlib.contextmanager
def _stopping_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """End the recording at a signal, and end at once at the next."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def on_signal() -> None:
        stop.set()
        forget()

    def forget() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        forget()


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _put_in_place(made: Path, output: Path, *, force: bool) -> None:
    umask = os.umask(0)
    os.umask(umask)
    made.chmod(0o666 & ~umask)  # as any file; a temporary one is its owner's alone
    if force:
        made.replace(output)
    else:
        output.hardlink_to(made)


def _shown(order: Order) -> str:
    return order.endpoint.url.partition("?")[0]  # a query may hold secrets


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _warnings(recording: Recording) -> Iterator[str]:
    headers = recording.head.headers
    if 300 <= recording.head.status < 400 and "location" in headers:
        yield f"warning: this is a redirect, which is not followed; record {headers['location'][0]}"
    if recording.head.status >= 400:
        yield "warning: the endpoint answered with an error"
    if encoding := headers.get("content-encoding"):
        yield f"warning: the body is compressed ({', '.join(encoding)}); leave accept-encoding out to read it"
