"""What all rules have in common: an id, why, the fix, and a way into cfn-lint."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from apptheory_emulator.check.parts import Path
from apptheory_emulator.check.stack import Stack

__all__ = ["API_GATEWAY", "LAMBDA", "Problem", "StreamingRule"]

LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/"
API_GATEWAY = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and at which path of the template."""

    message: str
    path: Path


class StreamingRule(CloudFormationLintRule):  # type: ignore[misc]
    """A rule of cfn-lint that looks at the parts of a stack; E is what does not work, W what may not.

    Its `description` says why, its `fix` what to do.
    """

    id: str = ""
    fix: ClassVar[str] = ""
    tags: list[str] = ["lambda", "streaming"]  # noqa: RUF012 - as cfn-lint declares it

    def find(self, stack: Stack) -> Iterator[Problem]:
        """Give what is wrong with a stack."""
        raise NotImplementedError

    def match(self, cfn: Any) -> list[Any]:
        """Give cfn-lint its matches, whose message ends in the fix."""
        stack = Stack(cfn.template, file=cfn.filename)
        return [
            RuleMatch(list(problem.path), f"{problem.message}. {self.fix}", problem=problem.message)
            for problem in self.find(stack)
        ]
