"""The fronts of a function in TOML: `front`, and the tables `rest_api`, `http_api` and `alb`."""

from collections.abc import Mapping
from typing import Any

from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_emulator.settings.setting_error import SettingError
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from apptheory_streaming.wire.throttle import Throttle

__all__ = ["FRONT_KEYS", "read_fronts"]

_TABLES = {"rest_api": FrontKind.REST_API, "http_api": FrontKind.HTTP_API, "alb": FrontKind.ALB}
_OF_A_URL = ("invoke_mode", "auth", "cors")
_NAMES = {"multi_value_headers": "multi_value", "integration_timeout": "timeout", "stream_idle": "idle_seconds"}

FRONT_KEYS = ("front", *_TABLES)


def read_fronts(table: Mapping[str, Any]) -> dict[str, Any]:
    """Give `gateway` and `also` of a function: the front that `front` names first, then those that have a table.

    Without either it has its Function URL.  Raises SettingError.
    """
    named = [FrontKind(table["front"])] if "front" in table else []
    with_tables = [kind for name, kind in _TABLES.items() if name in table]
    kinds = list(dict.fromkeys([*named, *with_tables])) or [FrontKind.FUNCTION_URL]
    if FrontKind.FUNCTION_URL not in kinds:
        for key in _OF_A_URL:
            if key in table:
                raise SettingError('this is of a Function URL, which it has with front = "function-url"', (key,))
    gateways = [_gateway(kind, table) for kind in kinds]
    return {"gateway": gateways[0], "also": tuple(each for each in gateways[1:] if each is not None)}


def _gateway(kind: FrontKind, table: Mapping[str, Any]) -> Gateway | None:
    if kind is FrontKind.FUNCTION_URL:
        return None
    key = next(name for name, each in _TABLES.items() if each is kind)
    given: Mapping[str, Any] = table.get(key, {})
    fields: dict[str, Any] = {_NAMES.get(name, name): value for name, value in given.items()}
    try:
        for name in ("routes", "binary_media_types"):
            if name in fields:
                fields[name] = tuple(fields[name])
        if "transfer_mode" in fields:
            fields["transfer_mode"] = TransferMode(fields["transfer_mode"])
        if "throttle" in fields:
            fields["throttle"] = Throttle(**fields["throttle"])
        return Gateway(kind=kind, **fields)
    except UsageError as error:
        raise SettingError(str(error), (key,)) from error
