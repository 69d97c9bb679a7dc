"""Recording over a real connection, in virtual time: what a server sends is what the recording holds."""

import asyncio
import json
import random
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator import FunctionUrlFactory
from apptheory_emulator.recorder.curl_words import parse_curl_words
from apptheory_emulator.recorder.endpoint import endpoint_of
from apptheory_emulator.recorder.errors import NoConnection, NotHttp, StoppedEarly, TlsFailed
from apptheory_emulator.recorder.order import Order, order_of
from apptheory_emulator.recorder.tape import record
from apptheory_streaming import StreamingResponse
from apptheory_testkit.recordings import Ended, Recording, TimedChunk, recorded, render_recording

pytestmark = pytest.mark.streaming(clock="virtual")

ON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def order(url: str, *words: str) -> Order:
    """What the command makes of an address and of curl's words."""
    return order_of(endpoint_of(url), parse_curl_words(words, read=lambda _: b""), file_name="chat.stream.json")


async def tape(url: str, *words: str, **options: Any) -> Recording:
    """Record one request."""
    return await record(order(url, *words), recorded_on=ON, **options)


@asynccontextmanager
async def server(answer: Answer, **options: Any) -> AsyncIterator[str]:
    """Serve raw bytes; each request is answered once, and the connection is closed."""
    serving_tasks: set[asyncio.Task[Any] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving_tasks.add(asyncio.current_task())
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, **options) as serving:
        scheme = "https" if "ssl" in options else "http"
        yield f"{scheme}://127.0.0.1:{serving.sockets[0].getsockname()[1]}/chat"
        await asyncio.gather(*(task for task in serving_tasks if task is not None))  # in virtual time, at once


