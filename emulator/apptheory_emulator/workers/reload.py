"""Files of a function, watched for changes."""

import logging
from collections.abc import Callable
from pathlib import Path

__all__ = ["FileWatch"]

_log = logging.getLogger("apptheory_emulator.worker")


class FileWatch:
    """Hears of changes under a folder, but not of those that programs make there, such as `__pycache__`."""

    def __init__(self, folder: Path) -> None:
        """Watch nothing yet."""
        self._folder = folder

    async def follow(self, on_change: Callable[[], object]) -> None:
        """Call `on_change` for every group of changes, until this is cancelled."""
        from watchfiles import awatch  # noqa: PLC0415 - heavy, and only needed here

        async for changes in awatch(self._folder):
            names = sorted({str(Path(path).relative_to(self._folder)) for _, path in changes})
            _log.info("%s changed: requests get new workers from here on", ", ".join(names[:3]))
            on_change()
