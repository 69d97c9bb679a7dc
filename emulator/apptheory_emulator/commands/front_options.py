"""The options that say which front a function stands behind, and what that front is told."""

import functools
import re
from collections.abc import Callable
from typing import Any

import click

from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from apptheory_streaming.wire.throttle import Throttle

__all__ = ["front_options"]

_THROTTLE = re.compile(r"(\d{1,19})/(\d{1,19}(?:\.\d{1,19})?)")


def front_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and call the command with them as `gateway`, None for a Function URL."""

    @functools.wraps(command)
    def called(
        *,
        front: str,
        stage: str | None,
        routes: tuple[str, ...],
        transfer_mode: str | None,
        binary_media_types: tuple[str, ...],
        multi_value: bool,
        throttle: Throttle | None,
        integration_timeout: float | None,
        stream_idle: float | None,
        **rest: Any,
    ) -> None:
        fields: dict[str, Any] = {
            "stage": stage,
            "routes": routes,
            "transfer_mode": None if transfer_mode is None else TransferMode(transfer_mode),
            "binary_media_types": binary_media_types,
            "multi_value": multi_value,
            "throttle": throttle,
            "timeout": integration_timeout,
            "idle_seconds": stream_idle,
        }
        command(gateway=_gateway(FrontKind(front), fields), **rest)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _gateway(kind: FrontKind, fields: dict[str, Any]) -> Gateway | None:
    given = {name: value for name, value in fields.items() if value not in ((), None, False)}
    if kind is FrontKind.FUNCTION_URL and not given:
        return None
    try:
        return Gateway(kind=kind, **given)
    except UsageError as error:
        raise click.UsageError(str(error)) from error


def _throttle(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Throttle | None:
    if value is None:
        return None
    found = _THROTTLE.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not such as 100/50: a burst of 100 requests, then 50 a second")
    try:
        return Throttle(int(found[1]), float(found[2]))
    except UsageError as error:
        raise click.BadParameter(str(error)) from error


_SECONDS = click.FloatRange(min=0, min_open=True, max=900)

_OPTIONS = (
    click.option(
        "--front",
        default=FrontKind.FUNCTION_URL.value,
        show_default=True,
        type=click.Choice([choice.value for choice in FrontKind]),
        help="What stands between clients and the function.",
    ),
    click.option("--stage", metavar="NAME", help="The stage of an API; prod for a REST API unless it is given."),
    click.option(
        "--route",
        "routes",
        multiple=True,
        metavar="ROUTE",
        help="A route of an API, such as 'GET /users/{id}'; may be repeated. Without any, all requests pass.",
    ),
    click.option(
        "--transfer-mode",
        type=click.Choice([choice.value for choice in TransferMode]),
        help="The responseTransferMode of a REST API; BUFFERED unless it is given, as on AWS.",
    ),
    click.option(
        "--binary-media-type",
        "binary_media_types",
        multiple=True,
        metavar="TYPE",
        help="A type that a REST API takes for bytes, */* for all; may be repeated.",
    ),
    click.option("--multi-value-headers", "multi_value", is_flag=True, help="The switch of a load balancer's target."),
    click.option(
        "--throttle", metavar="BURST/RATE", callback=_throttle, help="Answer 429 beyond it, an API such as 100/50."
    ),
    click.option("--integration-timeout", type=_SECONDS, metavar="SECONDS", help="29 for REST, 30 for HTTP APIs."),
    click.option("--stream-idle", type=_SECONDS, metavar="SECONDS", help="How long a REST API's stream may be silent."),
)
