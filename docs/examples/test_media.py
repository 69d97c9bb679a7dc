"""How to test bytes that are no text: see README.md beside this file."""

import array
import io
import sys
import wave
from itertools import pairwise
from pathlib import Path

import pytest

from apptheory_plugins.snapshot import StreamSnapshot
from apptheory_testkit import StreamClientFactory

handler = f"{Path(__file__).with_name('media.py')}:handler"  # at home: from media import handler


def test_the_bytes_are_exactly_these(stream_client: StreamClientFactory, stream_snapshot: StreamSnapshot) -> None:
    """The snapshot shows the beginning in hex, and a hash of the rest."""
    capture = stream_client(handler).sync.get("/tone.wav?hertz=1000&seconds=1")

    assert capture == stream_snapshot(view="body")


def test_an_audio_library_can_read_it(stream_client: StreamClientFactory) -> None:
    """All bytes arrive, in their order, line feeds and NUL bytes too."""
    capture = stream_client(handler).sync.get("/tone.wav?hertz=440&seconds=2")

    assert capture.headers["content-type"] == ["audio/wav"]
    with wave.open(io.BytesIO(capture.body)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (1, 16_000, 32_000)
        samples = array.array("h", file.readframes(32_000))
    if sys.byteorder == "big":
        samples.byteswap()
    falls = sum(before >= 0 > after for before, after in pairwise(samples))
    assert falls == 2 * 440
    assert (min(samples), max(samples)) == (-8_000, 8_000)


def test_chunks_have_a_good_size(stream_client: StreamClientFactory) -> None:
    """From 8 to 64 KB of binary, but for the last one."""
    capture = stream_client(handler).sync.get("/tone.wav?seconds=10")

    capture.assert_chunk_sizes()
    assert len(capture.chunks) == 40
    assert len(capture.body) == 44 + 10 * 16_000 * 2


async def test_a_player_may_stop_after_the_first_chunk(stream_client: StreamClientFactory) -> None:
    """Ten minutes are asked for, and what nobody hears is never made."""
    async with stream_client(handler).stream("GET", "/tone.wav?seconds=600") as live:
        beginning = await anext(live)

    assert beginning.startswith(b"RIFF")
    assert live.capture.chunks == [beginning]


@pytest.mark.parametrize("query", ["hertz=0", "hertz=4001", "hertz=a", "seconds=601", "seconds="])
def test_what_nobody_could_hear_is_a_bad_request(stream_client: StreamClientFactory, query: str) -> None:
    """Each number is checked before there is a stream."""
    assert stream_client(handler).sync.get(f"/tone.wav?{query}").status == 400


def test_an_unknown_sound_is_not_found(stream_client: StreamClientFactory) -> None:
    assert stream_client(handler).sync.get("/song.mp3").status == 404
