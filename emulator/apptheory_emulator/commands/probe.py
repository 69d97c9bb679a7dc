"""`apptheory-emulate probe TARGET`: load a function, send it one request, say what came."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from apptheory_emulator.commands.function_options import FunctionOptions, function_options
from apptheory_emulator.commands.stdio import set_up_logging, stdout_for_tools
from apptheory_streaming.environment import environment
from apptheory_streaming.errors import UsageError
from apptheory_streaming.handlers import Handler
from apptheory_streaming.streamify import is_streamified
from apptheory_streaming.target import LazyHandler

if TYPE_CHECKING:
    from apptheory_testkit import StreamCapture

__all__ = ["probe"]

SHOWN_BYTES = 200
TIMEOUT_SECONDS = 30.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@function_options
@click.option("--path", default="/", show_default=True, help="What to ask for, with its query if it has one.")
@click.option("--method", default="GET", show_default=True, help="The method of the request.")
@click.option("--header", "headers", multiple=True, metavar="NAME: VALUE", help="A header; may be repeated.")
@click.option("--data", help="The body of the request.")
@click.option(
    "--timeout",
    default=TIMEOUT_SECONDS,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds that the function may take.",
)
def probe(
    *,
    function: FunctionOptions,
    path: str,
    method: str,
    headers: tuple[str, ...],
    data: str | None,
    timeout: float,
) -> None:
    """Load a function, send it one request, and say what came.

    The exit code is 0 when the function answered, 1 when it cannot be loaded or failed.
    """
    set_up_logging()
    pairs = [_header(each) for each in headers]
    with stdout_for_tools() as stdout:
        try:
            shape = _shape_of(function)
            capture = asyncio.run(_ask(function, method, path, pairs, data, timeout))
        except UsageError as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"handler   {shape}", file=stdout)
        click.echo(f"request   {method} {path}", file=stdout)
        for line in _report(capture):
            click.echo(line, file=stdout)
    if capture.error is not None:
        raise SystemExit(1)


async def _ask(
    function: FunctionOptions,
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    data: str | None,
    timeout: float,
) -> "StreamCapture":
    from apptheory_testkit import stream_client  # noqa: PLC0415 - a server, whose command loads this, needs none of it

    target = function.make()
    close = getattr(target, "aclose", None)
    try:
        with environment(function.environment):
            client = stream_client(target, timeout=timeout, clock="real")
            return await client.request(method, path, headers=headers, content=data)
    finally:
        if close is not None:
            await close()


def _shape_of(function: FunctionOptions) -> str:
    """What is run, and of a Python handler also how it is made; raises TargetError for one that cannot be loaded."""
    what = function.target or function.asgi or function.web or function.command or ""
    if function.target is None or function.is_node:
        return what
    with environment(function.env):
        return f"{what}, {_kind_of(LazyHandler(what).load())}"


def _kind_of(handler: Handler) -> str:
    if is_streamified(handler):
        return "a streamify_response handler"
    kinds = (
        (inspect.isasyncgenfunction, "an async generator"),
        (inspect.iscoroutinefunction, "an async function"),
        (inspect.isgeneratorfunction, "a generator"),
        (inspect.isroutine, "a function"),
    )
    return next((kind for test, kind in kinds if test(handler)), f"of type {type(handler).__name__}")


def _report(capture: "StreamCapture") -> Iterator[str]:
    """Give head, body and errors, a line each."""
    yield f"status    {capture.status}"
    for name, values in capture.headers.items():
        yield f"header    {name}: {','.join(values)}"
    for cookie in capture.cookies:
        yield f"cookie    {cookie}"
    how = "in one piece" if capture.transcript.buffered else "streamed"
    chunks = f"{len(capture.chunks)} chunk{'' if len(capture.chunks) == 1 else 's'}"
    yield f"body      {how}: {chunks}, {len(capture.body)} byte{'' if len(capture.body) == 1 else 's'}"
    if capture.body:
        shown = capture.body[:SHOWN_BYTES]
        yield f"begins    {shown!r}{'…' if len(shown) < len(capture.body) else ''}"
    for note in capture.transcript.notes:
        yield f"note      {note}"
    for mutation in capture.late_mutations:
        yield f"late      {mutation}"
    if capture.error is not None:
        yield f"error     {capture.error}"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise click.BadParameter(f"{text!r} is not NAME: VALUE", param_hint="--header")
    return name.strip(), value.strip()
