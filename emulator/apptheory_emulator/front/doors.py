"""The door that a configuration asks for."""

from collections.abc import Sequence

from apptheory_emulator.front.alb import AlbDoor
from apptheory_emulator.front.api_gateway import HttpApiDoor, RestApiDoor
from apptheory_emulator.front.door import Door
from apptheory_emulator.front.routes import Destination
from apptheory_emulator.front.url_door import FunctionUrlDoor
from apptheory_emulator.gateways import FrontKind

__all__ = ["door_of"]


def door_of(destinations: Sequence[Destination]) -> Door:
    """Make the door of a function, or of those that share an API.

    Raises UsageError for functions that cannot share one.
    """
    function, gateway = destinations[0].function, destinations[0].gateway
    if gateway is None:
        return FunctionUrlDoor(function)
    if gateway.kind is FrontKind.REST_API:
        return RestApiDoor(destinations)
    return HttpApiDoor(destinations) if gateway.kind is FrontKind.HTTP_API else AlbDoor(function, gateway)
