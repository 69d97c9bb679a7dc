"""Paths as documents write them: as on the wire."""

import re
from urllib.parse import quote

__all__ = ["wrong_path"]

_END = re.compile(r"[?#]")
_ON_THE_WIRE = re.compile(r"[!-~]*")
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


def wrong_path(path: str) -> str | None:
    """Say what is wrong with a path and what to write instead; None for one that can be on the wire."""
    end = _END.search(path)
    if end is not None:
        what = "query" if end[0] == "?" else "fragment"
        hint = "; a query stands in input.request.query" if end[0] == "?" else ""
        return f'"{path}" has a {what}, which is no part of a path: write "{path[: end.start()]}"{hint}'
    if not _ON_THE_WIRE.fullmatch(path):
        return f'"{path}" is not percent-encoded, as paths are on the wire: write "{quote(path, safe=_VISIBLE)}"'
    return None
