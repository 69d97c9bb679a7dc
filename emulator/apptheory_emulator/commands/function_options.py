"""The options by which a command is told which function to run, in which process, with which environment."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from dotenv import dotenv_values

from apptheory_emulator.workers.launch import NODE_ENDINGS
from apptheory_streaming.errors import TargetError, UsageError
from apptheory_streaming.target import LazyHandler, check_target

__all__ = ["FunctionOptions", "function_options", "functions_options", "said_options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOptions:
    """Which function to run, and how: one of `target`, `command`, `asgi` and `web` names it.

    Raises click.UsageError for what does not go together.
    """

    target: str | None
    command: str | None
    asgi: str | None
    web: str | None
    in_process: bool
    concurrency: int
    reload: bool
    name: str | None
    env: Mapping[str, str]

    def __post_init__(self) -> None:
        given = [each for each in (self.target, self.command, self.asgi, self.web) if each is not None]
        if len(given) != 1:
            raise click.UsageError("name one thing to run: TARGET, --exec, --asgi or --web")
        if self.in_process and (self.target is None or self.is_node):
            raise click.UsageError("--in-process is for a Python handler that TARGET names")
        if self.reload and (self.in_process or self.asgi or self.web):
            raise click.UsageError(
                "--reload replaces workers: it goes with TARGET or --exec, and not with --in-process"
            )
        for target, option in ((self.target, "TARGET"), (self.asgi, "--asgi")):
            if target is not None and not _is_node(target):
                _check(target, option)

    def name_of(self, handler: str | Callable[..., Any]) -> str:
        """Give the name of the function: that of `--name`, or else the one that its handler goes by."""
        return self.name or LazyHandler(handler).name

    @property
    def is_node(self) -> bool:
        """Whether TARGET is a file of Node."""
        return self.target is not None and _is_node(self.target)

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables to set in this process: none where a process of its own gets them."""
        return self.env if self.in_process or self.asgi else {}

    def make(self) -> str | Callable[..., Any]:
        """Give the handler, or the target of one that is to be imported into this process."""
        try:
            return self._made()
        except UsageError as error:
            raise click.UsageError(str(error)) from error

    def _made(self) -> str | Callable[..., Any]:
        if self.asgi is not None:
            from apptheory_streaming import asgi  # noqa: PLC0415 - one run needs one of the three

            return asgi(self.asgi)
        if self.web is not None:
            from apptheory_emulator.workers.web import web  # noqa: PLC0415

            return web(self.web, env=self.env, name=self.name)
        if self.in_process and self.target is not None:
            return self.target
        from apptheory_emulator.workers.worker import worker  # noqa: PLC0415

        return worker(
            self.target,
            exec=self.command,
            name=self.name,
            env=self.env,
            concurrency=self.concurrency,
            reload=self.reload,
        )


def function_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and call the command with them as `function`."""

    @functools.wraps(command)
    def called(target: str | None, **options: Any) -> None:
        given, rest = _split(options)
        command(function=_function(target, **given), **rest)

    return click.argument("target", required=False)(_with_options(called))


def functions_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for any number of targets, and call the command with `targets` and `function_of`.

    `function_of(target)` gives the FunctionOptions of one; `function_of(None)` that of an option such as --exec.
    """

    @functools.wraps(command)
    def called(targets: tuple[str, ...], **options: Any) -> None:
        given, rest = _split(options)
        if given["name"] is not None and len(targets) > 1:
            raise click.UsageError("--name names one function: leave it out, and each is called after its file")
        command(targets=targets, function_of=functools.partial(_function, **given), **rest)

    return click.argument("targets", nargs=-1, metavar="[TARGETS]...")(_with_options(called))


def said_options(context: click.Context) -> list[str]:
    """Give the options of a function that the command line has, as they are spelled."""
    said = [name for name in _NAMES if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    return [each.opts[0] for each in context.command.params if each.name in said]


def _with_options(called: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those that name a function, and those of the command itself."""
    return {name: options.pop(name) for name in _NAMES}, options


def _function(
    target: str | None, *, exec_command: str | None, asgi_app: str | None, web_command: str | None, **options: Any
) -> FunctionOptions:
    env = _environment(options.pop("pairs"), options.pop("env_file"))
    return FunctionOptions(target=target, command=exec_command, asgi=asgi_app, web=web_command, env=env, **options)


_NAMES = (
    "exec_command",
    "asgi_app",
    "web_command",
    "in_process",
    "concurrency",
    "reload",
    "name",
    "pairs",
    "env_file",
)

_OPTIONS = (
    click.option(
        "--exec",
        "exec_command",
        metavar="COMMAND",
        help="Run a program that speaks the Lambda Runtime API as the worker.",
    ),
    click.option("--asgi", "asgi_app", metavar="MODULE:APP", help="Serve an ASGI application, in this process."),
    click.option(
        "--web", "web_command", metavar="COMMAND", help="Start a web server on $PORT and forward the requests to it."
    ),
    click.option("--in-process", is_flag=True, help="Run a Python handler in this process, many requests at a time."),
    click.option(
        "--concurrency",
        default=10,
        show_default=True,
        type=click.IntRange(min=1),
        help="Workers at most, each with one request at a time; one more is answered 429.",
    ),
    click.option("--reload", is_flag=True, help="Replace the workers when files change."),
    click.option("--name", help="Name of the function; its file or module otherwise."),
    click.option("--env", "pairs", multiple=True, metavar="NAME=VALUE", help="Set a variable; may be repeated."),
    click.option(
        "--env-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Set the variables of a .env file.",
    ),
)


def _file(target: str) -> str:
    return target.rpartition(":")[0] or target


def _is_node(target: str) -> bool:
    return Path(_file(target)).suffix in NODE_ENDINGS


def _check(target: str, option: str) -> None:
    try:
        place, _ = check_target(target)
    except TargetError as error:
        others = ", or a file of Node such as `app/index.mjs:handler`; --exec runs any other program"
        raise click.BadParameter(f"{error}{others if option == 'TARGET' else ''}", param_hint=option) from error
    if place.endswith(".py") and not Path(place).is_file():
        raise click.BadParameter(f"there is no file {place!r} (looked from {Path.cwd()})", param_hint=option)


def _environment(pairs: tuple[str, ...], env_file: Path | None) -> dict[str, str]:
    """The variables of the file, overridden by those of the command line."""
    values = {name: value for name, value in dotenv_values(env_file).items() if value is not None} if env_file else {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--env")
        values[name] = value
    return values
