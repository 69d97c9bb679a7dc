"""What may stand between two Server-Sent Events; apart from the encoder, which a stream of other things never loads."""

import re

__all__ = ["KEEP_ALIVE", "ends_event"]

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which a client reads and forgets."""

_TWO_LINE_ENDS = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)\Z")


def ends_event(stream: bytes) -> bool:
    """Whether another event may follow these bytes, the last ones of a stream so far: they end in a blank line."""
    return not stream or _TWO_LINE_ENDS.search(stream) is not None
