"""`apptheory-emulate record URL -o FILE`: store what a real endpoint streams."""

from pathlib import Path

import click

from apptheory_emulator.commands.behind_dashes import CommandBehindDashes, words_behind_dashes
from apptheory_emulator.recorder.errors import RecordError
from apptheory_streaming.errors import UsageError

__all__ = ["record_command"]


@click.command(
    "record",
    cls=CommandBehindDashes,
    context_settings={"help_option_names": ["-h", "--help"]},
    options_metavar="[OPTIONS]",
    epilog="Example: apptheory-emulate record https://example.com/chat -o chat.stream.json -- "
    "-H 'authorization: Bearer …' --json '{\"prompt\": \"Hello\"}'",
)
@click.argument("url", required=False)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file to write, such as chat.stream.json.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop after so long, and keep what came; Ctrl-C does the same.",
)
@click.option(
    "--redact",
    "names",
    multiple=True,
    metavar="NAME",
    help="A header, parameter or field of the request whose value is a secret too; may be repeated.",
)
@click.pass_context
def record_command(
    context: click.Context,
    *,
    url: str | None,
    output: Path,
    force: bool,
    max_seconds: float | None,
    names: tuple[str, ...],
) -> None:
    """Send one request to URL and store the stream that comes: head, chunks, times, how it ended.

    The request is a GET; behind `--` it takes curl's words, such as -X, -H and --json. Secrets are replaced,
    and what was replaced is said. The file is a contract document.
    """
    from apptheory_emulator.recorder.session import Session  # noqa: PLC0415 - which serving needs none of

    session = Session(
        url=url,
        words=words_behind_dashes(context),
        output=output,
        force=force,
        max_seconds=max_seconds,
        names=names,
    )
    try:
        session.run(lambda line: click.echo(line, err=True))
    except RecordError as error:
        raise click.ClickException(str(error)) from error
    except UsageError as error:
        raise click.UsageError(str(error)) from error
