"""A loopback port that knows what it has accepted until somebody reads it."""

import socket

__all__ = ["LoopbackListener"]


class LoopbackListener(socket.socket):
    """Listens on a free port of 127.0.0.1, and loses no connection when its loop ends.

    asyncio hands an accepted connection to a task of its own.  A loop that ends cancels that task,
    perhaps before its first step: nobody else holds the connection then, and nobody closes it.
    """

    __slots__ = ("_accepted",)

    def __init__(self) -> None:
        """Take the port."""
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self._accepted: dict[int, socket.socket] = {}
        self.bind(("127.0.0.1", 0))

    @property
    def address(self) -> str:
        """Host and port, as `127.0.0.1:PORT`."""
        host, port = self.getsockname()
        return f"{host}:{port}"

    def accept(self) -> tuple[socket.socket, object]:
        """Accept a connection, and hold it until it is `taken`."""
        connection, peer = super().accept()
        self._accepted[connection.fileno()] = connection
        return connection, peer

    def taken(self, number: int) -> None:
        """Forget the connection of this file number: it has a transport."""
        self._accepted.pop(number, None)

    def close_accepted(self) -> None:
        """Close what nobody has taken."""
        while self._accepted:
            self._accepted.popitem()[1].close()
