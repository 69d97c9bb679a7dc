"""Properties of hypothesis that use our fixtures."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from apptheory_plugins.clocks import FIXTURES, clock_of

__all__ = ["relax_hypothesis", "restoring_hypothesis"]

_SETTINGS = "_hypothesis_internal_use_settings"
_BEFORE = pytest.StashKey[tuple[Any, Any]]()


def relax_hypothesis(item: pytest.Item) -> None:
    """Take back what hypothesis would hold against a property that runs in virtual time.

    Its deadline would measure our work, and its check for fixtures that are not set up anew has no
    reason to warn of ours; of others it still does.
    """
    function: Any = getattr(item, "obj", None)
    function = getattr(function, "__func__", function)  # a method shows the settings, but takes none
    if not hasattr(function, "hypothesis") or clock_of(item) == "real":
        return
    from hypothesis import HealthCheck, settings  # noqa: PLC0415 - there, since the test uses it

    before = getattr(function, _SETTINGS, None)
    item.stash.setdefault(_BEFORE, (function, before))  # a plugin may run a test again
    usual: settings = before or settings()
    suppressed = set(usual.suppress_health_check)
    if _function_scoped(item) <= FIXTURES:
        suppressed.add(HealthCheck.function_scoped_fixture)
    setattr(function, _SETTINGS, settings(usual, deadline=None, suppress_health_check=suppressed))


@contextmanager
def restoring_hypothesis(item: pytest.Item) -> Iterator[None]:
    """Give a property its own settings back once the test is over: a subclass in real time may share the method."""
    try:
        yield
    finally:
        function, before = item.stash.get(_BEFORE, (None, None))
        if before is not None:
            setattr(function, _SETTINGS, before)
        elif function is not None:
            delattr(function, _SETTINGS)


def _function_scoped(item: pytest.Item) -> set[str]:
    """The fixtures of a test that each test gets anew and that somebody asked for."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = {} if info is None else info.name2fixturedefs
    asked = set(getattr(info, "argnames", ()))
    return {name for name, fixtures in definitions.items() if name in asked and fixtures[-1].scope == "function"}
