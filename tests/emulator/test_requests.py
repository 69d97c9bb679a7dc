"""The library requests against a Function URL: chunks as they come, headers, cookies (C46)."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from apptheory_emulator import serve_function_url_threaded
from apptheory_streaming import StreamingResponse

WAIT_SECONDS = 30


def test_chunks_lines_and_bytes_arrive_while_the_handler_waits() -> None:
    """Each piece is there before the handler may make the next."""

    def handler(event: Any, context: Any) -> Iterator[bytes]:
        for piece in (b"one\n", "zw\N{LATIN SMALL LETTER O WITH DIAERESIS}lf\n".encode(), b"three\n"):
            yield piece
            assert goes_on.wait(WAIT_SECONDS)
            goes_on.clear()

    goes_on = threading.Event()
    got = []
    with (
        serve_function_url_threaded(handler) as url,
        requests.get(url, stream=True, timeout=WAIT_SECONDS) as response,
    ):
        for piece in response.iter_content(chunk_size=None):
            got.append(piece.decode())
            goes_on.set()

    assert got == ["one\n", "zw\N{LATIN SMALL LETTER O WITH DIAERESIS}lf\n", "three\n"]
    assert response.headers["Transfer-Encoding"] == "chunked"


def test_headers_and_cookies_are_those_of_the_handler_and_a_session_sends_them_back() -> None:
    """Names know no case, each cookie is a field of its own, and the event has what the session sends."""

    def handler(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse(
            [",".join(sorted(event.get("cookies", [])))],
            status=201,
            headers={"X-Rows": "7", "x-tag": ["a", "b"]},
            cookies=["id=1; Path=/", "theme=dark; Path=/; HttpOnly"],
        )

    with serve_function_url_threaded(handler) as url, requests.Session() as session:
        first = session.get(url, timeout=WAIT_SECONDS)
        second = session.get(url, timeout=WAIT_SECONDS)

    assert (first.status_code, first.reason, first.text) == (201, "Created", "")
    assert (first.headers["x-ROWS"], first.headers["x-tag"]) == ("7", "a,b")
    assert first.headers["content-type"] == "application/octet-stream"
    assert first.cookies.get_dict() == {"id": "1", "theme": "dark"}
    assert second.text == "id=1,theme=dark"


def test_a_cut_stream_is_an_error_of_the_client() -> None:
    """E3: with `late_errors="abort"` requests notices; as on AWS, by default, it does not."""

    def handler(event: Any, context: Any) -> Iterator[bytes]:
        yield b"half"
        raise ValueError

    with serve_function_url_threaded(handler) as url:
        assert requests.get(url, timeout=WAIT_SECONDS).content == b"half"
    with (
        serve_function_url_threaded(handler, late_errors="abort") as url,
        pytest.raises(requests.exceptions.ChunkedEncodingError),
    ):
        requests.get(url, timeout=WAIT_SECONDS)
