"""A recording as the contract document that a handler with the same stream passes (`*.stream.json`)."""

import base64
from typing import Any
from urllib.parse import parse_qsl

from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.recordings.json_lines import render_json
from apptheory_testkit.recordings.model import Ended, Recording

__all__ = ["render_recording", "to_document"]

CUT_CODE = "app.internal"
"""What stands for the error of a stream that was cut: no client ever sees its code (rule E3)."""


def render_recording(recording: Recording) -> str:
    """Give the text of its file: JSON with a chunk a line."""
    return render_json(to_document(recording)) + "\n"


def to_document(recording: Recording) -> dict[str, Any]:
    """Give the contract document that a handler with the same stream passes.

    A stream that was cut is a late error; one that nobody read to its end, a client that leaves.
    """
    request = recording.request
    return {
        "id": recording.id,
        "tier": "p0",
        "name": recording.name,
        "setup": {
            "routes": [{"method": request.method, "path": request.path, "handler": recording.handler}],
            "ours": {**_leaving(recording), "recording": _provenance(recording)},
        },
        "input": {"request": _request_fields(request)},
        "expect": {"response": _response_fields(recording)},
    }


def _leaving(recording: Recording) -> dict[str, Any]:
    if recording.ended is not Ended.STOPPED:
        return {}
    return {"on_disconnect": "cancel", "fault": {"disconnect": len(recording.chunks)}}


def _provenance(recording: Recording) -> dict[str, Any]:
    return {
        "url": recording.url,
        "recorded_on": recording.recorded_on,
        "platform_headers": {name: list(values) for name, values in recording.platform_headers.items()},
        "redacted": list(recording.redacted),
        "head_at": recording.head_at,
        "chunk_times": [chunk.at for chunk in recording.chunks],
        "ended": {"how": recording.ended.value, "at": recording.ended_at},
    }


def _request_fields(request: HttpRequest) -> dict[str, Any]:
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name.lower(), []).append(value)
    return {
        "method": request.method,
        "path": request.path,
        "query": query,
        "headers": headers,
        "body": _piece(request.body),
        "is_base64": False,
    }


def _response_fields(recording: Recording) -> dict[str, Any]:
    head = recording.head
    fields: dict[str, Any] = {
        "status": head.status,
        "headers": {name: list(values) for name, values in head.headers.items()},
        "cookies": list(head.cookies),
        "is_base64": False,
        "chunks": [_piece(chunk.data) for chunk in recording.chunks],
    }
    if recording.ended is Ended.CUT:
        fields["stream_error_code"] = CUT_CODE
    return fields


def _piece(data: bytes) -> dict[str, str]:
    """Bytes as text where they are text: a character that is cut in two is none."""
    try:
        return {"encoding": "utf8", "value": data.decode()}
    except UnicodeDecodeError:
        return {"encoding": "base64", "value": base64.b64encode(data).decode()}
