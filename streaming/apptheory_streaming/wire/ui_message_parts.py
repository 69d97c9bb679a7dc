"""The parts of a UI message stream, by the version of the AI SDK whose clients read it.

Source: the schemas in the npm package `ai`, 5.0.277, 6.0.326 and 7.0.173, read 2026-11-21.
"""

from collections.abc import Mapping
from types import MappingProxyType

from apptheory_streaming.wire.json_shape import Allowed, Kind, Shape

__all__ = ["DATA_PREFIX", "DATA_SHAPE", "LATEST_VERSION", "UI_MESSAGE_PARTS"]

DATA_PREFIX = "data-"
"""A part whose type begins so is the application's own."""

DATA_SHAPE = Shape(Kind.OBJECT, {"data": Kind.ANY}, {"id": Kind.TEXT, "transient": Kind.FLAG})

LATEST_VERSION = 7

_META: dict[str, Allowed] = {"providerMetadata": Kind.OBJECTS}
_TOOL: dict[str, Allowed] = {"providerExecuted": Kind.FLAG, "dynamic": Kind.FLAG}
_TOOL_6: dict[str, Allowed] = _TOOL | _META | {"toolMetadata": Kind.OBJECT}
_CALL: dict[str, Allowed] = {"toolCallId": Kind.TEXT}
_NAMED: dict[str, Allowed] = _CALL | {"toolName": Kind.TEXT}
_TITLE: dict[str, Allowed] = {"title": Kind.TEXT}
_ENCODING: dict[str, Allowed] = {"inputEncoding": frozenset({"json", "text"})}
_ID: dict[str, Allowed] = {"id": Kind.TEXT}
_URL: dict[str, Allowed] = {"url": Kind.TEXT, "mediaType": Kind.TEXT}
_REASONS = frozenset({"stop", "length", "content-filter", "tool-calls", "error", "other"})
_DELTA = _ID | {"delta": Kind.TEXT}
_APPROVAL = _CALL | {"approvalId": Kind.TEXT}


def _shape(required: dict[str, Allowed] | None = None, optional: dict[str, Allowed] | None = None) -> Shape:
    return Shape(Kind.OBJECT, required or {}, optional or {})


def _finish(*more: str) -> Shape:
    return _shape(optional={"finishReason": _REASONS.union(more)})


_V5: dict[str, Shape] = {
    "start": _shape(optional={"messageId": Kind.TEXT}),
    "start-step": _shape(),
    "text-start": _shape(_ID, _META),
    "text-delta": _shape(_DELTA, _META),
    "text-end": _shape(_ID, _META),
    "reasoning-start": _shape(_ID, _META),
    "reasoning-delta": _shape(_DELTA, _META),
    "reasoning-end": _shape(_ID, _META),
    "source-url": _shape({"sourceId": Kind.TEXT, "url": Kind.TEXT}, _META | _TITLE),
    "source-document": _shape(
        {"sourceId": Kind.TEXT, "mediaType": Kind.TEXT, "title": Kind.TEXT}, _META | {"filename": Kind.TEXT}
    ),
    "file": _shape(_URL, _META),
    "tool-input-start": _shape(_NAMED, _TOOL),
    "tool-input-delta": _shape(_CALL | {"inputTextDelta": Kind.TEXT}),
    "tool-input-available": _shape(_NAMED | {"input": Kind.ANY}, _TOOL | _META),
    "tool-input-error": _shape(_NAMED | {"input": Kind.ANY, "errorText": Kind.TEXT}, _TOOL | _META),
    "tool-output-available": _shape(_CALL | {"output": Kind.ANY}, _TOOL | {"preliminary": Kind.FLAG}),
    "tool-output-error": _shape(_CALL | {"errorText": Kind.TEXT}, _TOOL),
    "finish-step": _shape(),
    "message-metadata": _shape({"messageMetadata": Kind.ANY}),
    "error": _shape({"errorText": Kind.TEXT}),
    "abort": _shape(),
    "finish": _finish("unknown"),
}

_V6: dict[str, Shape] = _V5 | {
    "tool-input-start": _shape(_NAMED, _TOOL_6 | _TITLE | _ENCODING),
    "tool-input-available": _shape(_NAMED | {"input": Kind.ANY}, _TOOL_6 | _TITLE),
    "tool-input-error": _shape(_NAMED | {"input": Kind.ANY, "errorText": Kind.TEXT}, _TOOL_6 | _TITLE),
    "tool-approval-request": _shape(_APPROVAL, {"signature": Kind.TEXT}),
    "tool-output-available": _shape(_CALL | {"output": Kind.ANY}, _TOOL_6 | {"preliminary": Kind.FLAG}),
    "tool-output-error": _shape(_CALL | {"errorText": Kind.TEXT}, _TOOL_6),
    "tool-output-denied": _shape(_CALL),
    "abort": _shape(optional={"reason": Kind.TEXT}),
    "finish": _finish(),
}

_V7: dict[str, Shape] = _V6 | {
    "text-end": _shape(_ID, _META | {"citations": Kind.LIST}),
    "reasoning-file": _shape(_URL, _META),
    "custom": _shape({"kind": Kind.TEXT}, _META),
    "steering-message": _shape(_ID | {"parts": Kind.LIST}),
    "tool-approval-request": _shape(_APPROVAL, {"signature": Kind.TEXT, "reason": Kind.TEXT, "isAutomatic": Kind.FLAG}),
    "tool-approval-response": _shape(
        {"approvalId": Kind.TEXT, "approved": Kind.FLAG}, _META | {"reason": Kind.TEXT, "providerExecuted": Kind.FLAG}
    ),
    "reset-step": _shape(),
    "finish": _finish("interrupted"),
}

UI_MESSAGE_PARTS: Mapping[int, Mapping[str, Shape]] = MappingProxyType({5: _V5, 6: _V6, 7: _V7})
"""What the fields of each part must look like, by version and type."""
