"""The servers of one test end together, whatever becomes of one of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from apptheory_emulator.keeper import Keeper
from apptheory_plugins.servers import Servers


async def test_a_server_that_fails_at_its_end_leaves_no_other_open() -> None:
    """They end in the opposite order, the latest first, and the failure comes out."""
    ended: list[str] = []

    @asynccontextmanager
    async def server(name: str) -> AsyncIterator[str]:
        yield name
        ended.append(name)
        if name == "second":
            raise OSError("it does not close")

    servers = Servers()
    for name in ("first", "second", "third"):
        keeper = Keeper(server(name))
        await keeper.start()
        servers.adopt(keeper)

    with pytest.raises(OSError, match="it does not close"):
        await servers.close()

    assert ended == ["third", "second", "first"]
    assert servers.started == 0
