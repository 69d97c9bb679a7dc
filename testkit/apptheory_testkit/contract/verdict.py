"""What came of one document on one target."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from apptheory_testkit.contract.document import ContractDocument

__all__ = ["Outcome", "Verdict"]


class Outcome(StrEnum):
    """How it went."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_HERE = "not here"
    """It cannot be shown on this target."""
    NOT_OURS = "not ours"
    """It is about AppTheory itself, and was not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A document, the target it was run on, and the lines that tell the differences, or why it was not run."""

    document: ContractDocument
    target: str
    outcome: Outcome
    differences: tuple[str, ...] = ()
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether it was run, and nothing differs."""
        return self.outcome is Outcome.PASSED

    @property
    def failed(self) -> bool:
        """Whether it was run, and something differs."""
        return self.outcome is Outcome.FAILED

    def explain(self) -> str:
        """Give a text to read: which document on which target, and what differs, expected (-) and got (+)."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.document.id} ({self.target}): {self.document.name}"
        yield f"  {self.document.file}"
        if self.reason:
            yield f"  {self.outcome}: {self.reason}"
        yield from (f"  {line}" for line in self.differences)
