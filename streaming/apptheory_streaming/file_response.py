"""A response with the bytes of a file."""

import errno
import mimetypes
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from apptheory_streaming.errors import AppError, InvalidResponse, UsageError
from apptheory_streaming.header_presets import with_preset
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.wire.byte_range import ByteRange, read_range
from apptheory_streaming.wire.content_disposition import content_disposition
from apptheory_streaming.wire.head import HeaderInput

__all__ = ["FILE_CHUNK_BYTES", "content_type_of", "file_stream"]

FILE_CHUNK_BYTES = 8192

_KNOWN_TYPES = {  # not in every version of Python
    ".js": "text/javascript",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".ndjson": "application/x-ndjson",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_ENCODED_TYPES = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
_TYPES = mimetypes.MimeTypes()  # Python's own table, whatever the machine has


def file_stream(
    path: str | os.PathLike[str],
    *,
    event: Mapping[str, Any] | None = None,
    chunk_size: int = FILE_CHUNK_BYTES,
    filename: str | None = None,
    inline: bool = False,
    status: int = 200,
    headers: HeaderInput | None = None,
    cookies: Iterable[str] = (),
) -> StreamingResponse:
    """Stream a file in chunks of `chunk_size` bytes (rule W5).

    Unless `headers` say otherwise, `content-type` follows from the name and `content-disposition`
    has `filename`, or the name of the file, as an attachment or `inline`.  With the `event` of a
    GET request its Range is answered: 206 with these bytes, or 416 without any; several ranges,
    and If-Range, get the whole file.

    Raises AppError (`app.not_found`, 404) for what is no file, and UsageError for an impossible
    `path`, `event` or `chunk_size`.  The file is opened when its first chunk is asked for, where it
    may block; a part that has become shorter by then than its head says is a late InvalidResponse.
    """
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
        raise UsageError(f"chunk_size must be a whole number from 1, not {chunk_size!r}")
    if event is not None and not isinstance(event, Mapping):
        raise UsageError(f"event must be the event of the request, a mapping, not of type {type(event).__name__}")
    file = _path_of(path)
    size = _size_of(file)
    preset = {
        "content-type": content_type_of(file.name),
        "content-disposition": content_disposition(file.name if filename is None else filename, inline=inline),
    }
    wanted: ByteRange | None = None
    if event is not None:
        preset["accept-ranges"] = "bytes"
        wanted = read_range(_range_of(event), size) if status == 200 else None
    if wanted is None:
        return _response(_chunks(file, chunk_size), status, preset, headers, cookies)
    preset["content-range"] = wanted.content_range(size)
    if wanted.empty:
        del preset["content-disposition"], preset["content-type"]
        return _response(None, 416, preset, headers, cookies)
    return _response(_chunks(file, chunk_size, wanted), 206, preset, headers, cookies)


def content_type_of(name: str) -> str:
    """Give the content type that follows from the name of a file; text is taken to be UTF-8."""
    known = _KNOWN_TYPES.get(Path(name).suffix.lower())
    guessed, encoding = _TYPES.guess_type(Path(name).name)
    if encoding is not None:
        return _ENCODED_TYPES.get(encoding, "application/octet-stream")
    content_type = known or guessed or "application/octet-stream"
    return f"{content_type}; charset=utf-8" if content_type.startswith("text/") else content_type


def _response(
    body: Iterator[bytes] | None,
    status: int,
    preset: Mapping[str, str],
    headers: HeaderInput | None,
    cookies: Iterable[str],
) -> StreamingResponse:
    return StreamingResponse(body, status=status, headers=with_preset(preset, headers), cookies=cookies)


def _path_of(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path)
    except TypeError:
        raise UsageError(f"path must be text or a path of text, not of type {type(path).__name__}") from None


def _size_of(file: Path) -> int:
    try:
        found = file.stat()
    except ValueError:  # NUL in the name
        raise _not_found(file) from None
    except OSError as error:
        if error.errno not in _ABSENT:
            raise
        raise _not_found(file) from None
    if not stat.S_ISREG(found.st_mode):
        raise _not_found(file)
    return found.st_size


def _not_found(file: Path) -> AppError:
    return AppError("app.not_found", f"There is no file {file.name!r}.")


def _range_of(event: Mapping[str, Any]) -> str | None:
    """The Range of a GET request, unless it holds for a version of the file that nobody here knows."""
    context = event.get("requestContext") or {}
    method = (context.get("http") or {}).get("method") or event.get("httpMethod") or "GET"
    fields = {str(name).lower(): value for name, value in (event.get("headers") or {}).items()}
    if method != "GET" or fields.get("if-range"):
        return None
    value = fields.get("range")
    return value if isinstance(value, str) else None


def _chunks(path: Path, chunk_size: int, wanted: ByteRange | None = None) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        if error.errno not in _ABSENT:
            raise
        raise _not_found(path) from None  # gone since the response was made
    with file:
        if wanted is None:
            while chunk := file.read(chunk_size):
                yield chunk
            return
        file.seek(wanted.start)
        left = wanted.stop - wanted.start
        while left and (chunk := file.read(min(chunk_size, left))):
            left -= len(chunk)
            yield chunk
        if left:
            raise InvalidResponse(f"{path.name!r} shrank while it was sent: {left} bytes of the range are missing")
