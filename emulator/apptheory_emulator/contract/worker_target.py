"""Documents in workers: the handlers in processes of their own, in any language."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from apptheory_emulator.workers.function import WorkerFunction
from apptheory_streaming.handlers import Handler
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.contract import ContractCase, Handlers, TargetKind
from apptheory_testkit.contract.case_requests import case_handler, case_plan, case_request_ids, exact_faults
from apptheory_testkit.contract.routes import RouteMatch
from apptheory_testkit.transports.in_process import InProcessTransport

__all__ = ["WorkerTarget"]

_KEPT = 32
_PATIENCE_SECONDS = 60.0


class WorkerTarget:
    """A worker a handler, on one loop in real time, which ends with `close`."""

    kind = TargetKind.WORKER

    def __init__(
        self,
        label: str,
        make: Callable[[str], WorkerFunction],
        *,
        patience: float = _PATIENCE_SECONDS,
        kept: int = _KEPT,
    ) -> None:
        """Let `make` give the worker of a handler's name; it may raise UsageError for what cannot be started.

        `patience` is how many seconds a handler has whose document sets no timeout; `kept` is how many workers
        stay for a later document, where those used longest ago end first.
        """
        self.label = label
        self._kept = kept
        self._patience = patience
        self._make = make
        self._functions: OrderedDict[str, WorkerFunction] = OrderedDict()
        self._runner: asyncio.Runner | None = None

    def finds(self, name: str, _handlers: Handlers) -> Handler:
        """Give the worker of this name; whether it has such a handler shows when it runs."""
        if name not in self._functions:
            self._functions[name] = self._make(name)
        self._functions.move_to_end(name)
        return self._functions[name]

    def why_not(self, case: ContractCase) -> str | None:
        """What is exact about chunks or times cannot be shown: a runtime cuts where it likes, in real time."""
        if exact_faults(case) or case.options.pace is not None:
            return "a worker runs in real time, and its runtime cuts chunks where it likes"
        if case.options.aborts_late_errors:
            return "there is no connection that a late error could abort"
        return None

    def capture(self, case: ContractCase, match: RouteMatch, handler: Handler | None) -> StreamCapture:
        """Hand the event of the document to the worker."""
        policy = case.options.policy()
        transport = InProcessTransport(
            case_handler(case, match, handler),
            front=case.options.front(case.tier),
            policy=replace(policy, timeout=policy.timeout or self._patience),
            request_ids=case_request_ids(case),
        )
        if self._runner is None:
            self._runner = asyncio.Runner()
        capture = self._runner.run(transport.send(case.request, faults=case_plan(case, paced=False)))
        while len(self._functions) > self._kept:
            _, oldest = self._functions.popitem(last=False)
            self._runner.run(oldest.aclose())
        return capture

    def close(self) -> None:
        """End the processes."""
        if self._runner is not None:
            for function in self._functions.values():
                self._runner.run(function.aclose())
            self._runner.close()
        self._runner = None
        self._functions.clear()
