"""W5, D13, D20: `file_stream`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from apptheory_streaming import InvalidResponse, StreamingResponse, file_stream
from apptheory_streaming.errors import AppError, UsageError
from apptheory_streaming.file_response import content_type_of
from apptheory_testkit import StreamCapture, stream_client

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

TEXT = bytes(range(100))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of 100 bytes, each of which says its place."""
    path = tmp_path / "data.bin"
    path.write_bytes(TEXT)
    return path


async def get(
    path: Any, method: str = "GET", headers: Mapping[str, str] | None = None, **options: Any
) -> StreamCapture:
    """Capture a response that answers the Range of its request."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return file_stream(path, event=event, **options)

    return await stream_client(handler).request(method, "/", headers=dict(headers or {}))


async def whole(path: Any, *, sync: bool = False, **options: Any) -> StreamCapture:
    """Capture a response that knows nothing of its request."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        return file_stream(path, **options)

    async def async_handler(event: Any, context: Any) -> StreamingResponse:
        return handler(event, context)

    return await stream_client(handler if sync else async_handler).get("/")


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_d20_a_large_file_comes_in_chunks_of_8192_bytes(tmp_path: Path, sync: bool) -> None:
    """D20, D13: 100 000 bytes are 12 of them and one of 1696."""
    content = os.urandom(100_000)
    path = tmp_path / "large.bin"
    path.write_bytes(content)

    capture = await whole(path, sync=sync)

    assert [len(chunk) for chunk in capture.chunks] == [8192] * 12 + [1696]
    assert capture.body == content
    assert capture.headers == {
        "content-type": ["application/octet-stream"],
        "content-disposition": ['attachment; filename="large.bin"'],
    }


async def test_d13_chunks_may_have_another_size(file: Path) -> None:
    """D13: the last one is what is left; an empty file has none. A path may be text."""
    capture = await whole(str(file), chunk_size=30)
    assert [len(chunk) for chunk in capture.chunks] == [30, 30, 30, 10]

    os.truncate(file, 0)
    assert (await whole(file)).chunks == []


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "8192", None], ids=repr)
def test_d13_a_chunk_size_is_a_number_of_bytes(file: Path, size: Any) -> None:
    """D13: UsageError says what would work."""
    with pytest.raises(UsageError, match="chunk_size must be a whole number from 1"):
        file_stream(file, chunk_size=size)


@pytest.mark.parametrize("name", ["missing.csv", "data.bin/x", "", "a\0b", "x" * 300], ids=lambda name: repr(name[:12]))
async def test_d13_a_missing_file_is_not_found(file: Path, name: str) -> None:
    """D13, E2: before there is a response; a folder is no file either, and the path stays private."""
    capture = await whole(file.parent / name)

    assert capture.status == 404
    assert capture.json()["error"]["code"] == "app.not_found"
    assert str(file.parent) not in capture.text


async def test_d13_a_pipe_is_no_file(tmp_path: Path) -> None:
    """D13: to open one would block for ever."""
    os.mkfifo(tmp_path / "pipe")

    assert (await whole(tmp_path / "pipe")).status == 404


async def test_d13_a_file_that_goes_before_it_is_opened_is_not_found(file: Path) -> None:
    """D13, E2: still early, since no chunk was made."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        response = file_stream(file)
        file.unlink()
        return response

    assert (await stream_client(handler).get("/")).status == 404


async def test_d13_a_folder_that_takes_the_place_of_a_file_is_none(file: Path) -> None:
    """D13: between the response and its first chunk."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        response = file_stream(file)
        file.unlink()
        file.mkdir()
        return response

    assert (await stream_client(handler).get("/")).status == 404


@pytest.mark.parametrize("path", [None, 7, b"data.bin"], ids=repr)
def test_d13_a_path_is_text_or_a_path(path: Any) -> None:
    """D13: the mistake is the handler's, and said at the call."""
    with pytest.raises(UsageError, match="path must be text or a path of text, not of type "):
        file_stream(path)


def test_w5_an_event_is_a_mapping(file: Path) -> None:
    """W5: the request in another form has no Range that could be read."""
    with pytest.raises(UsageError, match="event must be the event of the request, a mapping, not of type list"):
        file_stream(file, event=[])  # type: ignore[arg-type]


def test_d13_a_response_that_nobody_reads_holds_no_file(file: Path) -> None:
    """D13: it is opened for its first chunk; pytest would fail for a file left open."""
    assert file_stream(file).status == 200
    with pytest.raises(AppError, match=r"There is no file 'other'\."):
        file_stream(file.with_name("other"))


async def test_d13_the_file_is_closed_when_a_client_leaves(tmp_path: Path) -> None:
    """D13, E4: pytest would fail for a file left open."""
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(1_000_000))

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return file_stream(path)

    async with stream_client(handler, on_disconnect="cancel").stream("GET", "/") as live:
        assert len(await anext(live)) == 8192
        await live.disconnect()


# -- the head ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.csv", "text/csv; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("page.HTML", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.ndjson", "application/x-ndjson"),
        ("a.jsonl", "application/x-ndjson"),
        ("a.png", "image/png"),
        ("a.pdf", "application/pdf"),
        ("a.mp4", "video/mp4"),
        ("a.wasm", "application/wasm"),
        ("a.tar.gz", "application/gzip"),
        ("a.csv.xz", "application/x-xz"),
        ("a.tar.Z", "application/octet-stream"),
        ("README", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        (".csv", "application/octet-stream"),
        ("http:a.csv", "text/csv; charset=utf-8"),
    ],
)
def test_w5_the_content_type_follows_from_the_name(name: str, content_type: str) -> None:
    """W5: the same on every machine; packed files are what they are packed as."""
    assert content_type_of(name) == content_type


