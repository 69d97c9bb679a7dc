"""How bytes stand in a snapshot: every one visible, none lost."""

import hashlib
import re

from apptheory_testkit.rendering.chunks import is_binary

__all__ = ["HEX_SHOWN", "escape", "read_payload", "render_payload", "unescape"]

HEX_SHOWN = 256
"""How many bytes of a binary chunk are shown in hex; of the rest there is a hash."""

_WIDTH = 16  # bytes in a line of hex
_MAX_NUL = 8  # of a chunk of text; the prelude of a Lambda response has eight

# What no reader sees or tells apart.  A fixed list: Unicode data differ from one Python to the next.
_HIDDEN = re.compile(
    r"[\\\x00-\x1f\x7f-\xa0\xad\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\udfff"
    r"\ufe00-\ufe0f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]| \Z"
)
_SHORT = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_NAMED = {b"\\": b"\\", b"t": b"\t", b"n": b"\n", b"r": b"\r"}
_PLAIN = re.compile(rb"[^\x21-\x7e]")


def escape(text: str) -> str:
    r"""Give one line for a text: `\r`, `\t`, `\x1b`, `\ufeff`, a blank at its end as `\x20`, `\\`.

    A lone byte, which decoding with `surrogateescape` leaves, becomes `\xe2`.
    """
    return _HIDDEN.sub(_escape_character, text)


def unescape(line: str) -> bytes:
    """Give the bytes that `escape` was made from."""
    return _ESCAPE.sub(_unescape_bytes, line.encode())


def render_payload(data: bytes) -> tuple[str, list[str]]:
    """Give what a piece is (`text 5 B`, `binary 96 B`, `empty`) and its lines behind a gutter."""
    if not data:
        return "empty", []
    if is_binary(data.replace(b"\0", b"")) or data.count(0) > _MAX_NUL:
        return f"binary {len(data)} B", list(_hex_lines(data))
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    ends_its_line = not lines[-1]
    if ends_its_line:
        lines.pop()
    size = f"text {len(data)} B"
    return size if ends_its_line else f"{size}  no-eol", [f"| {escape(line)}" if line else "|" for line in lines]


def read_payload(kind: str, lines: list[str]) -> bytes | None:
    """Give the bytes that `render_payload` was made from; None where only their hash is there."""
    if kind == "empty":
        return b""
    if kind.startswith("text"):
        text = b"\n".join(unescape(line[2:]) for line in lines)
        return text if kind.endswith("no-eol") else text + b"\n"
    if not kind.startswith("binary") or any(line.startswith("| …") for line in lines):
        return None
    return b"".join(bytes.fromhex(line[2:].split("  ")[1]) for line in lines)


def _hex_lines(data: bytes) -> list[str]:
    shown, rest = data[:HEX_SHOWN], data[HEX_SHOWN:]
    lines: list[str] = []
    for at in range(0, len(shown), _WIDTH):
        row = shown[at : at + _WIDTH]
        lines.append(f"| {at:04x}  {row.hex(' '):<{_WIDTH * 3 - 1}}  {_PLAIN.sub(b'.', row).decode('ascii')}")
    if rest:
        lines.append(f"| … {len(rest)} more B, sha256 {hashlib.sha256(rest).hexdigest()}")
    return lines


def _escape_character(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _unescape_bytes(found: re.Match[bytes]) -> bytes:
    byte, short, long, named = found.groups()
    if byte is not None:
        return bytes([int(byte, 16)])
    code = short or long
    return _NAMED[named] if code is None else chr(int(code, 16)).encode("utf-8", "surrogatepass")
