"""The client that sees frames: how a connection that breaks off looks to it."""

import asyncio
import socket
import struct

import pytest

from apptheory_emulator.frame_client import ConnectionCut, FrameClient

HEADS = {
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "a length": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
    "up to the end": b"HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=list(HEADS))
async def test_e3b_a_reset_is_a_cut_however_the_body_is_framed(head: bytes) -> None:
    """E3b: never a ConnectionError, of which a transcript would know nothing."""
    read = asyncio.Event()

    async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await read.wait()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        client = await FrameClient.connect("127.0.0.1", server.sockets[0].getsockname()[1])
        assert (await client.head()).status == 200
        read.set()
        with pytest.raises(ConnectionCut):
            [frame async for frame in client.frames()]
        await client.close()
