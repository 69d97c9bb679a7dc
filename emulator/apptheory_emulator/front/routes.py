"""The routes of one API, and the functions that they lead to."""

from collections.abc import Sequence
from dataclasses import dataclass

from apptheory_emulator.gateways import ANY_METHOD, Gateway
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.throttle import TokenBucket

__all__ = ["Destination", "Routes", "Way"]


@dataclass(frozen=True, slots=True)
class Destination:
    """A function, and what stands in front of it; None is its Function URL."""

    function: InProcessFunction
    gateway: Gateway | None


@dataclass(frozen=True, slots=True)
class Way:
    """Where one route leads, and how much may go there."""

    key: str
    function: InProcessFunction
    gateway: Gateway
    bucket: TokenBucket | None

    def takes(self, now: float) -> bool:
        """Whether a request that comes now, in seconds, is not one too many."""
        return self.bucket is None or self.bucket.take(now)


class Routes:
    """Finds the way of a request by the key of a route, such as `GET /users/{id}` or `$default`."""

    def __init__(self, destinations: Sequence[Destination], *, otherwise: tuple[str, ...]) -> None:
        """Take the routes of all; a function that names none has `otherwise`.

        Raises UsageError for two functions with the same route, and for two stages.
        """
        self._ways: dict[str, Way] = {}
        for destination in destinations:
            gateway = destination.gateway
            assert gateway is not None
            for key in gateway.routes or otherwise:
                bucket = None if gateway.throttle is None else TokenBucket(gateway.throttle)
                self._add(Way(key, destination.function, gateway, bucket))
        stages = {way.gateway.stage for way in self._ways.values()}
        if len(stages) > 1:
            raise UsageError(f"one API has one stage here, and these functions name {' and '.join(map(str, stages))}")

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys."""
        return tuple(self._ways)

    @property
    def resources(self) -> tuple[str, ...]:
        """The paths of the routes, without their methods."""
        return tuple(dict.fromkeys(key.partition(" ")[2] for key in self._ways))

    def by_key(self, key: str) -> Way:
        """Give the way of a route that is there."""
        return self._ways[key]

    def by_resource(self, method: str, resource: str) -> Way | None:
        """Give the way for a method of a resource: of the method itself, else that for any."""
        return self._ways.get(f"{method} {resource}") or self._ways.get(f"{ANY_METHOD} {resource}")

    def _add(self, way: Way) -> None:
        known = self._ways.setdefault(way.key, way)
        if known is not way:
            names = (known.function.config.name, way.function.config.name)
            raise UsageError(f"{' and '.join(names)} both have the route {way.key} of one API")
