"""Other processes know nothing of a virtual clock."""

import asyncio
import sys

from apptheory_streaming.errors import UsageError

__all__ = ["need_real_time"]


def need_real_time() -> None:
    """Raise UsageError on a virtual loop; what brings those is not imported for that."""
    virtual = sys.modules.get("apptheory_testkit.virtual_time.loop")
    if virtual is not None and isinstance(asyncio.get_running_loop(), virtual.VirtualLoop):
        raise UsageError(
            "a worker is a process of its own and runs in real time, and this test runs in virtual time: mark it "
            '@pytest.mark.streaming(clock="real"), or let the fixture worker_client make its client'
        )
