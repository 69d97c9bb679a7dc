"""Names that modules bound early, such as `from time import monotonic`, and how they are bound anew for a while."""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

__all__ = ["REAL_TIME", "EarlyBindings", "Swap", "leave", "settle"]


def _unfrozen() -> SimpleNamespace:
    """Copy the module `time`; freezegun may have been at work before we were imported, and keeps what it replaced."""
    names = {name: value for name, value in vars(time).items() if not name.startswith("__")}
    freezegun = sys.modules.get("freezegun.api")
    real = {name: getattr(freezegun, f"real_{name}", None) for name in names}
    return SimpleNamespace(**names | {name: value for name, value in real.items() if value is not None})


REAL_TIME = _unfrozen()
"""The module `time` as it is without us."""

# What waits for real threads, processes and loops, and what measures the tests themselves.
SHIELDED = frozenset(
    {
        "_pytest",
        "asyncio",
        "concurrent",
        "execnet",
        "hypothesis",
        "multiprocessing",
        "pluggy",
        "pytest",
        "pytest_timeout",
        "queue",
        "selectors",
        "subprocess",
        "threading",
        "trio",
        "xdist",
    }
)


# What has clocks of its own to put in the place of the real ones: it must find the module `time` itself.
FREEZERS = frozenset({"freezegun", "time_machine"})


@dataclass(frozen=True, slots=True)
class Swap:
    """An object that modules may have bound, and what takes its place."""

    original: Any
    replacement: Any


@dataclass(frozen=True, slots=True)
class _Binding:
    """A name of a module, which is bound to what is looked for, or will be when a test's monkeypatch is undone."""

    names: dict[str, Any]
    name: str


_left: dict[tuple[int, str], tuple[dict[str, Any], Swap]] = {}


def leave(names: dict[str, Any], name: str, swap: Swap) -> None:
    """Note that somebody has bound this name to something else, and may give it back the replacement later."""
    _left[id(names), name] = names, swap


def settle() -> None:
    """Bind the originals to names that were given back a replacement after their time: a test's monkeypatch does it."""
    for key, (names, swap) in tuple(_left.items()):
        bound = names.get(key[1])
        if bound is swap.replacement:
            names[key[1]] = swap.original
        if bound is swap.replacement or bound is swap.original:
            del _left[key]


class EarlyBindings:
    """Finds early bindings, once in a module's life, and swaps them in and out, which is quick.

    A name that somebody else has bound to something else meanwhile is left alone.  The modules
    that must see the real time get REAL_TIME in the place of the module `time`.
    """

    def __init__(self) -> None:
        """Know no module yet."""
        self._seen: dict[str, ModuleType] = {}
        self._wanted: dict[int, Any] = {}
        self._usual_names: dict[str, int] = {}
        self._found: dict[int, list[_Binding]] = {}

    @contextmanager
    def swapped(self, swaps: Iterable[Swap]) -> Iterator[None]:
        """Bind every early name to its replacement inside the block."""
        wanted = {id(swap.original): swap for swap in swaps}
        self._look(wanted)
        bindings = [
            (each.names, each.name, swap)
            for identity, swap in wanted.items()
            for each in self._found.get(identity, ())
            if each.names.get(each.name) is swap.original
        ]
        for names, name, swap in bindings:
            names[name] = swap.replacement
        try:
            yield
        finally:
            for names, name, swap in bindings:
                if names.get(name) is swap.replacement:
                    names[name] = swap.original
                else:
                    leave(names, name, swap)
            self._restore_new(wanted)

    def _look(self, swaps: Mapping[int, Swap]) -> None:
        """Search what was not there before."""
        now = dict(sys.modules)
        if now == self._seen and swaps.keys() <= self._wanted.keys():
            return
        if not swaps.keys() <= self._wanted.keys():
            self._wanted |= {identity: swap.original for identity, swap in swaps.items()}
            self._usual_names = {getattr(each, "__name__", ""): identity for identity, each in self._wanted.items()}
            self._found, self._seen = {}, {}
        old = [module for name, module in self._seen.items() if now.get(name) is not module]
        gone = {id(vars(module)) for module in old}
        for identity, bindings in self._found.items() if gone else ():
            self._found[identity] = [each for each in bindings if id(each.names) not in gone]
        for name, module in now.items():
            if self._seen.get(name) is not module and isinstance(module, ModuleType):
                self._search(name, vars(module))
        self._seen = now

    def _search(self, module_name: str, names: dict[str, Any]) -> None:
        package = module_name.partition(".")[0]
        if module_name == __name__ or package in FREEZERS:
            return
        shielded = package in SHIELDED
        for name, value in tuple(names.items()):
            identity = id(value) if id(value) in self._wanted else self._usual_names.get(name)
            if identity is not None and shielded is (value is time) and (shielded or type(value) is not ModuleType):
                self._found.setdefault(identity, []).append(_Binding(names, name))

    def _restore_new(self, swaps: Mapping[int, Swap]) -> None:
        """A module that was imported inside the block has bound replacements: give it the originals."""
        if sys.modules == self._seen:
            return
        originals = {id(swap.replacement): swap.original for swap in swaps.values()}
        for name, module in tuple(sys.modules.items()):
            if self._seen.get(name) is not module and isinstance(module, ModuleType) and name != __name__:
                names = vars(module)
                for key, value in tuple(names.items()):
                    if id(value) in originals:
                        names[key] = originals[id(value)]
