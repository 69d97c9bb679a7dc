"""The ports of the emulator: where they are, and what becomes of a connection as its loop ends."""

import asyncio
import gc
import socket
import warnings
from typing import Any
from urllib.parse import urlsplit

import pytest

from apptheory_emulator import Emulator, FunctionConfig
from apptheory_emulator.control_server import ControlPort
from apptheory_emulator.keeper import Keeper
from raw_http import WAIT_SECONDS, fetch

pytestmark = pytest.mark.streaming(clock="real")


async def hello(event: Any, context: Any) -> str:
    return "hello"


CONFIG = FunctionConfig(name="own", target=hello)


@pytest.mark.parametrize("port", ["function", "control"])
def test_a_connection_that_its_loop_has_no_time_for_is_closed(port: str) -> None:
    """A loop that ends right after it has accepted leaves nothing open, which a suite would be warned of."""
    kept: list[Any] = []

    async def ends_at_once(client: socket.socket) -> None:
        emulator = Emulator([CONFIG], control=ControlPort(0), shutdown_seconds=0)
        kept.append(Keeper(emulator))
        await kept[0].start()
        url = urlsplit(emulator.functions[0].url if port == "function" else emulator.control_url or "")
        client.connect((url.hostname, url.port))

    with warnings.catch_warnings(record=True) as warned, socket.socket() as client:
        warnings.simplefilter("always")
        client.settimeout(WAIT_SECONDS)
        asyncio.run(ends_at_once(client))
        kept.clear()  # since Python 3.12 its task knows, by a traceback, what was cancelled with it
        gc.collect()
        assert client.recv(1) == b""

    assert [str(each.message) for each in warned] == []


async def test_a_host_name_is_every_address_that_it_has() -> None:
    async with Emulator([CONFIG], host="localhost") as emulator:
        url = emulator.functions[0].url
        assert urlsplit(url).hostname == "localhost"
        assert (await fetch(url)).body == b'"hello"'


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"'127\.0\.0\.1', {port}\).*: address already in use"):
            await Emulator([CONFIG], port=port).__aenter__()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"], ids=["another machine's", "unknown"])
async def test_a_host_that_is_not_here(host: str) -> None:
    """What the machine says of it, and nothing is left listening."""
    with pytest.raises(OSError, match=r".+"):
        await Emulator([CONFIG], host=host).__aenter__()
