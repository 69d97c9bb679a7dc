"""What a streaming Lambda handler imports in production, and the contract that every path obeys."""

from apptheory_streaming.context import LambdaContext
from apptheory_streaming.errors import (
    AppError,
    ClientGone,
    FrameInjection,
    FunctionError,
    InvalidResponse,
    NotEnded,
    StreamingError,
    StreamTypeError,
)
from apptheory_streaming.live_head import Headers
from apptheory_streaming.response import (
    SSE_HEADERS,
    StreamingResponse,
    html_stream,
    sse_stream,
    text_stream,
)
from apptheory_streaming.streamify import HttpResponseStream, streamify_response
from apptheory_streaming.wire.chunk import Chunk, StreamBody
from apptheory_streaming.wire.sse import ServerSentEvent

__all__ = [
    "SSE_HEADERS",
    "AppError",
    "Chunk",
    "ClientGone",
    "FrameInjection",
    "FunctionError",
    "Headers",
    "HttpResponseStream",
    "InvalidResponse",
    "LambdaContext",
    "NotEnded",
    "ServerSentEvent",
    "StreamBody",
    "StreamTypeError",
    "StreamingError",
    "StreamingResponse",
    "html_stream",
    "sse_stream",
    "streamify_response",
    "text_stream",
]
