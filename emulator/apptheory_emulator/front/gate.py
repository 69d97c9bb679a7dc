"""What a Function URL decides before the function is asked: preflights, and who may call."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from apptheory_emulator.config import FunctionConfig
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.iam import AuthType, IamCaller
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["Gate"]

Verifier = Callable[[HttpRequest, datetime], IamCaller | Answer]


class Gate:
    """Lets requests of one function pass, or answers them; its keys are those of the environment when it is made."""

    def __init__(self, config: FunctionConfig) -> None:
        """Import the signer of AWS only where signatures are asked for."""
        self._config = config
        self._verifier = _verifier() if config.auth is AuthType.AWS_IAM else None

    def judge(self, request: HttpRequest, epoch_ms: int) -> IamCaller | Answer | None:
        """Give the answer to a request that the function does not see, or else its caller; None is anyone."""
        preflight = None if self._config.cors is None else self._config.cors.preflight(request)
        if preflight is not None:
            return preflight
        if self._verifier is None or self._config.limits.refusal(len(request.body)) is not None:
            return None  # a body over the limit was not read to its end: it is refused for that (rule L1)
        judged = self._verifier(request, datetime.fromtimestamp(epoch_ms / 1000, UTC))
        return judged if isinstance(judged, IamCaller) else self._readable(judged, request)

    def _readable(self, refusal: Answer, request: HttpRequest) -> Answer:
        """Let a page of an allowed origin read why: AWS's page says that all but preflights get these headers."""
        if self._config.cors is None:
            return refusal
        added = {name: (value,) for name, value in self._config.cors.added_to(request).items()}
        return Answer(replace(refusal.head, headers={**refusal.head.headers, **added}), refusal.body)


def _verifier() -> Verifier:
    from apptheory_emulator.front.sigv4 import AccessKey, verify  # noqa: PLC0415 - loads botocore

    key = AccessKey.of_environment(os.environ)
    return lambda request, now: verify(request, key, now=now)
