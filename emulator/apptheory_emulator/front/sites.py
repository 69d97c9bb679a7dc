"""What listens on one port each: a front of one function, or an API that several share."""

from collections.abc import Sequence
from dataclasses import dataclass

from apptheory_emulator.front.routes import Destination
from apptheory_emulator.gateways import Gateway
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_streaming.errors import UsageError

__all__ = ["Site", "sites_of"]


@dataclass(frozen=True, slots=True)
class Site:
    """Functions behind one front, and the port that was asked for it; None for none."""

    destinations: tuple[Destination, ...]
    port: int | None


def sites_of(functions: Sequence[InProcessFunction]) -> tuple[Site, ...]:
    """Give a site for each front, in the order of the functions; those of one API are one.

    A port that a function names is that of its first front.  Raises UsageError for functions of one API
    that name different ones.
    """
    fronts: dict[tuple[object, ...], list[Destination]] = {}
    for index, function in enumerate(functions):
        for number, gateway in enumerate(_gateways(function)):
            shared = gateway is not None and gateway.api is not None
            key = (gateway.kind, gateway.api) if gateway is not None and shared else (index, number)
            fronts.setdefault(key, []).append(Destination(function, gateway))
    return tuple(Site(tuple(each), _port(each)) for each in fronts.values())


def _gateways(function: InProcessFunction) -> tuple[Gateway | None, ...]:
    return (function.config.gateway, *function.config.also)


def _port(destinations: Sequence[Destination]) -> int | None:
    named = {
        each.function.config.port: each.function.config.name
        for each in destinations
        if each.gateway is each.function.config.gateway and each.function.config.port is not None
    }
    if len(named) > 1:
        wanted = " and ".join(f"{name} {port}" for port, name in named.items())
        raise UsageError(f"functions that share an API have one port, and these name several: {wanted}")
    return next(iter(named), None)
