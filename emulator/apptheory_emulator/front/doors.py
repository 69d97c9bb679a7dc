"""The door that a configuration asks for."""

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.front.alb import AlbDoor
from apptheory_emulator.front.api_gateway import HttpApiDoor, RestApiDoor
from apptheory_emulator.front.door import Door
from apptheory_emulator.front.url_door import FunctionUrlDoor
from apptheory_emulator.gateways import FrontKind

__all__ = ["door_of"]


def door_of(config: FunctionConfig) -> Door:
    """Make the door of a function."""
    gateway = config.gateway
    if gateway is None:
        return FunctionUrlDoor(config)
    if gateway.kind is FrontKind.REST_API:
        return RestApiDoor(config, gateway)
    return HttpApiDoor(config, gateway) if gateway.kind is FrontKind.HTTP_API else AlbDoor(config, gateway)
