"""The event `data: [DONE]`, which ends the streams of OpenAI and of the AI SDK."""

import re

__all__ = ["DONE_BYTES", "ends_in_done"]

DONE_BYTES = 20
"""How many of the last bytes of a stream show whether it ends in the mark; more than the mark takes."""

_DONE = re.compile(rb"(?:\A|[\r\n])data: ?\[DONE\](?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)\Z")


def ends_in_done(stream: bytes) -> bool:
    """Whether these bytes, the last ones of a stream so far, end in the mark and its blank line."""
    return _DONE.search(stream) is not None
