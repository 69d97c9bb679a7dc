"""How one invocation went: an outcome of the handler and an outcome of the delivery."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["DeliveryKind", "DeliveryOutcome", "Ending", "HandlerKind", "HandlerOutcome"]


class Ending(StrEnum):
    """How a sink is told to finish."""

    ENDED = "ended"
    FAILED = "failed"
    """A late error; the front decides what the client sees (rule E3)."""
    CUT = "cut"
    """Close without the last chunk, whatever the front would do for an error."""


class HandlerKind(StrEnum):
    """How the handler came to its end."""

    ENDED = "ended"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class DeliveryKind(StrEnum):
    """How the response reached the client."""

    COMPLETE = "complete"
    CLIENT_GONE = "client_gone"
    CUT = "cut"


class _ComparesAsText:
    """Equality with the text form too, so that a test may say `outcome == "failed(app.conflict)"`."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) or type(other) is type(self):
            return str(self) == str(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


@dataclass(frozen=True, slots=True, eq=False)
class HandlerOutcome(_ComparesAsText):
    """How the handler ended, with its error code when it failed; reads `failed(app.internal)`."""

    kind: HandlerKind = HandlerKind.ENDED
    code: str | None = None

    def __str__(self) -> str:
        return str(self.kind) if self.code is None else f"{self.kind}({self.code})"


@dataclass(frozen=True, slots=True, eq=False)
class DeliveryOutcome(_ComparesAsText):
    """How the delivery ended; reads `client_gone(after 512 bytes)` when the client left."""

    kind: DeliveryKind = DeliveryKind.COMPLETE
    after_bytes: int | None = None

    def __str__(self) -> str:
        return str(self.kind) if self.after_bytes is None else f"{self.kind}(after {self.after_bytes} bytes)"
