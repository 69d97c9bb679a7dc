"""How a chunk reads in a message: text as text, binary as hex."""

import re
from collections.abc import Iterable

__all__ = ["LONGEST", "is_binary", "render_chunk", "render_count", "render_lines"]

LONGEST = 96
"""How many bytes of a chunk of text a message shows; of a binary one it is a third."""

_LEAD = 24  # bytes shown before the place of interest
_HEAD, _TAIL = 16, 8  # lines shown of a long list

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
_ESCAPE = re.compile(r"\\(?:udc([89a-f][0-9a-f])|.)")
_CUT_BYTES = 3  # a UTF-8 sequence cut at an edge leaves at most three bytes


def is_binary(chunk: bytes) -> bool:
    """Whether a chunk is not text: control characters, or bytes that no cut UTF-8 sequence explains."""
    core = chunk
    for _ in range(_CUT_BYTES):
        if core and _continues(core[0]):
            core = core[1:]
    try:
        text = core.decode()
    except UnicodeDecodeError as error:
        if error.end != len(core) or error.reason != "unexpected end of data":
            return True
        text = core[: error.start].decode()
    return _CONTROL.search(text) is not None


def render_chunk(chunk: bytes, *, around: int = 0) -> str:
    """Give one line for a chunk; of a long one the part about byte `around`, and how much is left out."""
    binary = is_binary(chunk)
    length = LONGEST // 3 if binary else LONGEST
    start = max(0, min(around - _LEAD, len(chunk) - length))
    end = min(len(chunk), start + length)
    if not binary:
        start, end = _whole(chunk, start), _whole(chunk, end)
    shown = chunk[start:end].hex(" ") if binary else _quoted(chunk[start:end])
    before = f"… {start} bytes … " if start else ""
    after = f" … {len(chunk) - end} more bytes" if end < len(chunk) else ""
    return f"{before}{'hex ' if binary else ''}{shown}{after}"


def render_count(number: int, noun: str) -> str:
    """Give a number with its noun, in the plural where it is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def render_lines(lines: Iterable[str]) -> list[str]:
    """Give the lines of a list, without the middle of a long one."""
    every = list(lines)
    left_out = len(every) - _HEAD - _TAIL
    return every if left_out <= 1 else [*every[:_HEAD], f"… {left_out} more lines", *every[-_TAIL:]]


def _quoted(text: bytes) -> str:
    """Text as Python writes it; the bytes of a cut character as in a bytes literal."""
    shown = repr(text.decode("utf-8", "surrogateescape"))
    return _ESCAPE.sub(lambda found: f"\\x{found[1]}" if found[1] else found[0], shown)


def _whole(chunk: bytes, at: int) -> int:
    """Move a cut behind the character that it would go through."""
    end = min(len(chunk), at + _CUT_BYTES)
    while 0 < at < end and _continues(chunk[at]):
        at += 1
    return at


def _continues(byte: int) -> bool:
    return byte & 0xC0 == 0x80
