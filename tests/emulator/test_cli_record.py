"""The commands `record` and `replay` as processes: what they say, their exit codes, their file."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from apptheory_emulator import serve_function_url_threaded
from apptheory_emulator.cli import main
from apptheory_emulator.differences import Served, When, found
from apptheory_emulator.recorder.replayed import replayed
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.recordings import Ended, NotARecording, Recording, TimedChunk, load_recording, render_recording
from emulate_command import emulate, run_to_end
from raw_http import fetch

pytestmark = pytest.mark.streaming(clock="real")

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nset-cookie: sid=12345678\r\ntransfer-encoding: chunked\r\n\r\n"
FILE = "chat.stream.json"


@asynccontextmanager
async def server(*pieces: bytes, stays: bool = False) -> AsyncIterator[str]:
    """Answer with these bytes, and close, or stay as long as the client does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join(pieces))
        await writer.drain()
        if stays:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as serving:
        yield f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}/chat"


async def test_a_stream_is_recorded_and_replayed(tmp_path: Path) -> None:
    """W7: the same head and chunks, whatever path is asked for; secrets are gone, and it is said which."""
    frames = b"9\r\ndata: 1\n\n\r\nc\r\nsk-12345678\n\r\n0\r\n\r\n"
    words = ("-H", "authorization: Bearer sk-12345678", "-H", "x-tenant: acme")
    async with server(HEAD, frames) as url:
        done = await run_to_end("record", url, "-o", FILE, "--redact", "x-tenant", "--", *words, cwd=tmp_path)

    assert (done.code, done.stdout) == (0, "")
    assert f"recording GET {url}" in done.stderr
    assert "status 200, text/event-stream" in done.stderr
    assert f"{FILE}: 2 chunks, 21 bytes in " in done.stderr
    assert "complete" in done.stderr
    assert "redacted: header authorization, header x-tenant, cookie sid, 1 place in the response's body" in done.stderr
    text = (tmp_path / FILE).read_text()
    assert "12345678" not in text
    assert "acme" not in text
    assert names_in(tmp_path) == [FILE]

    async with emulate("replay", FILE, "--no-wait", "--port", "0", "--ready-json", cwd=tmp_path) as command:
        ready = await command.ready()
        (function,) = ready["functions"]
        response = await fetch(function["url"], target="/anything?else")
        finished = await command.stop()

    assert (function["name"], function["invoke_mode"], sorted(ready)) == (
        "chat",
        "RESPONSE_STREAM",
        ["control_url", "functions", "pid"],
    )
    assert (response.status, response.frames, response.cut) == (200, [b"data: 1\n\n", b"***********\n"], False)
    assert response.head.values("content-type") == ["text/event-stream"]
    assert response.head.values("set-cookie") == ["sid=REDACTED"]
    assert (finished.code, finished.stdout) == (0, "")


async def test_e3b_a_cut_stream_is_replayed_as_one(tmp_path: Path) -> None:
    """E3b: without its last chunk."""
    recorded_file(tmp_path, ended=Ended.CUT)

    async with emulate("replay", FILE, "--speed", "1000", "--port", "0", "--ready-json", cwd=tmp_path) as command:
        response = await fetch(await command.url())

    assert (response.status, response.frames, response.cut) == (200, [b"a", b"b"], True)


@pytest.mark.parametrize("ended", [Ended.COMPLETE, Ended.STOPPED])
def test_what_was_not_cut_is_served_as_on_aws(tmp_path: Path, ended: Ended) -> None:
    """E3b: no line of the log speaks of late errors where there is none."""
    config = replayed(recorded_file(tmp_path, ended=ended))

    assert found(Served(config=config), When.START) == []


async def test_ctrl_c_keeps_what_came(tmp_path: Path) -> None:
    """And is no failure: a stream that never ends is recorded so."""
    async with (
        server(HEAD, b"2\r\nhi\r\n", stays=True) as url,
        emulate("record", url, "-o", FILE, cwd=tmp_path) as command,
    ):
        await command.says("status 200")
        finished = await command.stop(signal.SIGINT)

    recording = load_recording(tmp_path / FILE)
    assert finished.code == 0
    assert "stopped before its end" in finished.stderr
    assert (recording.body, recording.ended) == (b"hi", Ended.STOPPED)


def names_in(folder: Path) -> list[str]:
    """The files of a folder: no temporary one is left."""
    return [path.name for path in folder.iterdir()]


