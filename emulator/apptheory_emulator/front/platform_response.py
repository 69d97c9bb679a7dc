"""What a front answers by itself."""

from collections.abc import Mapping

from aiohttp import web

from apptheory_streaming.wire.error_response import Answer

__all__ = ["PlatformResponse"]


class PlatformResponse(web.Response):
    """A response without the function: a preflight, or a refusal; `refusal` is what the log says of it."""

    def __init__(self, answer: Answer, *, request_id: str, headers: Mapping[str, str] | None = None) -> None:
        """Send `answer` with the headers of the platform: the id, unless they are others."""
        platform = {"x-amzn-RequestId": request_id} if headers is None else headers
        own = {name: ",".join(values) for name, values in answer.head.headers.items()}
        super().__init__(status=answer.head.status, headers={**own, **platform}, body=answer.body)
        self.request_id = request_id
        self.refusal = " ".join(answer.body.decode().split()) if answer.head.status >= 400 else ""
