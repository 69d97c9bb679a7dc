"""The command `apptheory-emulate`: it serves, unless its first word is the name of another command."""

import click

from apptheory_emulator.commands.exec import exec_command
from apptheory_emulator.commands.probe import probe
from apptheory_emulator.commands.serve import serve

__all__ = ["main"]

_SERVE = "serve"


class _ServingGroup(click.Group):
    """A group whose first command needs no name, so that `apptheory-emulate app.py:handler` serves."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = bool(args) and args[0] in self.commands
        return super().parse_args(ctx, args if named else [_SERVE, *args])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say nothing here: the help is that of `serve`, which lists the others."""


main = _ServingGroup(commands={_SERVE: serve, "probe": probe, "exec": exec_command}, add_help_option=False)
