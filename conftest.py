"""What pytest has to know before it looks into the folders."""

import gc
from collections.abc import Iterator

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module", autouse=True)
def small_heap() -> Iterator[None]:
    """Set aside what is there already: a garbage collection must not walk through ten thousand collected tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()  # Hypothesis, which may be loaded at the very end, asks the collector who holds what
