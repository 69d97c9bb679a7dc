"""Names that modules bound early, and how they are bound anew for a while."""

import subprocess
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from apptheory_testkit.virtual_time.rebinding import REAL_TIME, EarlyBindings, Swap, settle


class Thing:
    """Something that a module may have bound, and what takes its place; out of sight for the search."""

    original = object()
    replacement = object()


@pytest.fixture
def make_module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Put a module into `sys.modules`."""

    def make(name: str, **names: Any) -> Any:
        module = ModuleType(name)
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return make


def test_early_names_are_bound_anew_inside_the_block(make_module: Callable[..., Any]) -> None:
    """Whatever they are called, in every module, and given back at the end, after an error too."""
    one, other = (
        make_module("one", early=Thing.original, also=Thing.original, rest=1),
        make_module("other", renamed=Thing.original),
    )

    def block() -> None:
        with EarlyBindings().swapped([Swap(Thing.original, Thing.replacement)]):
            inside.extend((one.early, one.also, one.rest, other.renamed))
            raise KeyError

    inside: list[Any] = []
    with pytest.raises(KeyError):
        block()

    assert tuple(inside) == (Thing.replacement, Thing.replacement, 1, Thing.replacement)
    assert (one.early, one.also, one.rest, other.renamed) == (Thing.original, Thing.original, 1, Thing.original)


def test_a_module_is_searched_when_it_is_new(make_module: Callable[..., Any]) -> None:
    """Between two blocks there may be new modules, and others of the same name."""
    bindings, swaps = EarlyBindings(), [Swap(Thing.original, Thing.replacement)]
    old = make_module("one", early=Thing.original)
    with bindings.swapped(swaps):
        assert old.early is Thing.replacement
    new, added = make_module("one", late=Thing.original), make_module("two", early=Thing.original)

    with bindings.swapped(swaps):
        assert (old.early, new.late, added.early) == (Thing.original, Thing.replacement, Thing.replacement)

    assert (old.early, new.late, added.early) == (Thing.original, Thing.original, Thing.original)


def test_other_swaps_are_searched_for(make_module: Callable[..., Any]) -> None:
    """What one block replaces, another may not know."""
    bindings, module = EarlyBindings(), make_module("one", early=Thing.original, other=Thing.replacement)

    with bindings.swapped([Swap(Thing.original, "first")]):
        assert (module.early, module.other) == ("first", Thing.replacement)
    with bindings.swapped([Swap(Thing.replacement, "second")]):
        assert (module.early, module.other) == (Thing.original, "second")


def test_a_module_imported_inside_the_block_is_given_the_originals(make_module: Callable[..., Any]) -> None:
    """It bound replacements, which nobody else would take away."""
    with EarlyBindings().swapped([Swap(Thing.original, Thing.replacement)]):
        module = make_module("late", early=Thing.replacement)

    assert module.early is Thing.original


def test_what_somebody_else_bound_meanwhile_stays(make_module: Callable[..., Any]) -> None:
    """Before the block and inside it."""
    bindings, swaps = EarlyBindings(), [Swap(Thing.original, Thing.replacement)]
    module = make_module("one", early=Thing.original)
    with bindings.swapped(swaps):
        module.early = "theirs"
    assert module.early == "theirs"

    with bindings.swapped(swaps):
        assert module.early == "theirs"


def test_a_replacement_that_comes_back_after_the_block_is_settled(make_module: Callable[..., Any]) -> None:
    """A test's monkeypatch saved it, and undoes itself when the block is over."""
    module, patch = make_module("one", early=Thing.original), pytest.MonkeyPatch()
    with EarlyBindings().swapped([Swap(Thing.original, Thing.replacement)]):
        patch.setattr(module, "early", "theirs")
    settle()
    assert module.early == "theirs"

    patch.undo()
    assert module.early is Thing.replacement
    settle()

    assert module.early is Thing.original
    module.early = Thing.replacement
    settle()
    assert module.early is Thing.replacement, "what was settled is forgotten"


def test_shielded_modules_keep_their_names_and_get_the_real_module_time(make_module: Callable[..., Any]) -> None:
    """asyncio, threading and queue wait in real time; all other modules see what is in `time`."""
    shielded = make_module("queue.part", early=Thing.original, clock=time)
    users = make_module("users", early=Thing.original, clock=time)

    with EarlyBindings().swapped([Swap(Thing.original, Thing.replacement), Swap(time, REAL_TIME)]):
        assert (shielded.early, shielded.clock) == (Thing.original, REAL_TIME)
        assert (users.early, users.clock) == (Thing.replacement, time)

    assert (shielded.clock, users.clock) == (time, time)


@pytest.mark.parametrize("name", ["freezegun.part", "time_machine"])
def test_libraries_that_freeze_are_left_alone(make_module: Callable[..., Any], name: str) -> None:
    """They change the module `time` itself: it must be that, and no copy that shielded modules see."""
    module = make_module(name, early=Thing.original, clock=time)

    with EarlyBindings().swapped([Swap(Thing.original, Thing.replacement), Swap(time, REAL_TIME)]):
        assert (module.early, module.clock) == (Thing.original, time)


def test_what_is_in_sys_modules_and_no_module_is_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lazy objects and None are found there."""
    monkeypatch.setitem(sys.modules, "lazy", object())
    monkeypatch.setitem(sys.modules, "blocked", None)

    with EarlyBindings().swapped([Swap(Thing.original, Thing.replacement)]):
        assert sys.modules["blocked"] is None


def test_the_real_time_is_real_though_it_was_imported_in_a_freeze() -> None:
    """A frozen fixture may be the first to ask for us; asyncio then waits by this clock."""
    code = """
import time
originals = dict(vars(time))
from freezegun import freeze_time
with freeze_time("2020-01-01"):
    from apptheory_testkit.virtual_time.rebinding import REAL_TIME
for name in ("time", "time_ns", "monotonic", "perf_counter", "localtime", "sleep"):
    assert getattr(REAL_TIME, name) is originals[name], name
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_was_patched_when_it_was_first_seen_is_found_later(make_module: Callable[..., Any]) -> None:
    """D1: otherwise the order of the tests would decide what is virtual."""

    def sleep() -> None:
        """Have the name that modules bind."""

    holder: dict[str, Any] = {"original": sleep}
    del sleep
    bindings, swaps = EarlyBindings(), [Swap(holder["original"], Thing.replacement)]
    module = make_module("one", sleep=holder["original"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "sleep", "theirs")
        with bindings.swapped(swaps):
            assert module.sleep == "theirs"

    with bindings.swapped(swaps):
        assert module.sleep is Thing.replacement
    assert module.sleep is holder["original"]
