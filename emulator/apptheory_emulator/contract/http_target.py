"""Documents over HTTP: the handlers in this process, behind the emulator's Function URL."""

import asyncio
from dataclasses import replace
from typing import Any

from apptheory_emulator.config import FunctionConfig, LateErrors
from apptheory_emulator.http_transport import HttpTransport
from apptheory_streaming.handlers import Handler
from apptheory_streaming.invocation import InvocationPolicy
from apptheory_streaming.wire.pacing import Pacing
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.contract import ContractCase, Handlers, TargetKind
from apptheory_testkit.contract.case_requests import case_handler, case_plan, case_request_ids, exact_faults
from apptheory_testkit.contract.handler_names import find_handler
from apptheory_testkit.contract.routes import RouteMatch
from apptheory_testkit.virtual_time.loop import VirtualLoop

__all__ = ["HttpTarget"]


class HttpTarget:
    """A server a document, on a loop in virtual time of its own."""

    label = "http"
    kind = TargetKind.HTTP

    def finds(self, name: str, handlers: Handlers) -> Handler | None:
        """Look it up."""
        return find_handler(name, handlers)

    def why_not(self, case: ContractCase) -> str | None:
        """A connection holds bytes, so a client cannot leave between two chunks."""
        if exact_faults(case):
            return "a connection holds bytes, and has no exact moment between two chunks"
        return None

    def capture(self, case: ContractCase, match: RouteMatch, handler: Handler | None) -> StreamCapture:
        """Serve the handler, and send the request."""
        transport = _DocumentTransport(
            case,
            case_handler(case, match, handler),
            front=case.options.front(case.tier),
            policy=case.options.policy(),
            request_ids=case_request_ids(case),
        )
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(transport.send(case.request, faults=case_plan(case, paced=False)))

    def close(self) -> None:
        """Each server has ended with its loop."""


class _DocumentTransport(HttpTransport):
    """Serves as a document says."""

    def __init__(self, case: ContractCase, target: Handler, **options: Any) -> None:
        super().__init__(target, **options)
        self._options = case.options

    def _config(self, policy: InvocationPolicy) -> FunctionConfig:
        pace = self._options.pace
        return replace(
            super()._config(policy),
            late_errors=LateErrors.ABORT if self._options.aborts_late_errors else LateErrors.AWS,
            pace=None if pace is None else Pacing(*pace),
        )