def sends(*pieces: bytes | float) -> Answer:
    """Bytes to send, and seconds to wait between them."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            if isinstance(piece, bytes):
                writer.write(piece)
            else:
                await asyncio.sleep(piece)

    return answer


async def test_w7_a_stream_of_500_chunks_replays_chunk_for_chunk_and_second_for_second(
    function_url: FunctionUrlFactory, tmp_path: Path
) -> None:
    """W7: recorded over a connection, put into a file, served from it and recorded again, nothing is another."""
    chosen = random.Random(7)
    sent: list[TimedChunk] = []

    async def handler(event: Any, context: Any) -> StreamingResponse:
        now = asyncio.get_running_loop().time
        began = now()

        async def body() -> AsyncIterator[bytes]:
            for number in range(500):
                await asyncio.sleep(chosen.choice([0, 0.000_001, 0.001_234_567, 0.25, 3]))
                data = chosen.randbytes(chosen.randint(1, 300)) if number % 3 else f"data: {number} é\n\n".encode()
                sent.append(TimedChunk(data, round(now() - began, 9)))
                yield data
            await asyncio.sleep(1.5)

        return StreamingResponse(body(), status=203, headers={"x-one": ["a", "b"]}, cookies=["a=1", "b=2"])

    first = await tape(await function_url(handler))
    file = tmp_path / "chat.stream.json"
    file.write_text(render_recording(first))
    again = await function_url(recorded(file).handler)
    second = await tape(again)

    assert list(first.chunks) == sent
    assert (first.head.status, first.head.cookies, first.ended) == (203, ("a=1", "b=2"), Ended.COMPLETE)
    assert first.ended_at == round(sent[-1].at + 1.5, 9)
    assert (second.chunks, second.head, second.head_at) == (first.chunks, first.head, first.head_at)
    assert (second.ended, second.ended_at) == (first.ended, first.ended_at)


async def test_the_head_has_its_own_time() -> None:
    """A head that comes long before the first chunk is known by its time."""
    async with server(sends(2.0, CHUNKED, 3.0, b"2\r\nhi\r\n", 1.0, b"0\r\n\r\n")) as url:
        recording = await tape(url)

    assert (recording.head_at, recording.chunks, recording.ended_at) == (2, (TimedChunk(b"hi", 5),), 6)


async def test_a_replayed_head_comes_before_its_first_chunk(function_url: FunctionUrlFactory, tmp_path: Path) -> None:
    """Clients that wait for the head, as EventSource does, see it when it was seen."""
    async with server(sends(2.0, CHUNKED, 3.0, b"2\r\nhi\r\n", 1.0, b"0\r\n\r\n")) as url:
        first = await tape(url)
    file = tmp_path / "chat.stream.json"
    file.write_text(render_recording(first))

    second = await tape(await function_url(recorded(file).handler))

    assert (second.head_at, second.chunks, second.ended_at) == (2, (TimedChunk(b"hi", 5),), 6)


async def test_a_frame_is_a_chunk_however_it_arrives() -> None:
    """W7: a frame in two packets is one chunk, at the time of its last byte; two in one packet are two."""
    async with server(sends(CHUNKED, b"6\r\nabc", 1.0, b"def\r\n", 1.0, b"1\r\ng\r\n1\r\nh\r\n0\r\n\r\n")) as url:
        recording = await tape(url)

    assert recording.chunks == (TimedChunk(b"abcdef", 1), TimedChunk(b"g", 2), TimedChunk(b"h", 2))


@pytest.mark.parametrize("length", [b"content-length: 6\r\n", b""], ids=["a length", "up to the end"])
async def test_without_frames_a_chunk_is_what_came_at_once(length: bytes) -> None:
    """Pieces keep their times where the connection has no frames."""
    head = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n"
    async with server(sends(head, b"abc", 1.0, b"def")) as url:
        recording = await tape(url)

    assert (recording.chunks, recording.ended) == ((TimedChunk(b"abc", 0), TimedChunk(b"def", 1)), Ended.COMPLETE)


CUTS = {
    "between frames": (CHUNKED, 1.0, b"2\r\nhi\r\n", 1.0),
    "within a frame": (CHUNKED, 1.0, b"9\r\nhi", 1.0),
    "short of a length": (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", 1.0, b"hi", 1.0),
    "broken frames": (CHUNKED, 1.0, b"2\r\nhi\r\n", 1.0, b"no size\r\n"),
}


@pytest.mark.parametrize("pieces", CUTS.values(), ids=list(CUTS))
async def test_e3b_a_stream_that_is_cut_is_recorded_as_cut(pieces: tuple[bytes | float, ...]) -> None:
    """E3b: with what came, when it came, and when it was cut."""
    async with server(sends(*pieces)) as url:
        recording = await tape(url)

    assert (recording.ended, recording.ended_at) == (Ended.CUT, 2)
    assert recording.chunks == (TimedChunk(b"hi", 1),)


@pytest.mark.parametrize("pieces", [(1.0, b"2\r\nhi\r\n", 1.0), (2.0,)], ids=["behind a chunk", "behind the head"])
async def test_e3b_what_was_cut_is_cut_again(
    pieces: tuple[bytes | float, ...], function_url: FunctionUrlFactory, tmp_path: Path
) -> None:
    """E3b: behind the same chunks and at the same time."""
    async with server(sends(CHUNKED, *pieces)) as url:
        first = await tape(url)
    file = tmp_path / "chat.stream.json"
    file.write_text(render_recording(first))

    second = await tape(await function_url(recorded(file).handler, late_errors="abort"))

    assert (second.chunks, second.ended, second.ended_at) == (first.chunks, Ended.CUT, 2)


async def test_a_recording_that_is_stopped_keeps_what_came() -> None:
    """After max_seconds, with part of a frame too."""
    async with server(sends(CHUNKED, 1.0, b"2\r\nhi\r\n", 1.0, b"9\r\npart", 60.0)) as url:
        recording = await tape(url, max_seconds=2.5)

    assert (recording.ended, recording.ended_at) == (Ended.STOPPED, 2.5)
    assert recording.chunks == (TimedChunk(b"hi", 1), TimedChunk(b"part", 2))


async def test_a_recording_is_stopped_by_a_signal() -> None:
    """Which the command hands over as an event."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(1.5, stop.set)
    async with server(sends(CHUNKED, 1.0, b"2\r\nhi\r\n", 60.0)) as url:
        recording = await tape(url, stop=stop)

    assert (recording.ended, recording.ended_at, recording.body) == (Ended.STOPPED, 1.5, b"hi")


async def test_one_that_is_stopped_before_there_is_a_head_is_none() -> None:
    """There is nothing to keep, and that has a name."""
    async with server(sends(60.0)) as url:
        with pytest.raises(StoppedEarly, match="before the head"):
            await tape(url, max_seconds=1)


async def test_heads_of_the_1xx_and_trailers_are_passed_over() -> None:
    """The head is the last one, and what stands behind the body is none of it."""
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    head = (
        b"HTTP/1.1 201 Made\r\nX-One: a\r\nX-One: b\r\nSet-Cookie: c=1\r\ndate: today\r\ntransfer-encoding: chunked\r\n"
    )
    async with server(sends(early, 1.0, head + b"\r\n2\r\nhi\r\n0\r\nx-trailer: t\r\n\r\n")) as url:
        recording = await tape(url)

    assert (recording.head.status, recording.head.headers) == (201, {"x-one": ("a", "b")})
    assert recording.head.cookies == ("c=1",)
    assert recording.platform_headers == {"date": ("today",), "transfer-encoding": ("chunked",)}
    assert recording.head_at == 1


