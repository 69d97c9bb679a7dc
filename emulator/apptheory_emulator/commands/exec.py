"""`apptheory-emulate exec TARGETS -- COMMAND`: serve while a command runs, and end as it ended."""

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import click

from apptheory_emulator.commands.function_options import FunctionOptions, functions_options
from apptheory_emulator.commands.stdio import set_up_logging, stdout_for_tools
from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.control_server import ControlPort
from apptheory_emulator.server import Emulator
from apptheory_streaming.wire.limits import DEFAULT_TIMEOUT_SECONDS

__all__ = ["exec_command"]

NOT_FOUND = 127
NOT_EXECUTABLE = 126
BY_SIGNAL = 128
"""Exit codes of POSIX shells; that of a command which a signal ended is this and the signal's number."""

_log = logging.getLogger("apptheory_emulator")


class _CommandBehindDashes(click.Command):
    """Takes what stands behind `--` as the command to run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split the arguments at the first `--`."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[__name__] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)


@click.command(
    "exec",
    cls=_CommandBehindDashes,
    context_settings={"help_option_names": ["-h", "--help"]},
    options_metavar="[OPTIONS]",
    epilog="Example: apptheory-emulate exec app/index.mjs:handler -- npm test",
)
@functions_options
@click.option(
    "--timeout",
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds that one invocation may take.",
)
@click.pass_context
def exec_command(context: click.Context, *, functions: tuple[FunctionOptions, ...], timeout: float) -> None:
    """Serve functions on free ports, run a command with their URLs in its environment, and exit as it did.

    Write the command behind `--`. It finds FUNCTION_URL, the URL of the first function, and
    FUNCTION_URL_<NAME> for each, with the name in capitals, and AWS_ENDPOINT_URL_LAMBDA for AWS's SDKs.
    """
    command: list[str] = context.meta.get(__name__, [])
    if not command:
        raise click.UsageError("say what to run behind `--`: apptheory-emulate exec app.py:handler -- pytest")
    set_up_logging()
    configs = [_config(function, timeout) for function in functions]
    _check_names(configs)
    with stdout_for_tools() as stdout:
        raise SystemExit(asyncio.run(_serve_and_run(configs, command, stdout)))


def _config(function: FunctionOptions, timeout: float) -> FunctionConfig:
    handler = function.make()
    return FunctionConfig(name=function.name_of(handler), target=handler, timeout=timeout, env=function.environment)


def _check_names(configs: Sequence[FunctionConfig]) -> None:
    variables = [_variable(config.name) for config in configs]
    for variable in variables:
        if variables.count(variable) > 1:
            raise click.UsageError(f"two functions would both be {variable}: name their files differently")


async def _serve_and_run(configs: Sequence[FunctionConfig], command: Sequence[str], stdout: IO[Any]) -> int:
    async with contextlib.AsyncExitStack() as stack:
        try:  # what still streams when the command is over interests nobody
            emulator = await stack.enter_async_context(Emulator(configs, shutdown_seconds=0, control=ControlPort(0)))
        except OSError as error:
            raise click.ClickException(f"cannot listen on 127.0.0.1: {error.strerror or error}") from error
        for function in emulator.functions:
            _log.info("serving %s on %s", function.name, function.url)
        return await _run(command, {**os.environ, **_urls(emulator)}, stdout)


async def _run(command: Sequence[str], env: Mapping[str, str], stdout: IO[Any]) -> int:
    """Run the command to its end; signals are its own to answer."""
    try:
        process = await asyncio.create_subprocess_exec(*command, env=env, stdout=stdout)
    except FileNotFoundError:
        click.echo(f"Error: there is no command {command[0]!r}", err=True)
        return NOT_FOUND
    except OSError as error:
        click.echo(f"Error: {command[0]!r} cannot be run: {error.strerror or error}", err=True)
        return NOT_EXECUTABLE
    with _signals_to(process):
        code = await process.wait()
    return code if code >= 0 else BY_SIGNAL - code


@contextlib.contextmanager
def _signals_to(process: asyncio.subprocess.Process) -> Iterator[None]:
    """Hand SIGTERM on; Ctrl-C reaches the command by the terminal, and ends this when it has ended that."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, process.terminate)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)


def _urls(emulator: Emulator) -> dict[str, str]:
    first, control = emulator.functions[0].url, emulator.control_url or ""
    each = {_variable(function.name): function.url for function in emulator.functions}
    return {"FUNCTION_URL": first, "AWS_ENDPOINT_URL_LAMBDA": control, **each}


def _variable(name: str) -> str:
    return "FUNCTION_URL_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper()
