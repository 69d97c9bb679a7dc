"""A cheap look at the file of a handler, which often tells that it streams."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["streaming_in_code"]

_ENDINGS = (".py", ".mjs", ".js", ".cjs", ".mts", ".ts", ".cts")
_STREAMS = re.compile(r"\bstreamifyResponse\s*\(|^[ \t]*(?:from|import)[ \t]+apptheory_streaming\b", re.MULTILINE)
_MOST_BYTES = 1024 * 1024


def streaming_in_code(properties: Mapping[str, Any], *, folder: Path, asset: object = None) -> str | None:
    """Say where the code of a function streams, or give None: its code is not here, or does not look like it.

    `asset` is the folder of the code where CDK made the template, whose `Code` names the bucket alone.
    """
    code = asset or properties.get("CodeUri", properties.get("Code", properties.get("InlineCode")))
    inline = code.get("ZipFile") if isinstance(code, Mapping) else properties.get("InlineCode")
    if isinstance(inline, str):
        return "its inline code" if _STREAMS.search(inline) else None
    handler = properties.get("Handler")
    if not isinstance(handler, str) or not isinstance(code, str | None):
        return None
    if code and ("://" in code or "$" in code):
        return None
    for path in _files(folder / (code or "."), handler):
        text = _read(path)
        if text is not None:
            return path.name if _STREAMS.search(text) else None
    return None


def _files(folder: Path, handler: str) -> Iterator[Path]:
    """The files in which Lambda's runtimes would look: `a/b.handler` and, for Python, `a.b.handler`."""
    module = handler.rpartition(".")[0]
    stems = dict.fromkeys((module, module.replace(".", "/")))
    return (folder / f"{stem}{ending}" for stem in stems if stem for ending in _ENDINGS)


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode(errors="replace")
    except (OSError, ValueError):
        return None
