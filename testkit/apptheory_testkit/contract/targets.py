"""What documents are run on: the testkit's own target, and what another one has to be able to do."""

import asyncio
from typing import Protocol

from apptheory_streaming.handlers import Handler
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.contract.case_requests import case_handler, case_plan, case_request_ids
from apptheory_testkit.contract.document import ContractCase
from apptheory_testkit.contract.handler_names import Handlers, find_handler
from apptheory_testkit.contract.routes import RouteMatch
from apptheory_testkit.contract.target_kind import TargetKind
from apptheory_testkit.transports.in_process import InProcessTransport
from apptheory_testkit.virtual_time.loop import VirtualLoop

__all__ = ["IN_PROCESS", "ContractTarget", "InProcessTarget"]


class ContractTarget(Protocol):
    """Somewhere to run documents, one after the other."""

    @property
    def label(self) -> str:
        """Its name in tables."""
        ...

    @property
    def kind(self) -> TargetKind:
        """How much of a response it shows."""
        ...

    def finds(self, name: str, handlers: Handlers, /) -> Handler | None:
        """Give the handler of this name, None where there is none."""
        ...

    def why_not(self, case: ContractCase, /) -> str | None:
        """Say why a document cannot be shown here; None where it can."""
        ...

    def capture(self, case: ContractCase, match: RouteMatch, handler: Handler | None, /) -> StreamCapture:
        """Send the request of a document to a handler, and give what came; without one `match` has the error."""
        ...

    def close(self) -> None:
        """End what still runs."""
        ...


class InProcessTarget:
    """The handlers themselves, each document on a loop in virtual time of its own."""

    label = "in-process"
    kind = TargetKind.IN_PROCESS

    def finds(self, name: str, handlers: Handlers) -> Handler | None:
        """Look it up."""
        return find_handler(name, handlers)

    def why_not(self, case: ContractCase) -> str | None:
        """Only what needs a connection cannot be shown."""
        if case.options.aborts_late_errors:
            return "there is no connection that a late error could abort"
        return None

    def capture(self, case: ContractCase, match: RouteMatch, handler: Handler | None) -> StreamCapture:
        """Run it in virtual time."""
        transport = InProcessTransport(
            case_handler(case, match, handler),
            front=case.options.front(case.tier),
            policy=case.options.policy(),
            request_ids=case_request_ids(case),
        )
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(transport.send(case.request, faults=case_plan(case, paced=True)))

    def close(self) -> None:
        """Nothing runs on."""


IN_PROCESS = InProcessTarget()
"""The target that needs nothing but the testkit."""
