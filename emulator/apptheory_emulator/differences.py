"""What is served here although AWS does otherwise: the one table of it.

`--strict` refuses what of it is proven; without it each is served, and one line of the log says so.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apptheory_emulator.config import FunctionConfig, LateErrors
from apptheory_emulator.gateways import IDLE_SECONDS, FrontKind, Gateway
from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.wire.cors import CorsMerge
from apptheory_streaming.wire.front import Front, FunctionUrlFront
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.limits import AWS_NUMBERS

__all__ = [
    "DIFFERENCES",
    "MAX_EVENT_BYTES",
    "Difference",
    "Proof",
    "Served",
    "When",
    "check_strict",
    "found",
    "say_at_start",
    "told",
]

_log = logging.getLogger("apptheory_emulator")

_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/"
_LIMITS = f"{_LAMBDA}gettingstarted-limits.html"
_STREAMING = f"{_LAMBDA}configuration-response-streaming.html"
_VARIABLES = f"{_LAMBDA}configuration-envvars.html"
_CREATE = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"
_READ_ON = "2026-11-21"

MAX_EVENT_BYTES = AWS_NUMBERS["buffered request"].value + 100
"""Of the JSON that a runtime is given; bodies that are not text are in it as base64, a third longer."""

_ENVIRONMENT_BYTES = 4 * 1024
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_STAGE = re.compile(r"[a-zA-Z0-9_-]{1,128}|\$default")
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_MEMORY_MB = (128, 10240)
_HTTP_API_SECONDS = (0.05, float(AWS_NUMBERS["HTTP API integration timeout"].value))

_RESERVED = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_X_AMZN_TRACE_ID",
    }
)
"""AWS's list but for `_HANDLER`, by which settings tell a command of its handler."""


class When(StrEnum):
    """When a difference shows."""

    START = "start"
    REQUEST = "request"
    RESPONSE = "response"


