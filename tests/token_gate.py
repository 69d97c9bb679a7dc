"""A server that a handler asks for each token, so that a test decides when the next one comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["TokenGate", "token_gate"]

WAIT_SECONDS = 30


class TokenGate:
    """Answers each request with the token that the test gives next; `None` is 204: there are no more."""

    def __init__(self) -> None:
        self.url = ""
        self._asked: asyncio.Queue[None] = asyncio.Queue()
        self._tokens: asyncio.Queue[str | None] = asyncio.Queue()

    async def asked(self) -> None:
        """Wait until the handler asks once more."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self._asked.get()

    def give(self, *tokens: str | None) -> None:
        """Let so many requests go on."""
        for token in tokens:
            self._tokens.put_nowait(token)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; a handler that is killed meanwhile is no error."""
        try:
            await reader.readuntil(b"\r\n\r\n")
            self._asked.put_nowait(None)
            token = await self._tokens.get()
            status = "204 No Content" if token is None else f"200 OK\r\nContent-Length: {len(token)}"
            writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n{token or ''}".encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def token_gate() -> AsyncIterator[TokenGate]:
    """Serve a gate inside the block."""
    gate = TokenGate()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(gate.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    gate.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield gate
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
