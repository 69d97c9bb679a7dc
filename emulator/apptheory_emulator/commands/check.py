"""`apptheory-emulate check TEMPLATE`: find what would keep functions from streaming on AWS."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from apptheory_streaming.errors import UsageError

if TYPE_CHECKING:
    from apptheory_emulator.check.findings import Finding

__all__ = ["check"]

_FOUND = 1
_UNREADABLE = 2


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("templates", metavar="TEMPLATE...", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json", "sarif"]),
    help="How to write what is found.",
)
def check(*, templates: tuple[str, ...], form: str) -> None:
    """Find what would keep the functions of SAM and CloudFormation templates from streaming on AWS.

    The exit code is 0 when nothing is found, 1 when something is, 2 when a template cannot be read.
    """
    from apptheory_emulator.check.formats import Format, shown  # noqa: PLC0415 - cfn-lint takes its time to load

    findings, unreadable = _checked(templates)
    text = shown(findings, form=Format(form))
    if text:
        click.echo(text)
    for message in unreadable:
        click.echo(f"apptheory-emulate check: {message}", err=True)
    raise SystemExit(_UNREADABLE if unreadable else _FOUND if findings else 0)


def _checked(templates: Iterable[str]) -> tuple[list["Finding"], list[str]]:
    from apptheory_emulator.check.findings import check_template  # noqa: PLC0415

    findings: list[Finding] = []
    unreadable: list[str] = []
    for template in templates:
        try:
            findings += check_template(template)
        except UsageError as error:
            unreadable.append(" ".join(str(error).split()))
    return findings, unreadable
