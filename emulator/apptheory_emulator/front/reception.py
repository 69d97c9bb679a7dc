"""How a front names the requests it receives, and who hears of them."""

import asyncio
import secrets
import uuid

from aiohttp import web

from apptheory_streaming.invocation import Invocation
from apptheory_streaming.wire.events.function_url import FunctionUrl
from apptheory_streaming.wire.transcript import Transcript

__all__ = ["Reception"]


class Reception:
    """Names requests as a server on this machine does; a client in tests brings one of its own.

    `began` and `over` come once a request each, in this order; neither does anything here.
    """

    def request_id(self, http: web.Request) -> str:  # noqa: ARG002 - for those that know whose request it is
        """Give the id of a request."""
        return str(uuid.uuid4())

    def trace_id(self, request_id: str, epoch_ms: int) -> str:  # noqa: ARG002 - as above
        """Give the id of its trace; `epoch_ms` is when it came."""
        return f"Root=1-{epoch_ms // 1000:08x}-{secrets.token_hex(12)}"

    def url(self, http: web.Request, name: str) -> FunctionUrl:
        """Give the URL under which the function called `name` was asked."""
        address = http.transport.get_extra_info("sockname") if http.transport else None
        port = address[1] if isinstance(address, tuple) else 80
        return FunctionUrl(url_id=name, domain=f"{name}.lambda-url.localhost", scheme=http.scheme, port=port)

    def began(self, http: web.Request, invocation: Invocation, running: "asyncio.Task[Transcript]") -> None:
        """Hear that the handler is about to run."""

    def over(self, http: web.Request) -> None:
        """Hear that the response is over for the client, or the client is gone; the handler may still run."""
