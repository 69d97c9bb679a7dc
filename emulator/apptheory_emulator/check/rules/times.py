"""Rules on timeouts."""

from collections.abc import Iterator
from typing import ClassVar

from apptheory_emulator.check import base
from apptheory_emulator.check.parts import Route, number
from apptheory_emulator.check.stack import Stack

__all__ = ["FunctionTooShort", "IntegrationTooLong", "IntegrationTooShort"]

_MOST_MILLISECONDS = 900_000
_DEFAULT_MILLISECONDS = 29_000
_DEFAULT_SECONDS = 3
_PAGE = f"{base.API_GATEWAY}response-transfer-mode.html"


class IntegrationTooLong(base.StreamingRule):
    """A streamed integration has 15 minutes."""

    id = "E9506"
    shortdesc = "The timeout of a streaming integration is above 15 minutes"
    description = (
        "API Gateway takes timeoutInMillis up to 900000 for a streamed integration, as a function runs no longer."
    )
    fix: ClassVar[str] = "Set timeoutInMillis to 900000 at most"
    source_url = _PAGE

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the timeouts."""
        for route, timeout in _timeouts(stack):
            if timeout > _MOST_MILLISECONDS:
                message = f"{timeout:.0f} ms is more than the 900000 that API Gateway takes"
                yield base.Problem(message, route.at("timeoutInMillis"))


class IntegrationTooShort(base.StreamingRule):
    """The integration should not give up before the function does."""

    id = "W9507"
    shortdesc = "A streaming integration gives up before its function does"
    description = (
        "When the integration's time is up, the client's stream ends while the function runs on and is paid for. "
        "Without timeoutInMillis that is after 29 seconds."
    )
    fix: ClassVar[str] = "Set timeoutInMillis to the function's Timeout or more, or lower the function's Timeout"
    source_url = _PAGE

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the timeouts that are below the function's."""
        for route, timeout in _timeouts(stack):
            seconds = stack.functions[route.function].timeout if route.function else None
            if seconds is not None and timeout < seconds * 1000:
                message = f"The integration ends after {timeout / 1000:g} seconds, {route.function} after {seconds:g}"
                yield base.Problem(message, route.at("timeoutInMillis"))


class FunctionTooShort(base.StreamingRule):
    """A function must live as long as its stream."""

    id = "W9508"
    shortdesc = "A streaming function that is stopped before its stream ends"
    description = (
        "A function runs for its Timeout and is then stopped in the middle of its stream; without one that is after 3 "
        "seconds. Metadata apptheory: {longest_stream: SECONDS} says how long a stream of it may take."
    )
    fix: ClassVar[str] = "Set the function's Timeout to the longest stream, 900 seconds at most"
    source_url = f"{base.LAMBDA}configuration-timeout.html"

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the functions with a Timeout below what is declared, or with none."""
        for name, function in stack.functions.items():
            longest = number(function.declared.get("longest_stream"))
            said = "Timeout" in function.properties
            timeout = function.timeout if said else _DEFAULT_SECONDS
            if timeout is None or stack.why_streaming(name) is None:
                continue
            if longest is not None and timeout < longest:
                message = f"{name} is stopped after {timeout:g} seconds; its longest stream takes {longest:g}"
                yield base.Problem(message, (*function.path, "Timeout"))
            elif longest is None and not said:
                message = f"{name} streams and says no Timeout: it is stopped after 3 seconds"
                yield base.Problem(message, function.path)


def _timeouts(stack: Stack) -> Iterator[tuple[Route, float]]:
    """Streamed integrations and the milliseconds they have."""
    for route in stack.routes:
        said = route.get("timeoutInMillis")
        timeout = _DEFAULT_MILLISECONDS if said is None else number(said)
        if route.get("responseTransferMode") == "STREAM" and not route.http_api and timeout is not None:
            yield route, timeout