def call(*arguments: str) -> Result:
    """Run the command in this process, where it is to end before it asks anybody."""
    return CliRunner().invoke(main, ["record", *arguments])


REFUSED: dict[str, tuple[Callable[[Path], list[str]], int, str]] = {
    "no file": (lambda _: ["http://a.example"], 2, "Missing option '-o'"),
    "no URL": (lambda _: ["-o", "new.stream.json"], 2, "no URL is named"),
    "two URLs": (lambda _: ["http://a.example", "-o", "new", "--", "http://b.example"], 2, "there are two URLs"),
    "no host": (lambda _: ["http://a..b/", "-o", "new.stream.json"], 2, "'http://a..b/' is no URL: "),
    "no whole URL": (lambda _: ["a.example", "-o", "new.stream.json"], 2, "is no URL: write it whole"),
    "a file that is there": (lambda _: ["http://a.example", "-o", FILE], 2, f"{FILE} is there already; --force"),
    "a folder": (lambda folder: ["http://a.example", "-o", str(folder)], 2, "is a folder; name a file"),
    "no folder": (lambda _: ["http://a.example", "-o", "no/new.stream.json"], 2, "there is no folder 'no'"),
    "a word that is unknown": (
        lambda _: ["http://a.example", "-o", "new", "--", "-L"],
        2,
        "redirects are not followed",
    ),
    "nobody there": (lambda _: ["http://127.0.0.1:1/", "-o", "new"], 1, "no connection to 127.0.0.1:1: Connection"),
}


@pytest.mark.parametrize(("arguments", "code", "text"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_recorded_says_why(
    arguments: Callable[[Path], list[str]], code: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 for a wrong command line, 1 for an endpoint that does not answer; no file is made or changed."""
    (tmp_path / FILE).write_text("mine")
    monkeypatch.chdir(tmp_path)

    result = call(*arguments(tmp_path))

    assert (result.exit_code, text in result.stderr) == (code, True), result.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(FILE, "mine")]


def test_force_writes_over_a_file(tmp_path: Path) -> None:
    """And an answer that is an error is recorded, with a warning."""

    def refuses(event: Any, context: Any) -> dict[str, Any]:
        return {"statusCode": 401, "body": iter([b"no"])}

    (tmp_path / FILE).write_text("old")
    with serve_function_url_threaded(refuses) as url:
        result = call(url, "-o", str(tmp_path / FILE), "--force")

    assert result.exit_code == 0
    assert "warning: the endpoint answered with an error" in result.stderr
    assert load_recording(tmp_path / FILE).head.status == 401


def recorded_file(folder: Path, *, ended: Ended = Ended.COMPLETE) -> Path:
    """A recording of two chunks in a file."""
    file = folder / FILE
    made = Recording(
        id="p0.recorded.chat",
        name="chat",
        handler="chat",
        request=HttpRequest(method="GET"),
        head=Head(),
        chunks=(TimedChunk(b"a", 1), TimedChunk(b"b", 3)),
        ended=ended,
        ended_at=4,
    )
    file.write_text(render_recording(made))
    return file


async def test_what_cannot_be_replayed_ends_with_2(tmp_path: Path) -> None:
    """As any command line that is wrong."""
    (tmp_path / FILE).write_text("{}")

    done = await run_to_end("replay", FILE, cwd=tmp_path)

    assert (done.code, done.stdout) == (2, "")
    assert f"this is not a recording: {FILE}: 'id' is missing" in done.stderr


def test_what_is_no_recording_and_no_speed_is_refused(tmp_path: Path) -> None:
    """Each by its name."""
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        replayed(tmp_path / "no.stream.json")
    with pytest.raises(UsageError, match="a speed is a number above 0"):
        replayed(recorded_file(tmp_path), speed=0)
    (tmp_path / FILE).write_text("[]")
    with pytest.raises(NotARecording):
        replayed(tmp_path / FILE)


def test_the_log_says_what_is_replayed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the times as they will be, and what is not known."""
    with caplog.at_level("INFO", logger="apptheory_emulator"):
        replayed(recorded_file(tmp_path, ended=Ended.STOPPED), speed=2)

    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert "GET /, 2 chunks in 2.000 s, stopped" in caplog.text
    assert "what came behind its last chunk is not known" in caplog.text
