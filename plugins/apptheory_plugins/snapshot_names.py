"""Snapshots that the two runs of a test share: they are named as the test is, not as the run."""

import pytest
from syrupy.assertion import SnapshotAssertion

from apptheory_plugins.transport_option import plain_name

__all__ = ["share_snapshots"]


def share_snapshots(snapshot: SnapshotAssertion, item: pytest.Item) -> None:
    """Let the value of syrupy's fixture look where a run of this test over one transport would look."""
    name = plain_name(item)
    if name != item.name:
        for field in ("nodename", "testname"):  # frozen, and set this way by its own constructor
            object.__setattr__(snapshot.test_location, field, name)
