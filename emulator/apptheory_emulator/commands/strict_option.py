"""The option `--strict`, and what it means for the functions of a command."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import click

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.differences import Served, When, found, told

__all__ = ["held_to_aws", "strict_option"]


class _NotOnAws(click.ClickException):
    """A function that cannot be like this on AWS: one line, and the exit code of wrong use."""

    exit_code = 2


def strict_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option, which is None where neither word is said."""
    return click.option(
        "--strict/--loose",
        "strict",
        default=None,
        help="Refuse what AWS would refuse, or serve it and say so in the log.  [default: loose]",
    )(command)


def held_to_aws(configs: Sequence[FunctionConfig], *, strict: bool | None) -> list[FunctionConfig]:
    """Give the functions, strict or not as was asked.

    Raises click.ClickException for strict ones that would be otherwise on AWS, in one line for all.
    """
    held = [config if strict is None else replace(config, strict=strict) for config in configs]
    lines = [(config.name, told(found(Served(config=config), When.START))) for config in held if config.strict]
    refused = [f"{name}: {line}" for name, line in lines if line]
    if refused:
        raise _NotOnAws(f"strict: on AWS this cannot be: {' | '.join(refused)}")
    return held
