"""What a transport is given for one document: a handler that gets its event, its faults, its request id."""

import inspect
from collections.abc import Awaitable
from typing import Any

from apptheory_streaming.handlers import Handler, is_async
from apptheory_streaming.response import StreamingResponse
from apptheory_streaming.streamify import is_streamified, streamify_response
from apptheory_testkit import faults
from apptheory_testkit.contract.document import ContractCase
from apptheory_testkit.contract.routes import RouteMatch
from apptheory_testkit.faults.plan import FaultPlan, plan_faults
from apptheory_testkit.request_ids import RequestIds

__all__ = ["case_handler", "case_plan", "case_request_ids", "exact_faults"]


def case_handler(case: ContractCase, match: RouteMatch, handler: Handler | None) -> Handler:
    """Give the handler as it is, or one that hands it the event of the document, or gives what routing found."""
    if handler is None:
        return _unrouted(match)
    if case.event is None and not match.parameters:
        return handler
    return _with_event(handler, _Events(case, match))


def case_plan(case: ContractCase, *, paced: bool) -> FaultPlan | None:
    """Give the faults of a document; `paced` where its pace is to be that of its reader."""
    given = list(case.options.faults)
    if paced and case.options.pace is not None:
        burst, rate = case.options.pace
        given.append(faults.pace(burst=burst, rate=rate))
    return plan_faults(given or None)


def exact_faults(case: ContractCase) -> bool:
    """Whether a document needs a moment between two chunks, or a reader's pace."""
    plan = case_plan(case, paced=False)
    return plan is not None and bool(plan.strikes or plan.readings)


def case_request_ids(case: ContractCase) -> RequestIds:
    """Give what names its request: the id of its tier, else the first of a counter."""
    return RequestIds() if case.tier.request_id is None else _OneId(case.tier.request_id)


class _OneId(RequestIds):
    """Names every request alike."""

    def __init__(self, request_id: str) -> None:
        super().__init__()
        self._id = request_id

    def next(self) -> str:
        return self._id


class _Events:
    """Makes the event of a document out of the one that the front made."""

    def __init__(self, case: ContractCase, match: RouteMatch) -> None:
        self._event = case.event
        self._parameters = dict(match.parameters)

    def of(self, made: dict[str, Any]) -> dict[str, Any]:
        event = dict(made if self._event is None else self._event)
        return event | {"pathParameters": self._parameters} if self._parameters else event


def _unrouted(match: RouteMatch) -> Handler:
    async def unrouted(_event: Any, _context: Any) -> StreamingResponse:
        if match.error is not None:
            raise match.error
        return StreamingResponse((), status=204)

    return unrouted


def _with_event(handler: Handler, events: _Events) -> Handler:
    """A handler of the same shape: one that runs on the loop goes on doing so."""
    if is_streamified(handler):

        @streamify_response
        def streamified(event: Any, stream: Any, context: Any) -> Any:
            return handler(events.of(event), stream, context)

        return _on_loop(streamified) if is_async(handler) else streamified

    def plain(event: Any, context: Any) -> Any:
        return handler(events.of(event), context)

    return _on_loop(plain) if is_async(handler) or inspect.isgeneratorfunction(handler) else plain


def _on_loop(call: Handler) -> Handler:
    async def run(*arguments: Any) -> Any:
        value = call(*arguments)
        return await value if isinstance(value, Awaitable) else value

    return streamify_response(run) if is_streamified(call) else run
