"""The Content-Disposition of a file: its name, and whether it is shown or saved.

Source: https://www.rfc-editor.org/rfc/rfc6266.
"""

import re
from urllib.parse import quote

from apptheory_streaming.errors import FrameInjection, InvalidResponse

__all__ = ["content_disposition"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def content_disposition(name: str, *, inline: bool = False) -> str:
    """Give the value of the header; a name beyond ASCII is there twice, once in ASCII for old clients.

    Raises FrameInjection for control characters, InvalidResponse for no name, or one with a slash of either kind.
    """
    if not isinstance(name, str) or not name or "/" in name or "\\" in name:
        raise InvalidResponse(f"a file name is text without / and \\, not {name!r}")
    found = _CONTROL.search(name)
    if found:
        raise FrameInjection(f"a file name must not contain {found.group()!r} (position {found.start()})")
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    kind = "inline" if inline else "attachment"
    value = f'{kind}; filename="{plain}"'
    if plain == name and "%" not in name:
        return value
    return f"{value}; filename*=UTF-8''{quote(name.encode('utf-8', 'replace'), safe='')}"
