"""`apptheory-emulate TARGET`: serve a function until a signal comes."""

import asyncio
import contextlib
import json
import logging
import math
import os
import signal
from collections.abc import Sequence
from typing import TextIO

import click

from apptheory_emulator.commands.front_options import front_options
from apptheory_emulator.commands.function_options import FunctionOptions, function_options
from apptheory_emulator.commands.stdio import set_up_logging, stdout_for_tools
from apptheory_emulator.commands.strict_option import held_to_aws, strict_option
from apptheory_emulator.commands.url_options import UrlOptions, url_options
from apptheory_emulator.config import FunctionConfig, LateErrors
from apptheory_emulator.control_server import CONTROL_PORT, ControlPort
from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_emulator.server import Emulator, ServedFunction
from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.wire.limits import DEFAULT_TIMEOUT_SECONDS
from apptheory_streaming.wire.pacing import PACES

__all__ = ["serve", "serve_functions"]

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_log = logging.getLogger("apptheory_emulator")


def _finite(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of seconds")
    return value


def _named(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("it is empty, which would mean every address; say 0.0.0.0 or :: if that is meant")
    return value


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`apptheory-emulate --config FILE` serves the functions that a file describes. "
    "Other commands: `apptheory-emulate probe TARGET` sends one request and says what came; "
    "`apptheory-emulate exec TARGETS -- COMMAND` serves while a command runs; "
    "`apptheory-emulate check TEMPLATE` finds what would keep functions from streaming on AWS; "
    "`apptheory-emulate score URL` says what holds of AWS's behaviour at an endpoint; "
    "`apptheory-emulate record URL -o FILE` stores a stream, and `apptheory-emulate replay FILE` serves it again.",
)
@click.version_option(package_name="apptheory-streaming")
@function_options
@url_options
@front_options
@click.option("--port", default=3000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free port.")
@click.option(
    "--control-port",
    default=None,
    type=click.IntRange(0, 65535),
    help=f"Port of the Invoke APIs, for AWS's SDKs.  [default: {CONTROL_PORT}, or a free one where that is taken or "
    "--port is 0]",
)
@click.option("--host", default="127.0.0.1", show_default=True, callback=_named, help="Address to listen on.")
@click.option(
    "--timeout",
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    help="Seconds that one invocation may take.",
)
@click.option(
    "--on-disconnect",
    default=OnDisconnect.CONTINUE.value,
    show_default=True,
    type=click.Choice([choice.value for choice in OnDisconnect]),
    help="What happens to a handler whose client is gone; AWS lets it run on.",
)
@click.option(
    "--late-errors",
    default=LateErrors.AWS.value,
    show_default=True,
    type=click.Choice([choice.value for choice in LateErrors]),
    help="What the client sees of an error after the first chunk: a clean end as on AWS, or a cut connection.",
)
@click.option(
    "--pace",
    default=None,
    type=click.Choice(sorted(PACES)),
    help="Let responses leave no faster than here: a burst, then a fixed rate. Without it they leave at once.",
)
@strict_option
@click.option("--ready-json", is_flag=True, help="Print one line of JSON on stdout once it serves.")
def serve(
    *,
    function: FunctionOptions,
    url: UrlOptions,
    gateway: Gateway | None,
    port: int,
    control_port: int | None,
    host: str,
    timeout: float,
    on_disconnect: str,
    late_errors: str,
    pace: str | None,
    strict: bool | None,
    ready_json: bool,
) -> None:
    """Serve a streaming Lambda handler on an emulated Function URL.

    TARGET is `path/to/file.py:handler`, `package.module:handler`, or a file of Node such as
    `app/index.mjs:handler`; each runs in workers, as on Lambda.
    """
    set_up_logging()
    handler = function.make()
    config = FunctionConfig(
        name=function.name_of(handler),
        target=handler,
        timeout=timeout,
        env=function.environment,
        on_disconnect=OnDisconnect(on_disconnect),
        late_errors=LateErrors(late_errors),
        pace=None if pace is None else PACES[pace],
        gateway=gateway,
    )
    try:
        config = url.apply(config)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    serve_functions([config], host=host, port=port, control_port=control_port, strict=strict, ready_json=ready_json)


def serve_functions(
    configs: Sequence[FunctionConfig],
    *,
    host: str,
    port: int,
    control_port: int | None,
    strict: bool | None = None,
    ready_json: bool,
) -> None:
    """Serve until a signal comes; the first function without a port of its own gets `port`."""
    if host not in _LOOPBACK:
        _log.warning("listening on %s: anyone who reaches this address can run the handler", host)
    try:
        held = held_to_aws(configs, strict=strict)
        emulator = Emulator(held, host=host, port=port, control=_control(port, control_port))
        addresses = [f"{host}:{each}" for each in emulator.ports]
        with stdout_for_tools() as stdout:
            asyncio.run(_serve(emulator, addresses, stdout if ready_json else None))
    except UsageError as error:  # functions that cannot share an API
        raise click.UsageError(str(error)) from error


def _control(port: int, control_port: int | None) -> ControlPort:
    """Take the port that was asked for, or the usual one, but a free one beside a free one."""
    if control_port is not None:
        return ControlPort(control_port, required=True)
    return ControlPort(0 if port in (0, CONTROL_PORT) else CONTROL_PORT)


async def _serve(emulator: Emulator, addresses: Sequence[str], ready: TextIO | None) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(emulator)
        except OSError as error:
            served = emulator.listening
            where = addresses[served] if served < len(addresses) else "the control port"  # which comes last
            raise click.ClickException(f"cannot listen on {where}: {error.strerror or error}") from error
        _announce(emulator, ready)
        await stop.wait()


def _stop_on_signals(stop: asyncio.Event) -> None:
    """Stop at the first signal; end at once at the second, even if a handler holds the loop."""
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def on_signal(number: int, _: object) -> None:
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt
        os.write(2, b"stopping; once more ends at once\n")  # not a log: this may interrupt one
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)


def _announce(emulator: Emulator, ready: TextIO | None) -> None:
    for function in emulator.functions:
        _log.info("serving %s on %s (%s)", function.name, function.url, _description(function))
    _log.info("Invoke APIs on %s", emulator.control_url)
    if ready is None:
        return
    functions = [
        {
            "name": function.name,
            "url": function.url,
            "invoke_mode": function.invoke_mode,
            "front": function.front,
            "routes": function.routes,
        }
        for function in emulator.functions
    ]
    told = {"functions": functions, "control_url": emulator.control_url, "pid": os.getpid()}
    print(json.dumps(told), file=ready, flush=True)


def _description(function: ServedFunction) -> str:
    """What it stands behind, which requests are its own, and what comes."""
    front = () if function.front is FrontKind.FUNCTION_URL else (function.front,)
    return ", ".join((*front, *function.routes, function.invoke_mode))
