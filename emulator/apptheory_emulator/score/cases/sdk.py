"""What a caller with AWS's SDK gets from the Invoke APIs, by botocore, the SDK's own parser."""

import base64
import json
from collections.abc import Awaitable, Callable

from apptheory_emulator.score import sources
from apptheory_emulator.score.case import Case, Finding, Grade, Group, Source
from apptheory_emulator.score.cases.heads import COOKIES
from apptheory_emulator.score.cases.streaming import LARGE, PausedChunks, held_together, late_chunks
from apptheory_emulator.score.endpoint import Endpoint
from apptheory_emulator.score.invoke_api import DELIMITER, ApiAnswer, ScoredApi

__all__ = ["SDK"]

NOWHERE = "no-function-has-this-name"

Ask = Callable[[ScoredApi], Awaitable[ApiAnswer]]
Judge = Callable[[ApiAnswer], bool]


def _asked(expected: str, ask: Ask, judge: Judge) -> Callable[[Endpoint], Awaitable[Finding]]:
    """Ask once, and look at the answer."""

    async def check(endpoint: Endpoint) -> Finding:
        answer = await ask(endpoint.sdk)
        holds = judge(answer)
        return Finding(holds, expected, expected if holds else str(answer))

    return check


async def _progressive(endpoint: Endpoint) -> Finding:
    """As for a URL: proved by order (see cases/streaming.py)."""
    expected = "2 of 3 chunks before the one behind them is made"
    late: list[str] = []
    for pause in endpoint.patience.pauses:
        chunks = PausedChunks(3, LARGE, pause)
        answer = await endpoint.sdk.stream("pauses", chunks.query, longer=chunks.seconds)
        if answer.body != chunks.body or answer.ended is None:
            return Finding(holds=False, expected=expected, came=str(answer))
        moments = [answer.when(LARGE), answer.when(2 * LARGE)]
        late = late_chunks(moments, pause)
        if not late:
            return Finding(holds=True, expected=expected, came=expected)
        if held_together(moments[0], answer.seconds[-1], pause):
            break
    return Finding(holds=False, expected=expected, came="; ".join(late))


def _has_prelude(answer: ApiAnswer) -> bool:
    head, delimiter, body = answer.payload.partition(DELIMITER)
    try:
        cookies = json.loads(head).get("cookies")
    except (ValueError, AttributeError):
        return False
    return (cookies, delimiter, body) == (list(COOKIES), DELIMITER, b"two") and not answer.problem


def _has_log(answer: ApiAnswer) -> bool:
    try:
        return bool(answer.log) and b"REPORT RequestId: " in base64.b64decode(answer.log or "", validate=True)
    except ValueError:
        return False


def _case(
    name: str,
    sentence: str,
    check: Callable[[Endpoint], Awaitable[Finding]],
    *,
    handler: str,
    source: Source,
    grade: Grade = Grade.PROVEN,
    inferred_for: frozenset[str] = frozenset(),
) -> Case:
    return Case(
        id=name,
        group=Group.SDK,
        sentence=sentence,
        source=source,
        grade=grade,
        handler=handler,
        check=check,
        inferred_for=inferred_for,
    )


SDK = (
    _case(
        "sdk-stream",
        "InvokeWithResponseStream gives the payload and then InvokeComplete.",
        _asked(
            "a payload that ends with b'two', InvokeComplete without an error",
            lambda api: api.stream("cookies"),
            lambda answer: answer.body == b"two" and answer.ended == {} and not answer.problem,
        ),
        handler="cookies",
        source=sources.INVOKE_STREAM,
    ),
    _case(
        "sdk-progressive",
        "Its chunks arrive before the next are made.",
        _progressive,
        handler="pauses",
        source=sources.SDK_CHUNKS,
    ),
    _case(
        "sdk-prelude",
        "The prelude and its 8 NULs are part of the payload.",
        _asked("the prelude, 8 NULs, b'two'", lambda api: api.stream("cookies"), _has_prelude),
        handler="cookies",
        source=sources.PRELUDE_IN_PAYLOAD,
        grade=Grade.INFERRED,
    ),
    _case(
        "sdk-binary",
        "Every byte there is arrives as it is.",
        _asked(
            "256 bytes, InvokeComplete",
            lambda api: api.stream("binary"),
            lambda answer: answer.payload.endswith(bytes(range(256))) and answer.ended == {},
        ),
        handler="binary",
        source=sources.INVOKE_STREAM,
    ),
    _case(
        "sdk-late-error",
        "A function that fails later has an ErrorCode in InvokeComplete, behind the bytes so far.",
        _asked(
            "a payload that ends with b'before', InvokeComplete with ErrorCode and ErrorDetails",
            lambda api: api.stream("late-error"),
            lambda answer: answer.body == b"before" and {"ErrorCode", "ErrorDetails"} <= set(answer.ended or {}),
        ),
        handler="late-error",
        source=sources.SDK_LATE_ERROR,
    ),
    _case(
        "sdk-early-error",
        "A function that fails at once has an ErrorCode in InvokeComplete, and no bytes.",
        _asked(
            "no payload, InvokeComplete with ErrorCode",
            lambda api: api.stream("early-error"),
            lambda answer: answer.payload == b"" and "ErrorCode" in (answer.ended or {}),
        ),
        handler="early-error",
        source=sources.SDK_LATE_ERROR,
        grade=Grade.INFERRED,
    ),
    _case(
        "sdk-invoke",
        "Invoke collects a stream, its prelude too.",
        _asked("the prelude, 8 NULs, b'two'", lambda api: api.invoke("cookies"), _has_prelude),
        handler="cookies",
        source=sources.PRELUDE_IN_PAYLOAD,
        grade=Grade.INFERRED,
    ),
    _case(
        "sdk-invoke-error",
        "Invoke of a function that fails has a FunctionError, and a document of the error.",
        _asked(
            "FunctionError Unhandled, a payload with errorType and errorMessage",
            lambda api: api.invoke("early-error"),
            lambda answer: answer.function_error == "Unhandled" and b'"errorType"' in answer.payload,
        ),
        handler="early-error",
        source=sources.INVOKE,
        inferred_for=frozenset({"node"}),
    ),
    _case(
        "sdk-log",
        "LogType Tail gives the end of the log.",
        _asked("a LogResult with REPORT", lambda api: api.invoke("cookies", log=True), _has_log),
        handler="cookies",
        source=sources.INVOKE,
    ),
    _case(
        "sdk-unknown",
        "A function that there is not is a ResourceNotFoundException.",
        _asked(
            "ResourceNotFoundException",
            lambda api: api.invoke("cookies", name=NOWHERE),
            lambda answer: answer.error_code == "ResourceNotFoundException",
        ),
        handler="cookies",
        source=sources.INVOKE,
    ),
)
