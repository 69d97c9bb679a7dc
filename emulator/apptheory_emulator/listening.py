"""Ports that lose no connection when their loop ends.

asyncio hands an accepted connection to a task of its own.  A loop that ends cancels that task, perhaps
before its first step: nobody else holds the connection then, and nobody closes it.
"""

import asyncio
import errno
import os
import socket
from contextlib import ExitStack
from typing import Any

from aiohttp import web

__all__ = ["listen"]

_Info = tuple[int, int, int, str, tuple[Any, ...]]


async def listen(runner: web.AppRunner, host: str, port: int) -> None:
    """Serve a runner at all addresses of a host, on a free port each for 0; raises OSError for none to be had."""
    with ExitStack() as unused:
        sockets = _bound(await _addresses(host, port), unused)
        for each in sockets:
            await web.SockSite(runner, each).start()
        unused.pop_all()


async def _addresses(host: str, port: int) -> list[_Info]:
    """The addresses of a host; only a name needs to be asked for, which takes a thread."""
    kind, number = socket.SOCK_STREAM, socket.AI_NUMERICHOST
    try:
        found = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE | number)
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys(found))


def _bound(addresses: list[_Info], unused: ExitStack) -> list["_Listener"]:
    """A socket for each address that this machine has."""
    sockets: list[_Listener] = []
    missing: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        try:
            listener = unused.enter_context(_Listener(family, kind, protocol))
            listener.take(address)
            sockets.append(listener)
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                where = f"while attempting to bind on address {address}"
                raise OSError(error.errno, f"error {where}: {(error.strerror or '').lower()}") from None
            missing = error
    if not sockets and missing is not None:
        raise missing
    return sockets


class _Listener(socket.socket):
    """A listening socket."""

    def take(self, address: tuple[Any, ...]) -> None:
        """Bind it, also where connections of a server before still linger."""
        if os.name == "posix":
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.family == socket.AF_INET6:
            self.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.bind(address)

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection that closes itself."""
        connection, address = super().accept()
        fileno = connection.detach()
        return _Connection(connection.family, connection.type, connection.proto, fileno=fileno), address


class _Connection(socket.socket):
    """A connection that is closed when nobody holds it any more, without a word."""

    def __del__(self) -> None:
        self.close()
