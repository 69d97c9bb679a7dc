"""Places in code, written `handlers.py:35`, and which of them are a user's own."""

import asyncio
import os
import sys
from pathlib import Path
from types import CodeType, FrameType

__all__ = ["innermost_place", "is_library", "is_ours", "place_of"]

ROOMS = ("apptheory_streaming", "apptheory_testkit", "apptheory_emulator", "apptheory_plugins")
STANDARD_LIBRARY = str(Path(asyncio.__file__).parent.parent) + os.sep


def is_ours(code: CodeType) -> bool:
    """Whether code belongs to this project, of which nobody needs to hear."""
    files = [getattr(sys.modules.get(room), "__file__", None) for room in ROOMS]
    return code.co_filename.startswith(tuple(str(Path(file).parent) + os.sep for file in files if file))


def is_library(code: CodeType) -> bool:
    """Whether code belongs to this project, to the standard library or to an installed package."""
    name = code.co_filename
    return name.startswith(("<frozen", STANDARD_LIBRARY)) or "site-packages" in name or is_ours(code)


def place_of(code: CodeType, line: int) -> str:
    """Give a place as text."""
    return f"{Path(code.co_filename).name}:{line}"


def innermost_place(frame: FrameType | None) -> str | None:
    """Give the place in a user's code that a running thread has reached, None if it is in none."""
    while frame is not None:
        if not is_library(frame.f_code):
            return place_of(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return None
