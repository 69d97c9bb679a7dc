"""What differs from front to front: which requests pass, what event they become, how answers are judged and sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_streaming.invocation import InvocationPolicy
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.events.function_url import FunctionUrl
from apptheory_streaming.wire.front import Front
from apptheory_streaming.wire.pacing import Pacing
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["Admission", "Arrival", "Door", "Refusal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request with what the server knows of it.

    `url` is where a client reached the server; `epoch_ms` is when, in milliseconds since 1970, and `now`
    the same in seconds on the loop's clock.
    """

    request: HttpRequest
    request_id: str
    trace_id: str
    epoch_ms: int
    now: float
    url: FunctionUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A request that `function` gets, and what is to become of its answer.

    `platform_headers` take the place of the function's own, `added_headers` stand beside them except for
    the names in `replaced`.  With `idle_seconds` a response that is silent for so long is cut.
    """

    function: InProcessFunction
    event: dict[str, object]
    front: Front
    policy: InvocationPolicy
    platform_headers: Mapping[str, str]
    added_headers: Mapping[str, str] = field(default_factory=dict)
    replaced: frozenset[str] = frozenset()
    pace: Pacing | None = None
    idle_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer without the function, with the headers of the platform."""

    answer: Answer
    platform_headers: Mapping[str, str]


class Door(Protocol):
    """The front of one function, or of those that share an API."""

    @property
    def max_request_bytes(self) -> int | None:
        """How much of a body has to be read to know whether it is too long."""
        ...

    @property
    def path(self) -> str:
        """What the paths of its addresses begin with, such as `/prod/`."""
        ...

    def admit(self, arrival: Arrival) -> Admission | Refusal:
        """Let a request pass, or answer it."""
        ...
