"""`--stream-transport`: which path the requests of a test take; with `both` it runs once for each."""

from typing import Any

import pytest

from apptheory_plugins.marker import marked

__all__ = [
    "HTTP",
    "IN_PROCESS",
    "add_transport_options",
    "check_transport_option",
    "is_compared",
    "plain_name",
    "run_both",
    "transport_of",
]

IN_PROCESS = "in-process"
HTTP = "http"
BOTH = "both"
CHOICES = (IN_PROCESS, HTTP, BOTH)
FIXTURE = "stream_transport"


def add_transport_options(parser: pytest.Parser) -> None:
    """Add the option of the command line, and that of the configuration file."""
    parser.getgroup("streaming").addoption(
        "--stream-transport",
        choices=CHOICES,
        default=None,
        help="How the requests of stream_client reach a handler: in-process (the default), over HTTP to the emulator "
        "on the test's own loop, or both, where each test runs twice and fails where the responses differ.",
    )
    parser.addini("streaming_transport", "The default of --stream-transport.", default=IN_PROCESS)


def transport_of(item: pytest.Item) -> str:
    """Give the transport of a test: of its marker, else of the command line, else of the configuration."""
    config = item.config
    kind = marked(item, "transport") or config.getoption("--stream-transport") or config.getini("streaming_transport")
    if kind not in CHOICES:
        raise pytest.UsageError(f"the transport of {item.nodeid} must be {_choices()}, not {kind!r}")
    return str(kind)


def check_transport_option(config: pytest.Config) -> None:
    """Raise UsageError for a value that the option of the configuration file cannot have."""
    kind = config.getini("streaming_transport")
    if kind not in CHOICES:
        raise pytest.UsageError(f"streaming_transport must be {_choices()}, not {kind!r}")


def run_both(metafunc: pytest.Metafunc) -> None:
    """Let a test that sends requests run once for each transport, if it is to take both."""
    try:
        twice = FIXTURE in metafunc.fixturenames and transport_of(metafunc.definition) == BOTH
    except pytest.UsageError:  # said when the test is set up, so that the others run
        twice = False
    if twice:
        metafunc.parametrize(FIXTURE, [IN_PROCESS, HTTP], indirect=True)


def is_compared(item: pytest.Item) -> bool:
    """Whether this is one of two runs that must give the same; a property has other examples in each of its runs."""
    return _parameter(item) is not None and not hasattr(getattr(item, "obj", None), "hypothesis")


def plain_name(item: pytest.Item) -> str:
    """Give the name that a test has when it takes one path: `test_it[1]` for `test_it[http-1]`."""
    kind = _parameter(item)
    start, _, parameters = item.name.partition("[")
    if kind is None or not parameters.startswith(kind):
        return item.name
    rest = parameters.removeprefix(kind)
    return f"{start}[{rest[1:]}" if rest.startswith("-") else start


def _choices() -> str:
    return f"{', '.join(map(repr, CHOICES[:-1]))} or {BOTH!r}"


def _parameter(item: pytest.Item) -> str | None:
    call: Any = getattr(item, "callspec", None)
    return None if call is None else call.params.get(FIXTURE)