@pytest.mark.parametrize(
    ("words", "head"),
    [(("-I",), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"), ((), b"HTTP/1.1 204 No Content\r\n\r\n")],
    ids=["HEAD", "204"],
)
async def test_e6_a_response_without_a_body_is_complete_with_its_head(words: tuple[str, ...], head: bytes) -> None:
    """E6: although a length may be named, and the connection stays open."""
    async with server(sends(head, 60.0)) as url:
        recording = await tape(url, *words)

    assert (recording.chunks, recording.ended, recording.ended_at) == ((), Ended.COMPLETE, 0)


@pytest.mark.parametrize(
    ("words", "response", "chunks"),
    [
        ((), b"HTTP/1.1 200 OK\r\nx-one: 1\r\ncontent-length: 2\r\n\r\nhi", [b"hi"]),
        ((), b"HTTP/1.1 200 OK\r\nx-one: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", [b"hi"]),
        ((), b"HTTP/1.1 204 No Content\r\nx-one: 1\r\n\r\n", []),
        (("-I",), b"HTTP/1.1 200 OK\r\nx-one: 1\r\ncontent-length: 2\r\n\r\nhi", []),
    ],
    ids=["length", "frames", "204", "HEAD"],
)
async def test_what_stands_behind_a_response_is_none_of_it(
    words: tuple[str, ...], response: bytes, chunks: list[bytes]
) -> None:
    """Another response that comes in the same packet changes neither head nor body."""
    async with server(sends(response + b"HTTP/1.1 404 Gone\r\nx-two: 2\r\ncontent-length: 3\r\n\r\nbye")) as url:
        recording = await tape(url, *words)

    assert recording.head.status == int(response.split()[1])
    assert recording.head.headers == {"x-one": ("1",)}
    assert [chunk.data for chunk in recording.chunks] == chunks
    assert recording.ended is Ended.COMPLETE


async def test_the_request_is_the_one_that_was_asked_for(function_url: FunctionUrlFactory) -> None:
    """Method, target, headers and body arrive, and stand in the recording without what every client adds."""

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        http, headers = event["requestContext"]["http"], event["headers"]
        yield json.dumps([http["method"], event["rawPath"], event["rawQueryString"], event["body"]])
        yield json.dumps([headers["x-one"], headers["content-type"], headers["accept"], headers["cookie"]])

    url = await function_url(handler)
    recording = await tape(f"{url}a%20b?q=1%202", "-H", "x-one: 1", "--json", '{"a": 1}', "-b", "c=2")

    first, second = (json.loads(chunk.data) for chunk in recording.chunks)
    assert first == ["POST", "/a%20b", "q=1%202", '{"a": 1}']
    assert second == ["1", "application/json", "application/json", "c=2"]
    assert [name for name, _ in recording.request.headers] == ["x-one", "cookie", "content-type", "accept"]
    assert (recording.url, recording.recorded_on) == (f"{url}a%20b?q=1%202", "2026-11-21T12:00:00+00:00")


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ((b"SSH-2.0-OpenSSH_9.9\r\n",), "does not speak HTTP"),
        ((b"HTTP/1.1 200 OK\r\nx: y",), "ended before the head"),
        ((b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",), "another protocol"),
        ((b"HTTP/1.1 999 Denied\r\ncontent-length: 0\r\n\r\n",), "the status 999 is none"),
    ],
    ids=["another protocol", "half a head", "an upgrade", "a status that HTTP has not"],
)
async def test_what_is_no_response_is_said_so(pieces: tuple[bytes, ...], text: str) -> None:
    """Each by its name, and no file is made of it."""
    async with server(sends(*pieces)) as url:
        with pytest.raises(NotHttp, match=text):
            await tape(url)


async def test_where_nobody_listens_there_is_no_connection() -> None:
    """With the address, and the system's word for it."""
    async with server(sends()) as url:
        pass

    with pytest.raises(NoConnection, match=r"no connection to 127\.0\.0\.1:\d+: Connection refused"):
        await tape(url)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody trusts, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made by openssl, which is not there")
    folder = tmp_path_factory.mktemp("tls")
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    files = ("-keyout", "key.pem", "-out", "cert.pem")
    subprocess.run(["openssl", "req", *kind, *files, *subject], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """What a server with that certificate needs."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


@pytest.mark.streaming(clock="real")
async def test_https_is_recorded(certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the certificates that are trusted, and by `-k` with any."""
    pieces = sends(CHUNKED, b"2\r\nhi\r\n0\r\n\r\n")
    async with server(pieces, ssl=tls) as url:
        assert (await tape(url, "-k")).body == b"hi"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        recording = await tape(url)

    assert (recording.body, recording.ended, recording.url) == (b"hi", Ended.COMPLETE, url)


@pytest.mark.streaming(clock="real")
async def test_tls_that_fails_says_why(tls: ssl.SSLContext) -> None:
    """A certificate that is not trusted is another thing than a server without TLS."""
    async with server(sends(CHUNKED), ssl=tls) as url:
        with pytest.raises(TlsFailed, match=r"is not trusted: self.signed certificate.*-k"):
            await tape(url)


@pytest.mark.streaming(clock="real")
async def test_https_where_there_is_none_says_so() -> None:
    """A server without TLS answers in plain text."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read(-1)
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as serving:
        port = serving.sockets[0].getsockname()[1]
        with pytest.raises(TlsFailed, match=f"no TLS with 127.0.0.1:{port}: .*http://"):
            await tape(f"https://127.0.0.1:{port}/", "-k")
