"""Properties of hypothesis that use our fixtures."""

from typing import Any

import pytest

from apptheory_plugins.clocks import clock_of

__all__ = ["relax_hypothesis"]

# Each of them gives clients and servers that know nothing of the examples before.
REUSABLE = frozenset({"function_url", "stream_client", "virtual_clock"})


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

    usual: settings = getattr(function, "_hypothesis_internal_use_settings", None) or settings()
    suppressed = set(usual.suppress_health_check)
    if _function_scoped(item) <= REUSABLE:
        suppressed.add(HealthCheck.function_scoped_fixture)
    function._hypothesis_internal_use_settings = settings(  # noqa: SLF001
        usual, deadline=None, suppress_health_check=suppressed
    )


def _function_scoped(item: pytest.Item) -> set[str]:
    """The fixtures of a test that each test gets anew and that somebody asked for."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = {} if info is None else info.name2fixturedefs
    asked = set(getattr(info, "argnames", ()))
    return {name for name, fixtures in definitions.items() if name in asked and fixtures[-1].scope == "function"}
