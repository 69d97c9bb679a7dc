"""Which clock a test gets, and the loop that brings it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from apptheory_plugins.marker import brings_loop, is_async, marked

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "FIXTURES",
    "add_clock_options",
    "check_clock_options",
    "clock_of",
    "loop_factories",
    "loop_factory",
    "require_decided",
]

FIXTURES = frozenset({"function_url", "stream_client", "virtual_clock"})
"""Those that bring a test into virtual time; what they give knows nothing of a property's examples before."""
REAL_TIME_FIXTURE = "worker_client"
"""Keeps a test in real time, since what it gives runs in processes of their own."""
CHOICES = {
    "streaming_clock": ("virtual", "real"),
    "streaming_wall_clock": ("", "time-machine", "freezegun", "none"),
}
REAL = '@pytest.mark.streaming(clock="real")'

LoopFactory = Callable[[], "asyncio.AbstractEventLoop"]
_CLOCK = pytest.StashKey[str]()
_FACTORY = pytest.StashKey[LoopFactory]()


def add_clock_options(parser: pytest.Parser) -> None:
    """Add the options of the configuration file."""
    parser.addini("streaming_clock", "Time of tests that use our fixtures: virtual or real.", default="virtual")
    parser.addini(
        "streaming_wall_clock",
        "What freezes the wall clock in virtual time: freezegun, time-machine or none; by default what is installed.",
        default="",
    )


def check_clock_options(config: pytest.Config) -> None:
    """Raise UsageError for a value that an option of the configuration file cannot have."""
    for name, choices in CHOICES.items():
        value = config.getini(name)
        if value not in choices:
            raise pytest.UsageError(f"{name} must be {_one_of(choices)}, not {value!r}")


def clock_of(item: pytest.Item) -> str:
    """Give the clock of a test, `virtual` or `real`: of its marker, else of the configuration if it uses a fixture."""
    known = item.stash.get(_CLOCK, None)
    if known is None:
        clock = marked(item, "clock")
        fixtures = getattr(item, "fixturenames", ())
        real = FIXTURES.isdisjoint(fixtures) or REAL_TIME_FIXTURE in fixtures or brings_loop(item)
        unused = clock is None and real
        known = item.stash[_CLOCK] = "real" if unused else _checked(item, clock)
    return known


def loop_factory(config: pytest.Config, clock: str) -> LoopFactory:
    """Give what makes the loops of this clock."""
    import asyncio  # noqa: PLC0415 - heavy

    if clock == "real":
        return asyncio.new_event_loop
    if _FACTORY not in config.stash:  # always the same one, or tests that share a loop would each have their own
        config.stash[_FACTORY] = _virtual_loops(config.getini("streaming_wall_clock"))
    return config.stash[_FACTORY]


def loop_factories(item: pytest.Item, usual: Mapping[str, LoopFactory] | None) -> Mapping[str, LoopFactory]:
    """Give a test in virtual time its loop, and every other one what it would have had without us.

    pytest-asyncio takes no None once any plugin has its hook.
    """
    try:
        clock = clock_of(item)
    except pytest.UsageError:  # said when the test is set up, so that the others run
        clock = "real"
    if clock == "real" and usual is not None:
        return usual
    marker = item.get_closest_marker("asyncio")
    asked = None if marker is None else marker.kwargs.get("loop_factories")
    if asked is None:
        return {"asyncio" if clock == "real" else clock: loop_factory(item.config, clock)}
    refuse = _refuse_unknown if clock == "real" else _refuse_virtual
    return {name: partial(refuse, name) for name in asked}


def require_decided(item: pytest.Item, fixture: str) -> None:
    """Fail a test that asks for a fixture so late that its loop runs in real time already."""
    late = marked(item, "clock") is None and FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    if late and is_async(item) and _checked(item, None) == "virtual":
        pytest.fail(
            f"{fixture} came through `getfixturevalue`, too late for the virtual clock: the loop of a test is chosen "
            f"when it is collected. Name {fixture} in the arguments of the test or of one of its fixtures, "
            f"or mark the test: {REAL}",
            pytrace=False,
        )


def _virtual_loops(wall_clock: str) -> LoopFactory:
    from apptheory_streaming.options import choose  # noqa: PLC0415 - heavy
    from apptheory_testkit.virtual_time.loop import VirtualLoop  # noqa: PLC0415
    from apptheory_testkit.virtual_time.wall import WallKind, make_wall  # noqa: PLC0415

    kind = choose(WallKind, "streaming_wall_clock", wall_clock) if wall_clock else None
    return partial(VirtualLoop, wall=make_wall(kind))


def _checked(item: pytest.Item, clock: Any) -> str:
    clock = clock or item.config.getini("streaming_clock")
    if clock not in CHOICES["streaming_clock"]:
        raise pytest.UsageError(f"the clock of {item.nodeid} must be 'virtual' or 'real', not {clock!r}")
    return str(clock)


def _one_of(choices: tuple[str, ...]) -> str:
    return " or ".join(repr(choice) for choice in choices if choice)


def _refuse_unknown(name: str) -> NoReturn:
    """As pytest-asyncio refuses where no plugin has its hook, which ours has; but of one test, not of its file."""
    pytest.fail(
        f"this test asks for the loop factory {name!r}, and nothing gives one: mark.asyncio 'loop_factories' requires "
        "at least one pytest_asyncio_loop_factories hook implementation in a conftest.py or a plugin",
        pytrace=False,
    )


def _refuse_virtual(name: str) -> NoReturn:
    pytest.fail(
        f"this test asks for the loop factory {name!r} and runs in virtual time, which has a loop of its own: leave "
        f"one of them, or mark the test: {REAL}",
        pytrace=False,
    )
