"""Test streaming Lambda handlers in-process: every chunk, the final head, and how it ended."""

from apptheory_streaming.apptheory_app import apptheory
from apptheory_streaming.asgi_apps.handler import asgi
from apptheory_streaming.wire.limits import Limits
from apptheory_testkit.assertions.buffering import Hold
from apptheory_testkit.assertions.cadence import Cadence
from apptheory_testkit.assertions.tap import Tap
from apptheory_testkit.capture import Metadata, StreamCapture
from apptheory_testkit.client import (
    RequestOptions,
    StreamClient,
    StreamClientFactory,
    SyncStreamClient,
    stream_client,
)
from apptheory_testkit.gai import assert_gai_order, gai_events
from apptheory_testkit.positioned import Positioned
from apptheory_testkit.rechunking.rechunk import assert_rechunk_invariant, at_utf8, every_byte, everywhere, rechunk
from apptheory_testkit.recordings.stream import Recorded, recorded
from apptheory_testkit.request_ids import RequestIds
from apptheory_testkit.stream_error import capture_of
from apptheory_testkit.sweeping.sweep import SweepReport
from apptheory_testkit.transports.live import LiveStream
from apptheory_testkit.transports.transport import Transport

__all__ = [
    "Cadence",
    "Hold",
    "Limits",
    "LiveStream",
    "Metadata",
    "Positioned",
    "Recorded",
    "RequestIds",
    "RequestOptions",
    "StreamCapture",
    "StreamClient",
    "StreamClientFactory",
    "SweepReport",
    "SyncStreamClient",
    "Tap",
    "Transport",
    "apptheory",
    "asgi",
    "assert_gai_order",
    "assert_rechunk_invariant",
    "at_utf8",
    "capture_of",
    "every_byte",
    "everywhere",
    "gai_events",
    "rechunk",
    "recorded",
    "stream_client",
]
