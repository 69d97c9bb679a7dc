"""What stands in the place of a snapshot in runs whose assertions do not count."""

import sys
from collections.abc import Mapping
from typing import Any, Self

__all__ = ["NoSnapshot", "without_snapshots"]


class NoSnapshot:
    """Equals everything, keeps nothing, and stays what it is whatever is asked of it."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __call__(self, *_: Any, **__: Any) -> Self:
        """Take any options of a snapshot."""
        return self

    def __getattr__(self, _name: str) -> Self:
        return self


def without_snapshots(fixtures: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fixtures of a test with a NoSnapshot for each of syrupy's and of ours."""
    return {name: NoSnapshot() if _is_snapshot(value) else value for name, value in fixtures.items()}


def _is_snapshot(value: object) -> bool:
    loaded = ((sys.modules.get(module), name) for module, name in _KINDS)
    return any(isinstance(value, getattr(module, name)) for module, name in loaded if module is not None)


_KINDS = (("syrupy.assertion", "SnapshotAssertion"), ("apptheory_plugins.snapshot", "StreamSnapshot"))
