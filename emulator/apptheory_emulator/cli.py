"""The command `apptheory-emulate`: it serves, unless its first word is the name of another command."""

import click

from apptheory_emulator.commands.check import check
from apptheory_emulator.commands.contract import contract
from apptheory_emulator.commands.exec import exec_command
from apptheory_emulator.commands.probe import probe
from apptheory_emulator.commands.record import record_command
from apptheory_emulator.commands.replay import replay
from apptheory_emulator.commands.score import score
from apptheory_emulator.commands.serve import serve
from apptheory_emulator.commands.serve_config import SETTINGS_ENDINGS, serve_config

__all__ = ["main"]

_SERVE = "serve"
_CONFIG = "--config"


class _ServingGroup(click.Group):
    """A group whose first command needs no name, so that `apptheory-emulate app.py:handler` serves."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] == [_SERVE]:
            args = _named(args[1:])
        elif not args or args[0] not in self.commands:
            args = _named(args)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say nothing here: the help is that of `serve`, which lists the others."""


def _named(args: list[str]) -> list[str]:
    """Put the command in front: a file of settings, by its ending or behind --config, is another one's."""
    for at, arg in enumerate(args):
        name, equals, file = arg.partition("=")
        if name == _CONFIG:
            return [str(serve_config.name), *args[:at], *([file] if equals else []), *args[at + 1 :]]
    if args and args[0].endswith(SETTINGS_ENDINGS):
        return [str(serve_config.name), *args]
    return [_SERVE, *args]


_COMMANDS = (serve, serve_config, check, probe, exec_command, contract, record_command, replay, score)

main = _ServingGroup(commands={str(each.name): each for each in _COMMANDS}, add_help_option=False)
