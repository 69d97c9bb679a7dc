"""`apptheory-emulate replay FILE`: serve a recorded stream again."""

from pathlib import Path

import click

from apptheory_emulator.commands.serve import serve, serve_functions
from apptheory_emulator.commands.stdio import set_up_logging
from apptheory_streaming.errors import UsageError

__all__ = ["replay"]

_SHARED = {"port", "host", "control_port", "ready_json"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--speed", default=1.0, show_default=True, type=float, help="2 is twice as fast, 0.5 half.")
@click.option("--no-wait", is_flag=True, help="Let every chunk leave at once.")
def replay(
    *, file: Path, speed: float, no_wait: bool, port: int, host: str, control_port: int | None, ready_json: bool
) -> None:
    """Answer every request with the stream of FILE: the same head, chunks and times, and a cut where it was cut.

    FILE is a recording, or any contract document with chunks.
    """
    from apptheory_emulator.recorder.replayed import replayed  # noqa: PLC0415 - which serving needs none of

    set_up_logging()
    try:
        config = replayed(file, speed=speed, wait=not no_wait)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    serve_functions([config], host=host, port=port, control_port=control_port, ready_json=ready_json)


replay.params += [each for each in serve.params if each.name in _SHARED]
