"""`apptheory-emulate exec TARGETS -- COMMAND`: serve while a command runs, and end as it ended."""

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import IO, Any

import click

from apptheory_emulator.commands.behind_dashes import CommandBehindDashes, words_behind_dashes
from apptheory_emulator.commands.function_options import FunctionOptions, functions_options, said_options
from apptheory_emulator.commands.serve_config import SETTINGS_ENDINGS
from apptheory_emulator.commands.stdio import set_up_logging, stdout_for_tools
from apptheory_emulator.commands.strict_option import held_to_aws, strict_option
from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.control_server import ControlPort
from apptheory_emulator.server import Emulator
from apptheory_emulator.settings.loading import load_settings
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.limits import DEFAULT_TIMEOUT_SECONDS

__all__ = ["exec_command"]

NOT_FOUND = 127
NOT_EXECUTABLE = 126
BY_SIGNAL = 128
"""Exit codes of POSIX shells; that of a command which a signal ended is this and the signal's number."""

_log = logging.getLogger("apptheory_emulator")


@click.command(
    "exec",
    cls=CommandBehindDashes,
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
@strict_option
@click.pass_context
def exec_command(
    context: click.Context,
    *,
    targets: tuple[str, ...],
    function_of: Callable[[str | None], FunctionOptions],
    timeout: float,
    strict: bool | None,
) -> None:
    """Serve functions on free ports, run a command with their URLs in its environment, and exit as it did.

    A target is a handler, or a file that describes functions: apptheory.toml, pyproject.toml or a template of SAM or
    CloudFormation. Write the command behind `--`. It finds FUNCTION_URL, the URL of the first function, and
    FUNCTION_URL_<NAME> for each, with the name in capitals, and AWS_ENDPOINT_URL_LAMBDA for AWS's SDKs.
    """
    command = words_behind_dashes(context)
    if not command:
        raise click.UsageError("say what to run behind `--`: apptheory-emulate exec app.py:handler -- pytest")
    set_up_logging()
    _check_options(context, targets)
    described = [config for target in targets or (None,) for config in _configs(target, function_of, timeout)]
    configs = held_to_aws(described, strict=strict)
    _check_names(configs)
    with stdout_for_tools() as stdout:
        raise SystemExit(asyncio.run(_serve_and_run(configs, command, stdout)))


def _check_options(context: click.Context, targets: Sequence[str]) -> None:
    said = said_options(context)
    if said and targets and all(map(_is_file, targets)):
        raise click.UsageError(f"{said[0]} is for a function that the command line names; {targets[0]} has its own")


def _is_file(target: str) -> bool:
    return target.endswith(SETTINGS_ENDINGS)


def _configs(
    target: str | None, function_of: Callable[[str | None], FunctionOptions], timeout: float
) -> list[FunctionConfig]:
    """The function that a target names, or those that a file describes."""
    try:
        if target is not None and _is_file(target):
            return _described(target, timeout)
        function = function_of(target)
        handler = function.make()
        name = function.name_of(handler)
        return [FunctionConfig(name=name, target=handler, timeout=timeout, env=function.environment)]
    except UsageError as error:
        raise click.UsageError(str(error)) from error


def _described(file: str, timeout: float) -> list[FunctionConfig]:
    configs = []
    for settings in load_settings(file):
        for note in settings.notes:
            _log.warning("%s", note)
        config = settings.function_config()
        configs.append(replace(config, timeout=timeout if config.timeout is None else config.timeout))
    return configs


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
        except UsageError as error:  # functions that cannot share an API
            raise click.UsageError(str(error)) from error
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
    each: dict[str, str] = {}
    for function in emulator.functions:  # one behind an API may be at several addresses
        each.setdefault(_variable(function.name), function.url)
    return {"FUNCTION_URL": first, "AWS_ENDPOINT_URL_LAMBDA": control, **each}


def _variable(name: str) -> str:
    return "FUNCTION_URL_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper()
