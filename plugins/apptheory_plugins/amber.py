"""How syrupy's own amber files hold a capture: as the text of a `.stream` snapshot."""

import sys
from typing import Any

from syrupy.extensions.amber.serializer import AmberDataSerializer, AmberDataSerializerPlugin

__all__ = ["AmberCapture", "teach_amber"]


class AmberCapture(AmberDataSerializerPlugin):
    """Writes captures with every byte visible, since amber itself takes CR and LF for one.

    A serializer of your own that sets `serializer_plugins` names this one too.
    """

    @classmethod
    def is_data_serializable(cls, data: Any) -> bool:
        """Whether it is a capture; nothing is, before the testkit was imported."""
        testkit = sys.modules.get("apptheory_testkit.capture")
        return testkit is not None and isinstance(data, testkit.StreamCapture)

    @classmethod
    def serialize(cls, data: Any, **kwargs: Any) -> str:
        """Give the chunks view."""
        indent = "  " * int(kwargs.get("depth", 0))
        lines = data.render().split("\n")[:-1]
        return "\n".join((f"{indent}StreamCapture(", *(f"{indent}  {line}" for line in lines), f"{indent})"))


def teach_amber() -> None:
    """Let plain `assert capture == snapshot` work."""
    known = tuple(AmberDataSerializer.serializer_plugins or ())
    if AmberCapture not in known:
        AmberDataSerializer.serializer_plugins = (*known, AmberCapture)
