"""`apptheory-emulate score URL`: what holds of AWS's behaviour at an endpoint that serves the score handler."""

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apptheory_streaming.errors import StreamingError

if TYPE_CHECKING:
    from apptheory_emulator.score.card import Score, ScoreCard
    from apptheory_emulator.score.run import ScoreOptions

__all__ = ["score"]

_NOT_ALL = 1
_UNUSABLE = 2
TIMEOUT_SECONDS = 20.0


def _show_and_leave(lines: Callable[[], Iterable[str]]) -> Callable[[click.Context, click.Parameter, bool], None]:
    def show(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted:
            for line in lines():
                click.echo(line)
            ctx.exit()

    return show


def _cases() -> Iterable[str]:
    from apptheory_emulator.score.report import case_list  # noqa: PLC0415 - a server needs none of it

    return case_list()


def _handlers() -> Iterable[str]:
    import apptheory_fixtures  # noqa: PLC0415

    folder = Path(apptheory_fixtures.__file__).parent / "handlers"
    yield f"node    {folder / 'node/score.mjs'}:handler"
    yield f"python  {folder / 'python/score.py'}:handler"
    yield f"go      {folder / 'go'}, with score as its _HANDLER"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("url", required=False)
@click.option("--invoke", metavar="ENDPOINT", help="The endpoint of an Invoke API, for the cases of SDKs.")
@click.option("--name", metavar="FUNCTION", help="The name of the function behind that endpoint.")
@click.option(
    "--expect",
    default="emulator",
    show_default=True,
    type=click.Choice(["emulator", "deployed"]),
    help="Compare with an emulator's defaults, or with a function on AWS, where these differ.",
)
@click.option(
    "--format", "form", default="text", show_default=True, type=click.Choice(["text", "json"]), help="How to write it."
)
@click.option(
    "--timeout",
    default=TIMEOUT_SECONDS,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds that one answer may take.",
)
@click.option("--only", multiple=True, metavar="CASE", help="The id of a case; may be repeated.")
@click.option(
    "--handler",
    type=click.Choice(["go", "node", "python"]),
    help="Which score handler it is, where it cannot say it through an emulator.",
)
@click.option(
    "--list", is_flag=True, expose_value=False, is_eager=True, callback=_show_and_leave(_cases), help="List the cases."
)
@click.option(
    "--handlers",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_and_leave(_handlers),
    help="Say where the score handlers are.",
)
def score(
    *,
    url: str | None,
    invoke: str | None,
    name: str | None,
    expect: str,
    form: str,
    timeout: float,
    only: tuple[str, ...],
    handler: str | None,
) -> None:
    """Say what holds of AWS's behaviour at a URL that serves the score handler: an emulator, or AWS itself.

    The exit code is 0 when all holds that is proven of AWS, 1 when some of it does not, 2 when nobody
    answers or the arguments do not go together.
    """
    from apptheory_emulator.score.endpoint import Expect, Patience  # noqa: PLC0415
    from apptheory_emulator.score.run import ScoreOptions  # noqa: PLC0415

    try:
        options = ScoreOptions(
            url=url,
            invoke=invoke,
            name=name,
            expect=Expect(expect),
            handler=handler,
            only=only,
            patience=Patience(timeout=timeout),
        )
        card = asyncio.run(_scored(options, shown=form == "text"))
    except (StreamingError, OSError) as error:
        click.echo(f"apptheory-emulate score: {_unusable(error, url or invoke)}", err=True)
        raise SystemExit(_UNUSABLE) from error
    if form == "json":
        click.echo(json.dumps(card.as_json(), indent=2, ensure_ascii=False))
    raise SystemExit(0 if card.holds else _NOT_ALL)


async def _scored(options: "ScoreOptions", *, shown: bool) -> "ScoreCard":
    from apptheory_emulator.score.report import score_lines, summary_lines  # noqa: PLC0415
    from apptheory_emulator.score.run import score_endpoint  # noqa: PLC0415

    def show(each: "Score") -> None:
        if shown:
            click.echo("\n".join(score_lines(each)))

    card = await score_endpoint(options, on_score=show)
    if shown:
        click.echo("\n".join(summary_lines(card)))
    return card


def _unusable(error: Exception, where: str | None) -> str:
    """Say in one line why there is no card."""
    if isinstance(error, StreamingError):
        return str(error)
    return f"nobody answers at {where}: {str(error) or type(error).__name__}"
