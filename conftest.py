"""What pytest has to know before it looks into the folders."""

import gc

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module", autouse=True)
def small_heap() -> None:
    """Set aside what is there already: a garbage collection must not walk through ten thousand collected tests."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let the collector see all again: Hypothesis, which may be loaded at the very end, asks it who holds what."""
    gc.unfreeze()
