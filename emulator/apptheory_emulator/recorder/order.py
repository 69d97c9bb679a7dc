"""What is to be recorded: the endpoint, the request, and what the recording is called."""

import base64
import re
from dataclasses import dataclass

from apptheory_emulator.recorder.curl_words import CurlRequest
from apptheory_emulator.recorder.endpoint import Endpoint
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["ENDING", "Order", "order_of"]

ENDING = ".stream.json"
"""How the names of contract documents end."""

_FRAMING = frozenset({"content-length", "transfer-encoding"})
_BODY_METHODS = frozenset({"PATCH", "POST", "PUT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One request; it has the headers that were asked for, and `removed` names defaults that are not wanted.

    `id` and `handler` are those of the contract document that it becomes.
    """

    endpoint: Endpoint
    request: HttpRequest
    removed: frozenset[str] = frozenset()
    insecure: bool = False
    id: str = "p0.recorded"
    handler: str = "recorded"

    def encode(self) -> bytes:
        """Give the bytes of the request; how its body is framed is ours to say."""
        request = self.request
        target = f"{request.path}?{request.query}" if request.query else request.path
        named = {name.lower() for name, _ in request.headers} | self.removed
        usual = {"host": self.endpoint.authority, "user-agent": "apptheory-emulate", "accept": "*/*"}
        headers = [(name, value) for name, value in usual.items() if name not in named]
        headers += [(name, value) for name, value in request.headers if name.lower() not in _FRAMING]
        if request.body or request.method in _BODY_METHODS:
            headers.append(("content-length", str(len(request.body))))
        lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + request.body


def order_of(endpoint: Endpoint, asked: CurlRequest, *, file_name: str) -> Order:
    """Put an order together; the name of the file names document and handler."""
    headers = asked.headers
    if endpoint.user is not None and not any(name.lower() == "authorization" for name, _ in headers):
        headers = (*headers, ("authorization", f"Basic {base64.b64encode(endpoint.user.encode()).decode()}"))
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", file_name.removesuffix(ENDING).removesuffix(".json")) or "stream"
    query = "&".join(each for each in (endpoint.query, asked.added_query) if each)
    return Order(
        endpoint=endpoint,
        request=HttpRequest(method=asked.method, path=endpoint.path, query=query, headers=headers, body=asked.body),
        removed=asked.removed,
        insecure=asked.insecure,
        id=f"p0.recorded.{stem}",
        handler=re.sub(r"[^A-Za-z0-9_]", "_", stem),
    )
