"""What a streaming Lambda handler imports in production, and the contract that every path obeys.

Names are loaded when they are asked for: a handler that streams text pays for no format that it does not use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apptheory_streaming.ai_sdk import (
        DATA_STREAM_HEADERS,
        UI_MESSAGE_STREAM_HEADERS,
        data_stream,
        ui_message_stream,
    )
    from apptheory_streaming.apptheory_app import AppTheoryHandler, apptheory
    from apptheory_streaming.asgi_apps.handler import AsgiHandler, asgi
    from apptheory_streaming.context import LambdaContext
    from apptheory_streaming.csv_reader import CsvReader
    from apptheory_streaming.csv_response import csv_stream
    from apptheory_streaming.errors import (
        AppError,
        ClientGone,
        EventsLost,
        FormatError,
        FrameInjection,
        FunctionError,
        InvalidResponse,
        NotEnded,
        StreamingError,
        StreamTypeError,
    )
    from apptheory_streaming.event_log import EventLog
    from apptheory_streaming.event_store import EventStore, last_event_id, replay
    from apptheory_streaming.file_response import file_stream
    from apptheory_streaming.gai import gai_stream
    from apptheory_streaming.header_presets import CSV_HEADERS, GAI_HEADERS, NDJSON_HEADERS, SSE_HEADERS
    from apptheory_streaming.html_pages import html_parts
    from apptheory_streaming.live_head import Headers
    from apptheory_streaming.ndjson_reader import NdjsonReader
    from apptheory_streaming.ndjson_response import NdjsonWriter, ndjson_stream
    from apptheory_streaming.openai_response import openai_stream
    from apptheory_streaming.response import StreamingResponse, html_stream, text_stream
    from apptheory_streaming.sse_response import sse_stream
    from apptheory_streaming.sse_writer import SseWriter
    from apptheory_streaming.streamify import HttpResponseStream, streamify_response
    from apptheory_streaming.wire.action_request import ActionRequest, RequestShape, read_action
    from apptheory_streaming.wire.chunk import Chunk, StreamBody
    from apptheory_streaming.wire.data_stream import DataStreamDecoder, DataStreamPart
    from apptheory_streaming.wire.html_json import html_json
    from apptheory_streaming.wire.sse import ServerSentEvent
    from apptheory_streaming.wire.sse_decoder import SseDecoder, SseEvent
    from apptheory_streaming.wire.ui_message_stream import UiMessageDecoder, UiMessagePart

__all__ = [
    "CSV_HEADERS",
    "DATA_STREAM_HEADERS",
    "GAI_HEADERS",
    "NDJSON_HEADERS",
    "SSE_HEADERS",
    "UI_MESSAGE_STREAM_HEADERS",
    "ActionRequest",
    "AppError",
    "AppTheoryHandler",
    "AsgiHandler",
    "Chunk",
    "ClientGone",
    "CsvReader",
    "DataStreamDecoder",
    "DataStreamPart",
    "EventLog",
    "EventStore",
    "EventsLost",
    "FormatError",
    "FrameInjection",
    "FunctionError",
    "Headers",
    "HttpResponseStream",
    "InvalidResponse",
    "LambdaContext",
    "NdjsonReader",
    "NdjsonWriter",
    "NotEnded",
    "RequestShape",
    "ServerSentEvent",
    "SseDecoder",
    "SseEvent",
    "SseWriter",
    "StreamBody",
    "StreamTypeError",
    "StreamingError",
    "StreamingResponse",
    "UiMessageDecoder",
    "UiMessagePart",
    "apptheory",
    "asgi",
    "csv_stream",
    "data_stream",
    "file_stream",
    "gai_stream",
    "html_json",
    "html_parts",
    "html_stream",
    "last_event_id",
    "ndjson_stream",
    "openai_stream",
    "read_action",
    "replay",
    "sse_stream",
    "streamify_response",
    "text_stream",
    "ui_message_stream",
]

_HOMES = {
    "ActionRequest": "wire.action_request",
    "AppError": "errors",
    "AppTheoryHandler": "apptheory_app",
    "AsgiHandler": "asgi_apps.handler",
    "CSV_HEADERS": "header_presets",
    "Chunk": "wire.chunk",
    "ClientGone": "errors",
    "CsvReader": "csv_reader",
    "DATA_STREAM_HEADERS": "ai_sdk",
    "DataStreamDecoder": "wire.data_stream",
    "DataStreamPart": "wire.data_stream",
    "EventLog": "event_log",
    "EventStore": "event_store",
    "EventsLost": "errors",
    "FormatError": "errors",
    "FrameInjection": "errors",
    "FunctionError": "errors",
    "GAI_HEADERS": "header_presets",
    "Headers": "live_head",
    "HttpResponseStream": "streamify",
    "InvalidResponse": "errors",
    "LambdaContext": "context",
    "NDJSON_HEADERS": "header_presets",
    "NdjsonReader": "ndjson_reader",
    "NdjsonWriter": "ndjson_response",
    "NotEnded": "errors",
    "RequestShape": "wire.action_request",
    "SSE_HEADERS": "header_presets",
    "ServerSentEvent": "wire.sse",
    "SseDecoder": "wire.sse_decoder",
    "SseEvent": "wire.sse_decoder",
    "SseWriter": "sse_writer",
    "StreamBody": "wire.chunk",
    "StreamTypeError": "errors",
    "StreamingError": "errors",
    "StreamingResponse": "response",
    "UI_MESSAGE_STREAM_HEADERS": "ai_sdk",
    "UiMessageDecoder": "wire.ui_message_stream",
    "UiMessagePart": "wire.ui_message_stream",
    "apptheory": "apptheory_app",
    "asgi": "asgi_apps.handler",
    "csv_stream": "csv_response",
    "data_stream": "ai_sdk",
    "file_stream": "file_response",
    "gai_stream": "gai",
    "html_json": "wire.html_json",
    "html_parts": "html_pages",
    "html_stream": "response",
    "last_event_id": "event_store",
    "ndjson_stream": "ndjson_response",
    "openai_stream": "openai_response",
    "read_action": "wire.action_request",
    "replay": "event_store",
    "sse_stream": "sse_response",
    "streamify_response": "streamify",
    "text_stream": "response",
    "ui_message_stream": "ai_sdk",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
