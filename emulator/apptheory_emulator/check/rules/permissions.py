"""Rules on policies."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import ClassVar

from apptheory_emulator.check import base
from apptheory_emulator.check.parts import Statement
from apptheory_emulator.check.stack import Stack, referred
from apptheory_emulator.template.intrinsics import as_mapping

__all__ = ["StreamingNotAllowed", "WildcardResource"]

_STREAM = "lambda:invokewithresponsestream"
_CALL = "lambda:invokefunction"
_URL = "lambda:invokefunctionurl"


class StreamingNotAllowed(base.StreamingRule):
    """To invoke with a response stream is a permission of its own."""

    id = "E9504"
    shortdesc = "lambda:InvokeWithResponseStream is missing"
    description = (
        "Whoever streams, the role of an integration or the caller of an SDK, needs lambda:InvokeWithResponseStream; "
        "lambda:InvokeFunction alone allows the buffered invocation only."
    )
    fix: ClassVar[str] = "Add lambda:InvokeWithResponseStream to the statement, for the function's ARN"
    source_url = f"{base.API_GATEWAY}response-streaming-lambda-configure.html"

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give statements that allow the one alone, and streaming integrations whose role allows neither."""
        yield from _callers(stack)
        yield from _integrations(stack)


class WildcardResource(base.StreamingRule):
    """A permission for one function is written for one function."""

    id = "W9505"
    shortdesc = "lambda:InvokeWithResponseStream on every function"
    description = "A wildcard allows to invoke every function of the account, those that come later too."
    fix: ClassVar[str] = "Name the function, such as !GetAtt Function.Arn"
    source_url = f"{base.LAMBDA}lambda-api-permissions-ref.html"

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the resources that stand for every function."""
        for statement in stack.statements:
            if any(each.startswith("lambda:") and _covers(each, _STREAM) for each in statement.actions):
                yield from _wide(statement)


def _wide(statement: Statement) -> Iterator[base.Problem]:
    for resource in statement.resources:
        if resource == "*" or resource.endswith((":function:*", ":lambda:*", ":*:*")):
            message = f"The resource {resource!r} is every function"
            yield base.Problem(message, (*statement.path, "Resource"))


def _covers(pattern: str, action: str) -> bool:
    return fnmatchcase(action, pattern)


def _callers(stack: Stack) -> Iterator[base.Problem]:
    """Statements that allow the buffered invocation of streaming functions, of roles that may not do more."""
    for statement in stack.statements:
        functions = [name for name in map(stack.named, statement.resources) if stack.why_streaming(name)]
        names = ", ".join(name for name in functions if name)
        if not names or _CALL not in statement.actions:
            continue
        allowed = {action for each in stack.statements if each.roles & statement.roles for action in each.actions}
        if not any(_covers(action, _STREAM) or action == _URL for action in allowed):
            message = f"{names} streams, and this allows only lambda:InvokeFunction"
            yield base.Problem(message, (*statement.path, "Action"))


def _integrations(stack: Stack) -> Iterator[base.Problem]:
    """Streaming integrations with a role of this template whose policies, all in it, do not allow to stream."""
    for route in stack.routes:
        role = referred(route.get("credentials"))
        properties = as_mapping(stack.resources.get(role or "", {}).get("Properties"))
        own = [each for each in stack.statements if role in each.roles]
        if role is None or role not in stack.resources or not route.streams or "ManagedPolicyArns" in properties:
            continue
        if any(stack.named(resource) for each in own for resource in each.resources if _CALL in each.actions):
            continue  # its statement is found by itself
        if not any(_covers(action, _STREAM) for each in own for action in each.actions):
            yield base.Problem(f"{role} may not invoke with a response stream", route.at("credentials"))
