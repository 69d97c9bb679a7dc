"""The page on the command has every option with its default, and no option that there is not."""

import re
from pathlib import Path

import click
from click.core import Parameter

from apptheory_emulator.commands.probe import probe
from apptheory_emulator.commands.serve import serve

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "emulate.md").read_text()


def rows(heading: str = "Options") -> dict[tuple[str, ...], str]:
    """Names of an option -> its default, as the table has them."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`-[^|]*) \|([^|]*)\|", section, re.MULTILINE)
    return {tuple(re.findall(r"`(-[\w-]+)`", names)): default.strip().strip("`") for names, default in cells}


def options(command: click.Command = serve) -> list[click.Option]:
    """The options of a command, `--help` too."""
    context = command.make_context("apptheory-emulate", [], resilient_parsing=True)
    parameters: list[Parameter] = command.get_params(context)
    return [each for each in parameters if isinstance(each, click.Option)]


def test_every_option_is_on_the_page_and_every_one_on_the_page_is_there() -> None:
    """Names and short names."""
    documented = {name for names in rows() for name in names}

    assert documented == {name for option in options() for name in (*option.opts, *option.secondary_opts)}


def test_probe_has_the_options_of_the_function_and_those_on_its_part_of_the_page() -> None:
    """What a request is made of stands there; what names the function is in the first table."""
    functions = {name for names in rows() for name in names}
    own = {name for option in options(probe) for name in option.opts} - functions
    section = PAGE.partition("## probe\n")[2].partition("\n## ")[0]

    assert own == {name for name in re.findall(r"`(--[a-z]+)", section) if name != "--timeout"}


def test_the_defaults_on_the_page_are_those_of_the_command() -> None:
    """A default that changes must change on the page."""
    shown = {name: default for names, default in rows().items() for name in names}

    for option in options():
        if option.show_default and not option.is_flag:
            assert shown[option.opts[0]] == str(option.default), option.opts


def test_every_value_that_an_option_chooses_from_is_explained() -> None:
    """Each choice stands in the row of its option."""
    for option in options():
        if isinstance(option.type, click.Choice):
            row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{option.opts[0]}` |"))

            assert all(f"`{choice}`" in row for choice in option.type.choices)
