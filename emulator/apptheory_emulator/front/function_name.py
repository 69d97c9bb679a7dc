"""The name by which a caller of the Lambda API means a function."""

import re
from dataclasses import dataclass

__all__ = ["LATEST", "FunctionName", "function_arn", "read_function_name"]

LATEST = "$LATEST"

_NAME = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:[a-z]{2}(?:-gov)?-[a-z]+-\d:)?(?:\d{12}:)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_-]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?"
)
"""As https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html has it, with and without its account."""


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function, and the version or alias of it that is meant; empty for none."""

    name: str
    qualifier: str = ""


def read_function_name(text: str) -> FunctionName | None:
    """Read a name, a partial ARN or an ARN, each perhaps with a qualifier; None for what is none of them."""
    found = _NAME.fullmatch(text)
    return None if found is None else FunctionName(found["name"], found["qualifier"] or "")


def function_arn(name: str, qualifier: str = "") -> str:
    """Give the ARN of a function here, as its context has it; the account is nobody's."""
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn
