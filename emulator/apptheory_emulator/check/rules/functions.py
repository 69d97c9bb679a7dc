"""Rules on functions alone."""

from collections.abc import Iterator
from typing import ClassVar

from apptheory_emulator.check import base
from apptheory_emulator.check.stack import Stack

__all__ = ["ManagedRuntimeCannotStream"]

_CANNOT = ("python", "ruby", "java")


class ManagedRuntimeCannotStream(base.StreamingRule):
    """Of the managed runtimes for scripts only Node's streams."""

    id = "E9515"
    shortdesc = "A streaming handler on a managed runtime that cannot stream"
    description = (
        "The managed runtimes of Python, Ruby and Java hand in a response as a whole; of the managed ones, Node.js "
        "streams. A wrapper (AWS_LAMBDA_EXEC_WRAPPER) may start another runtime in their place."
    )
    fix: ClassVar[str] = (
        "For Python start this project's runtime by AWS_LAMBDA_EXEC_WRAPPER or on provided.al2023; or use a custom "
        "runtime, a container image, or the Lambda Web Adapter"
    )
    source_url = f"{base.LAMBDA}configuration-response-streaming.html"

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the functions on such a runtime, without a wrapper."""
        for name, function in stack.functions.items():
            runtime = str(function.properties.get("Runtime", ""))
            why = stack.why_streaming(name)
            if why and runtime.startswith(_CANNOT) and not function.variables.get("AWS_LAMBDA_EXEC_WRAPPER"):
                yield base.Problem(f"{name} streams ({why}), and {runtime} cannot", (*function.path, "Runtime"))