async def test_w5_the_name_may_be_another(file: Path) -> None:
    """W5: `filename` and `inline` say how a client saves or shows it; headers of the handler win."""
    assert (await whole(file, filename="Bericht ä.pdf", inline=True)).headers["content-disposition"] == [
        "inline; filename=\"Bericht _.pdf\"; filename*=UTF-8''Bericht%20%C3%A4.pdf"
    ]
    capture = await whole(
        file, headers={"Content-Type": "a/b", "Content-Disposition": "inline"}, cookies=["a=1"], status=203
    )
    assert capture.headers == {"content-type": ["a/b"], "content-disposition": ["inline"]}
    assert (capture.status, capture.cookies) == (203, ["a=1"])
    with pytest.raises(InvalidResponse):
        file_stream(file, filename="../a")


# -- ranges --------------------------------------------------------------------------------------


async def test_w5_without_a_range_the_whole_file_comes(file: Path) -> None:
    """W5: and says that it has ranges."""
    capture = await get(file)

    assert (capture.status, capture.body) == (200, TEXT)
    assert capture.headers["accept-ranges"] == ["bytes"]
    assert "content-range" not in capture.headers
    assert "accept-ranges" not in (await whole(file)).headers


@pytest.mark.parametrize(
    ("asked", "start", "stop"), [("bytes=0-9", 0, 10), ("bytes=90-", 90, 100), ("bytes=-1", 99, 100)]
)
async def test_w5_a_range_is_206(file: Path, asked: str, start: int, stop: int) -> None:
    """W5: with these bytes and no other, in chunks of the same size."""
    capture = await get(file, headers={"Range": asked}, chunk_size=4)

    assert (capture.status, capture.body) == (206, TEXT[start:stop])
    assert capture.headers["content-range"] == [f"bytes {start}-{stop - 1}/100"]
    assert capture.headers["content-type"] == ["application/octet-stream"]
    assert max(len(chunk) for chunk in capture.chunks) == min(4, stop - start)


async def test_w5_a_range_behind_the_end_is_416(file: Path) -> None:
    """W5: without a body; other headers of the handler stay."""

    async def handler(event: Any, context: Any) -> StreamingResponse:
        return file_stream(file, event=event, headers={"access-control-allow-origin": "*"})

    capture = await stream_client(handler).get("/", headers={"Range": "bytes=100-"})

    assert (capture.status, capture.chunks) == (416, [])
    assert capture.headers["content-range"] == ["bytes */100"]
    assert capture.headers["access-control-allow-origin"] == ["*"]
    assert "content-disposition" not in capture.headers


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Range": "bytes=0-1,5-6"}),
        ("GET", {"Range": "lines=1-2"}),
        ("GET", {"Range": "bytes=0-9", "If-Range": '"abc"'}),
        ("POST", {"Range": "bytes=0-9"}),
    ],
    ids=["several", "another unit", "If-Range", "no GET"],
)
async def test_w5_what_cannot_be_answered_in_part_is_answered_whole(
    file: Path, method: str, headers: dict[str, str]
) -> None:
    """W5: as HTTP allows."""
    capture = await get(file, method, headers)

    assert (capture.status, capture.body) == (200, TEXT)


async def test_w5_another_status_has_no_range(file: Path) -> None:
    """W5: an error page is sent whole."""
    capture = await get(file, headers={"Range": "bytes=0-9"}, status=503)

    assert (capture.status, capture.body) == (503, TEXT)


async def test_w5_a_head_request_has_the_head_alone(file: Path) -> None:
    """E6, W5: and no range of it."""
    capture = await get(file, "HEAD", {"Range": "bytes=0-9"})

    assert (capture.status, capture.chunks) == (200, [])
    assert capture.headers["accept-ranges"] == ["bytes"]


@pytest.mark.parametrize(
    "event",
    [
        {"httpMethod": "GET", "headers": {"Range": "bytes=0-9"}},
        {"headers": {"RANGE": "bytes=0-9"}},
        {"requestContext": {"http": {"method": "GET"}}, "headers": {"range": "bytes=0-9"}},
    ],
    ids=["REST API", "bare", "Function URL"],
)
def test_w5_events_of_every_door_have_a_range(file: Path, event: dict[str, Any]) -> None:
    """W5: whatever the case of the header."""
    assert file_stream(file, event=event).status == 206


@pytest.mark.parametrize("event", [{}, {"headers": None, "requestContext": None}, {"headers": {"range": 5}}], ids=repr)
def test_w5_an_event_without_a_range_is_none(file: Path, event: dict[str, Any]) -> None:
    """W5: nothing is expected of an event."""
    assert file_stream(file, event=event).status == 200


async def test_w5_a_part_of_a_file_that_shrinks_is_a_late_error(file: Path) -> None:
    """W5, E3: the head has promised more bytes; a client must not take what came for all of them."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        response = file_stream(file, event=event, chunk_size=10)
        file.write_bytes(TEXT[:30])
        return response

    capture = await stream_client(handler).get("/", headers={"range": "bytes=10-59"})

    assert (capture.status, capture.body) == (206, TEXT[10:30])
    assert capture.error is not None
    assert isinstance(capture.error.exception, InvalidResponse)
    assert capture.error.message == "'data.bin' shrank while it was sent: 30 bytes of the range are missing"
    assert capture.stream_error_code == "app.internal"


async def test_w5_a_part_can_be_had_again_and_again(file: Path) -> None:
    """W5: parts of a file, one behind the other, are the file."""
    parts = [(await get(file, headers={"Range": f"bytes={at}-{at + 32}"})).body for at in range(0, 100, 33)]

    assert b"".join(parts) == TEXT
