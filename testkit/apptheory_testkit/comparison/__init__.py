"""What one handler gives in-process and over HTTP: taken down call by call, and compared."""

from apptheory_testkit.comparison.recording import CallRecord, RecordingTransport
from apptheory_testkit.comparison.responses import (
    ComparableCall,
    ComparableResponse,
    compare_calls,
    compare_captures,
)

__all__ = [
    "CallRecord",
    "ComparableCall",
    "ComparableResponse",
    "RecordingTransport",
    "compare_calls",
    "compare_captures",
]