class Proof(StrEnum):
    """How it is known what AWS does."""

    DOCUMENTED = "documented"
    MEASURED = "measured"
    CODE = "AWS's code"
    REPORTED = "reported"
    """By users; too little to refuse anything for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What may differ: a function, then a request's event, then the head of a stream."""

    config: FunctionConfig
    front: Front | None = None
    event: Mapping[str, Any] | None = None
    head: Head | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is served here; `aws` says what AWS does instead, `find` what of it there is, None for nothing."""

    here: str
    aws: str
    proof: Proof
    source: str
    find: Callable[[Served], str | None]
    when: When = When.START
    read_on: str = _READ_ON

    @property
    def refused(self) -> bool:
        """Whether `--strict` refuses it: what is not proven is only said."""
        return self.proof is not Proof.REPORTED


def found(served: Served, when: When) -> list[tuple[Difference, str]]:
    """Give the differences there are at this moment, each with what was found."""
    known = [(each, each.find(served)) for each in DIFFERENCES.values() if each.when is when]
    return [(difference, what) for difference, what in known if what is not None]


def told(differences: Sequence[tuple[Difference, str]]) -> str:
    """Put differences into one line, empty for none."""
    return "; ".join(f"{what}: {difference.aws}" for difference, what in differences)


def check_strict(config: FunctionConfig) -> None:
    """Raise UsageError for a function that is strict and that AWS would not take as it is."""
    if config.strict and (line := told(found(Served(config=config), When.START))):
        raise UsageError(f"{config.name} is strict, and on AWS it would be otherwise: {line}")


def say_at_start(config: FunctionConfig) -> None:
    """Say in the log what of a function AWS would not take as it is, and what of its CORS no browser does."""
    if line := told(found(Served(config=config), When.START)):
        _log.warning("%s: served, but on AWS not like this: %s", config.name, line)
    for warning in () if config.cors is None else config.cors.warnings:
        _log.warning("%s: CORS: %s", config.name, warning)


def _timeout(served: Served) -> str | None:
    most, seconds = AWS_NUMBERS["function timeout"].value, served.config.timeout
    if seconds is None or (1 <= seconds <= most and seconds == int(seconds)):
        return None
    return f"a timeout of {seconds:g} s"


def _memory(served: Served) -> str | None:
    memory = getattr(getattr(served.config.target, "program", None), "memory", None)
    least, most = _MEMORY_MB
    return None if memory is None or least <= memory <= most else f"{memory} MB of memory"


def _name(served: Served) -> str | None:
    name = served.config.name
    return None if _NAME.fullmatch(name) else f"the name {name!r}"


def _variables(served: Served) -> Mapping[str, str]:
    """Those of this process and those of a worker."""
    return {**served.config.env, **getattr(getattr(served.config.target, "program", None), "env", {})}


def _reserved(served: Served) -> str | None:
    names = sorted(_RESERVED.intersection(_variables(served)))
    return f"the {_plural('variable', names)}" if names else None


def _variable_names(served: Served) -> str | None:
    allowed = _RESERVED | {"_HANDLER"}
    names = sorted(name for name in _variables(served) if name not in allowed and not _VARIABLE.fullmatch(name))
    return f"the {_plural('variable', list(map(repr, names)))}" if names else None


def _environment(served: Served) -> str | None:
    size = sum(len(name.encode()) + len(value.encode()) for name, value in _variables(served).items())
    return f"{size} bytes of variables" if size > _ENVIRONMENT_BYTES else None


def _cors_merge(served: Served) -> str | None:
    configured = served.config.cors is not None and served.config.cors_merge is CorsMerge.CONFIGURED
    return "the CORS headers of the configuration alone" if configured else None


def _late_errors(served: Served) -> str | None:
    return "a cut connection after a late error" if served.config.late_errors is LateErrors.ABORT else None


def _on_disconnect(served: Served) -> str | None:
    cancels = served.config.on_disconnect is OnDisconnect.CANCEL
    return "a handler that is cancelled when its client leaves" if cancels else None


def _gateways(served: Served) -> list[Gateway]:
    return [each for each in (served.config.gateway, *served.config.also) if each is not None]


def _stage(served: Served) -> str | None:
    stages = [each.stage for each in _gateways(served) if each.stage is not None and not _STAGE.fullmatch(each.stage)]
    return f"the stage {stages[0]!r}" if stages else None


def _http_api_timeout(served: Served) -> str | None:
    least, most = _HTTP_API_SECONDS
    given = (each.timeout for each in _gateways(served) if each.kind is FrontKind.HTTP_API)
    wrong = [seconds for seconds in given if seconds is not None and not least <= seconds <= most]
    return f"an integration timeout of {wrong[0]:g} s" if wrong else None


def _rest_idle(served: Served) -> str | None:
    silent = max((each.idle_seconds for each in _gateways(served)), default=0.0)
    return f"a stream that may be silent for {silent:g} s" if silent > IDLE_SECONDS else None


def _event(served: Served) -> str | None:
    size = _event_bytes(served.event)
    return f"an event of {size} bytes" if size > MAX_EVENT_BYTES else None


def _event_bytes(event: Mapping[str, Any] | None) -> int:
    """The size of an event as JSON, or 0 where its body shows that it is small: a character may become six."""
    body = (event or {}).get("body") or ""
    if len(body) < MAX_EVENT_BYTES // 8:
        return 0
    return len(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def _encoded(served: Served) -> str | None:
    of_url = served.head is not None and isinstance(served.front, FunctionUrlFront)
    coding = ",".join(served.head.headers.get("content-encoding", ())) if served.head is not None and of_url else ""
    return f"a stream with content-encoding {coding}" if coding not in ("", "identity") else None


def _plural(noun: str, names: Sequence[str]) -> str:
    return f"{noun}{'' if len(names) == 1 else 's'} {', '.join(names)}"


DIFFERENCES: Mapping[str, Difference] = {
    "timeout": Difference(
        here="any number of seconds as the timeout",
        aws="a function has 1 to 900 whole seconds",
        proof=Proof.DOCUMENTED,
        source=_LIMITS,
        find=_timeout,
    ),
    "memory": Difference(
        here="any number of MB as the memory",
        aws="a function has 128 to 10240 MB",
        proof=Proof.DOCUMENTED,
        source=_LIMITS,
        find=_memory,
    ),
    "name": Difference(
        here="any text as the name of a function",
        aws="a name has letters, digits, - and _, 64 of them at most",
        proof=Proof.DOCUMENTED,
        source=_CREATE,
        find=_name,
    ),
    "reserved-variables": Difference(
        here="variables that are Lambda's own, such as AWS_REGION or LAMBDA_TASK_ROOT",
        aws="they are reserved, and a configuration that sets one is refused",
        proof=Proof.DOCUMENTED,
        source=_VARIABLES,
        find=_reserved,
    ),
    "variable-names": Difference(
        here="variables of any name",
        aws="a name begins with a letter, has letters, digits and _, and two characters at least",
        proof=Proof.DOCUMENTED,
        source=_VARIABLES,
        find=_variable_names,
    ),
    "environment": Difference(
        here="any number of variables, of any length",
        aws="all of them together have 4 KB at most",
        proof=Proof.DOCUMENTED,
        source=_LIMITS,
        find=_environment,
    ),
    "cors-merge": Difference(
        here="`--cors-merge configured`: the configured CORS headers in the place of the function's",
        aws="a client gets those of the function too",
        proof=Proof.DOCUMENTED,
        source=f"{_LAMBDA}urls-configuration.html",
        find=_cors_merge,
    ),
    "late-errors": Difference(
        here="`--late-errors abort`: a connection that is cut after a late error",
        aws="the body ends as if all were well",
        proof=Proof.MEASURED,
        source=f"{_LAMBDA}runtimes-custom.html",
        find=_late_errors,
    ),
    "on-disconnect": Difference(
        here="`--on-disconnect cancel`: a handler that ends with its client",
        aws="it runs on, and is paid for",
        proof=Proof.DOCUMENTED,
        source=_STREAMING,
        find=_on_disconnect,
    ),
    "stage": Difference(
        here="a stage of any name",
        aws="a stage has letters, digits, - and _, 128 of them at most",
        proof=Proof.DOCUMENTED,
        source="https://docs.aws.amazon.com/apigateway/latest/api/API_CreateStage.html",
        find=_stage,
    ),
    "http-api-timeout": Difference(
        here="`--integration-timeout` of any length for an HTTP API",
        aws="it has from 0.05 to 30 seconds, which no quota raises",
        proof=Proof.DOCUMENTED,
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html",
        find=_http_api_timeout,
    ),
    "stream-idle": Difference(
        here="`--stream-idle` of any length",
        aws="a stream of a REST API is ended after 5 minutes of silence",
        proof=Proof.DOCUMENTED,
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html",
        find=_rest_idle,
    ),
    "event-size": Difference(
        here="a body of 6 MB that is not text, and so base64 in the event",
        aws=f"a runtime is given {MAX_EVENT_BYTES} bytes of event at most, and the request is refused",
        proof=Proof.CODE,
        source="https://github.com/aws/aws-lambda-runtime-interface-emulator",
        find=_event,
        when=When.REQUEST,
    ),
    "content-encoding": Difference(
        here="a `content-encoding` of a stream as the function says it",
        aws="a Function URL is reported to decompress it and to drop the header",
        proof=Proof.REPORTED,
        source="https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/96",
        find=_encoded,
        when=When.RESPONSE,
    ),
}
"""The differences by their ids."""
