"""The prelude of a streamed Lambda response: a JSON head, eight NUL bytes, then the body.

Source: https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html and the API
Gateway page on response transfer mode.  How a runtime cuts its bytes means nothing, so the
decoder takes any cut.
"""

import json

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.head import Head, head_from_fields

__all__ = ["DELIMITER", "INTEGRATION_CONTENT_TYPE", "MAX_PRELUDE_BYTES", "PreludeDecoder", "encode_prelude"]

INTEGRATION_CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
DELIMITER = bytes(8)
MAX_PRELUDE_BYTES = 1024 * 1024
"""Ours: a head larger than the 1 MB that AWS allows for headers is a body that lost its delimiter."""


def encode_prelude(head: Head) -> bytes:
    """Give the JSON head and the delimiter; header values of one name are joined with a comma."""
    fields = {
        "statusCode": head.status,
        "headers": {name: ",".join(values) for name, values in head.headers.items()},
        "cookies": list(head.cookies),
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + DELIMITER


class PreludeDecoder:
    """Finds the head in a byte stream that may be cut anywhere.

    `head` is None until the delimiter was seen.  Raises InvalidResponse for a prelude that is not
    a JSON object, has no delimiter within `max_bytes`, or describes an impossible head.
    """

    def __init__(self, *, max_bytes: int = MAX_PRELUDE_BYTES) -> None:
        """Allow the JSON head at most `max_bytes`."""
        self.head: Head | None = None
        self._max_bytes = max_bytes
        self._seen = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and give those of them that belong to the body."""
        if self.head is not None:
            return data
        # The delimiter may have begun in the last bytes of the part before.
        start = max(0, len(self._seen) - len(DELIMITER) + 1)
        self._seen += data
        end = self._seen.find(DELIMITER, start)
        # While there is none, it can begin no earlier than where its first seven bytes would stand.
        if (len(self._seen) - len(DELIMITER) + 1 if end < 0 else end) > self._max_bytes:
            raise InvalidResponse(f"prelude: no delimiter of 8 NUL bytes within {self._max_bytes} bytes")
        if end < 0:
            return b""
        self.head = _parse(bytes(self._seen[:end]))
        body = bytes(self._seen[end + len(DELIMITER) :])
        self._seen.clear()
        return body

    def close(self) -> None:
        """Say that no more bytes come; raises InvalidResponse when there was no whole prelude."""
        if self.head is None:
            raise InvalidResponse(f"prelude: the response ended after {len(self._seen)} bytes without 8 NUL bytes")


def _parse(text: bytes) -> Head:
    try:
        fields = json.loads(text.decode())  # text, for json would also take bytes in UTF-16
    except (ValueError, RecursionError) as error:
        raise InvalidResponse(f"prelude: not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise InvalidResponse(f"prelude: must be a JSON object, not {type(fields).__name__}")
    return head_from_fields(fields)
