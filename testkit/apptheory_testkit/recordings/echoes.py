"""The secrets of a recording wherever else they stand, in each of the forms that text has for them."""

import json
import re
from collections.abc import Iterable
from itertools import accumulate
from urllib.parse import quote, quote_plus, unquote

from apptheory_testkit.recordings.model import TimedChunk
from apptheory_testkit.recordings.secret_names import REDACTED

__all__ = ["Echoes"]

LEAST_ECHO = 8
"""A secret of fewer characters is not looked for elsewhere: it may be a common word."""

_MASK = b"*"


class Echoes:
    """Finds secrets in text and in bytes; without any that is long enough, nothing is found."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Look for these."""
        spellings = {each for secret in secrets for each in _spellings(secret) if len(each) >= LEAST_ECHO}
        longest_first = sorted(spellings - {REDACTED}, key=lambda each: (-len(each), each))
        encoded = [each.encode("utf-8", "surrogatepass") for each in longest_first]
        self._text = re.compile("|".join(map(re.escape, longest_first))) if encoded else None
        self._bytes = re.compile(b"|".join(map(re.escape, encoded))) if encoded else None

    def without(self, text: str) -> str:
        """Put a word in the place of each."""
        return text if self._text is None else self._text.sub(REDACTED, text)

    def without_in(self, data: bytes) -> bytes:
        """Do the same in bytes."""
        return data if self._bytes is None else self._bytes.sub(REDACTED.encode(), data)

    def masked(self, chunks: tuple[TimedChunk, ...]) -> tuple[tuple[TimedChunk, ...], int]:
        """Mask each byte by byte, across chunks, which keep their sizes; give in how many places too."""
        if self._bytes is None:
            return chunks, 0
        body = b"".join(chunk.data for chunk in chunks)
        left, places = self._bytes.subn(lambda found: _MASK * len(found[0]), body)
        ends = accumulate(len(chunk.data) for chunk in chunks)
        cut = [TimedChunk(left[end - len(chunk.data) : end], chunk.at) for chunk, end in zip(chunks, ends, strict=True)]
        return tuple(cut), places


def _spellings(secret: str) -> set[str]:
    """As it is, as addresses write it, as JSON does; of a quoted one what is in the quotes."""
    plain = {secret, secret.strip('"'), unquote(secret)}
    found = set(plain)
    for each in plain:
        encoded = each.encode("utf-8", "surrogatepass")
        in_json = {json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1]}
        found |= {quote(encoded, safe=""), quote_plus(encoded), *in_json, *(one.replace("/", r"\/") for one in in_json)}
    return found
