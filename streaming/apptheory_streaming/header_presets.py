"""The headers that each format brings, and how those of a handler take their place."""

from collections.abc import Mapping
from types import MappingProxyType

from apptheory_streaming.wire.head import HeaderInput

__all__ = ["CSV_HEADERS", "GAI_HEADERS", "NDJSON_HEADERS", "SSE_HEADERS", "with_preset"]

SSE_HEADERS = MappingProxyType(
    {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",  # nginx holds a stream back without it
    }
)

NDJSON_HEADERS = MappingProxyType(
    {
        "content-type": "application/x-ndjson",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }
)
"""No `transfer-encoding`: that belongs to the connection, and a server sets it once."""

CSV_HEADERS = MappingProxyType({"content-type": "text/csv; charset=utf-8"})

GAI_HEADERS = MappingProxyType(
    {
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-store, must-revalidate",
        "connection": "keep-alive",
        "x-accel-buffering": "no",
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, POST, OPTIONS",
        "access-control-allow-headers": "Content-Type, Authorization",
    }
)
"""The exact set of that package, for its Server-Sent Events."""


def with_preset(preset: Mapping[str, str], headers: HeaderInput | None) -> dict[str, object]:
    """Give the preset, less what the headers name in any case, and the headers."""
    given = dict(headers or {})
    named = {name.lower() for name in given if isinstance(name, str)}
    return {name: value for name, value in preset.items() if name not in named} | given
