"""The command `apptheory-emulate`."""

import asyncio
import contextlib
import json
import logging
import math
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import click
from dotenv import dotenv_values

from apptheory_emulator.config import FunctionConfig, LateErrors
from apptheory_emulator.server import Emulator
from apptheory_streaming.errors import TargetError
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.target import check_target, target_name
from apptheory_streaming.wire.limits import DEFAULT_TIMEOUT_SECONDS
from apptheory_streaming.wire.pacing import PACES

__all__ = ["main"]

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


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="apptheory-streaming")
@click.argument("target")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, callback=_named, help="Address to listen on.")
@click.option("--name", help="Name of the function; its file or module otherwise.")
@click.option("--env", "pairs", multiple=True, metavar="NAME=VALUE", help="Set a variable; may be repeated.")
@click.option(
    "--env-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Set the variables of a .env file."
)
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
@click.option("--ready-json", is_flag=True, help="Print one line of JSON on stdout once it serves.")
def main(
    target: str,
    port: int,
    host: str,
    name: str | None,
    pairs: tuple[str, ...],
    env_file: Path | None,
    timeout: float,
    on_disconnect: str,
    late_errors: str,
    pace: str | None,
    *,
    ready_json: bool,
) -> None:
    """Serve the streaming Lambda handler TARGET on an emulated Function URL.

    TARGET is `path/to/file.py:handler` or `package.module:handler`.
    """
    _set_up_logging()
    config = FunctionConfig(
        name=name or target_name(target),
        target=_checked(target),
        timeout=timeout,
        env=_environment(pairs, env_file),
        on_disconnect=OnDisconnect(on_disconnect),
        late_errors=LateErrors(late_errors),
        pace=None if pace is None else PACES[pace],
    )
    if host not in _LOOPBACK:
        _log.warning("listening on %s: anyone who reaches this address can run the handler", host)
    emulator = Emulator([config], host=host, port=port)
    with _stdout_for_tools() as stdout:
        asyncio.run(_serve(emulator, f"{host}:{port}", stdout if ready_json else None))


@contextlib.contextmanager
def _stdout_for_tools() -> Iterator[TextIO]:
    """Give stdout, and lead all else that is printed, by programs that a handler starts too, to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(kept, "w", closefd=False) as stdout, contextlib.redirect_stdout(_stderr()):
            yield stdout
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _stderr() -> TextIO:
    """Open stderr once more: what a handler closes, `sys.stdout` or `sys.stderr`, must not be what others write to."""
    return open(2, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace", closefd=False)


def _set_up_logging() -> None:
    logging.basicConfig(level=logging.INFO, stream=_stderr(), format="%(asctime)s %(levelname)s %(message)s")


def _checked(target: str) -> str:
    try:
        check_target(target)
    except TargetError as error:
        raise click.BadParameter(str(error), param_hint="TARGET") from error
    return target


def _environment(pairs: tuple[str, ...], env_file: Path | None) -> dict[str, str]:
    """The variables of the file, overridden by those of the command line."""
    values = {name: value for name, value in dotenv_values(env_file).items() if value is not None} if env_file else {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--env")
        values[name] = value
    return values


async def _serve(emulator: Emulator, address: str, ready: TextIO | None) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(emulator)
        except OSError as error:
            raise click.ClickException(f"cannot listen on {address}: {error.strerror or error}") from error
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
        _log.info("serving %s on %s (%s)", function.name, function.url, function.invoke_mode)
    if ready is None:
        return
    functions = [
        {"name": function.name, "url": function.url, "invoke_mode": function.invoke_mode}
        for function in emulator.functions
    ]
    print(json.dumps({"functions": functions, "control_url": None, "pid": os.getpid()}), file=ready, flush=True)
