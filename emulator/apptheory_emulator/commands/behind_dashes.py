"""A command that takes what stands behind `--` as words of somebody else's."""

import click

__all__ = ["CommandBehindDashes", "words_behind_dashes"]


class CommandBehindDashes(click.Command):
    """Keeps the words behind the first `--` for `words_behind_dashes`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split the arguments."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[__name__] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)


def words_behind_dashes(context: click.Context) -> list[str]:
    """Give the words behind the first `--`, none without one."""
    words: list[str] = context.meta.get(__name__, [])
    return words
