"""What the API says of the functions that are served, for tools that look for them."""

import sys
from datetime import UTC, datetime
from typing import Any

from apptheory_emulator.front.function_name import LATEST, function_arn
from apptheory_emulator.workers.function import WorkerFunction
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_emulator.workers.program import DEFAULT_MEMORY_MB
from apptheory_streaming.wire.limits import DEFAULT_TIMEOUT_SECONDS

__all__ = ["describe_function"]

_CUSTOM_RUNTIME = "provided.al2023"
_RUNTIME_PREFIX = "AWS_Lambda_"
_STARTED = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def describe_function(function: InProcessFunction) -> dict[str, Any]:
    """Give the FunctionConfiguration (https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html)."""
    config = function.config
    runtime, handler, memory = _program(config.target)
    return {
        "FunctionName": config.name,
        "FunctionArn": function_arn(config.name),
        "Runtime": runtime,
        "Handler": handler,
        "Timeout": max(1, round(config.timeout or DEFAULT_TIMEOUT_SECONDS)),
        "MemorySize": memory,
        "Version": LATEST,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "LastModified": _STARTED,
        "PackageType": "Zip",
        "Environment": {"Variables": dict(config.env)},
    }


def _program(target: object) -> tuple[str, str, int]:
    """Runtime, handler and MB of memory."""
    if isinstance(target, WorkerFunction):
        program = target.program
        runtime = program.execution_env.removeprefix(_RUNTIME_PREFIX) or _CUSTOM_RUNTIME
        return runtime, program.handler, program.memory
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    handler = target if isinstance(target, str) else getattr(target, "__qualname__", type(target).__qualname__)
    return python, handler, DEFAULT_MEMORY_MB
