"""Runs documents on targets, and says what holds."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from apptheory_streaming.errors import LoopError, TargetError, UsageError
from apptheory_streaming.handlers import Handler
from apptheory_testkit.capture import StreamCapture
from apptheory_testkit.contract.document import ContractCase, ContractDocument
from apptheory_testkit.contract.document_error import DocumentError, pointer_of
from apptheory_testkit.contract.expected import SeenResponse
from apptheory_testkit.contract.handler_names import Handlers
from apptheory_testkit.contract.our_expectations import our_differences
from apptheory_testkit.contract.routes import RouteMatch, match_route
from apptheory_testkit.contract.targets import IN_PROCESS, ContractTarget
from apptheory_testkit.contract.verdict import Outcome, Verdict
from apptheory_testkit.virtual_time.deadlock import DeadlockError
from apptheory_testkit.virtual_time.real_io import RealIOError

__all__ = ["run_document", "run_documents"]

_REMEDY = "run the document on a worker, whose time is real"


def run_document(document: ContractDocument, handlers: Handlers, target: ContractTarget = IN_PROCESS, /) -> Verdict:
    """Run a document on a target, and compare what comes with what it expects (rule W7).

    Raises DocumentError for a handler that `handlers` does not have, and LoopError inside a running loop.
    """
    _need_no_loop()
    case = document.case
    verdict = Verdict(document=document, target=target.label, outcome=Outcome.PASSED)
    if case is None:
        return replace(verdict, outcome=Outcome.NOT_OURS, reason=document.foreign)
    why_not = _why_not(case, target)
    if why_not is not None:
        return replace(verdict, outcome=Outcome.NOT_HERE, reason=why_not)
    found = _found(document, case, handlers, target)
    match = _match(case)
    differences = _run(case, match, found.get(match.handler or ""), target)
    return replace(verdict, outcome=Outcome.FAILED, differences=differences) if differences else verdict


def run_documents(
    documents: Iterable[ContractDocument], handlers: Handlers, targets: Sequence[ContractTarget] = (IN_PROCESS,), /
) -> Iterator[Verdict]:
    """Run each document on each target, and give the verdicts as they come; the targets stay open."""
    for document in documents:
        for target in targets:
            yield run_document(document, handlers, target)


def _why_not(case: ContractCase, target: ContractTarget) -> str | None:
    if case.options.targets and target.kind not in case.options.targets:
        return case.options.targets_why
    return target.why_not(case)


def _found(
    document: ContractDocument, case: ContractCase, handlers: Handlers, target: ContractTarget
) -> dict[str, Handler]:
    """The handlers of all its routes, of the one that is not asked for too."""
    found: dict[str, Handler] = {}
    for index, route in enumerate(case.routes):
        place = pointer_of("setup", "routes", index, "handler")
        try:
            handler = target.finds(route.handler, handlers)
        except TargetError as error:
            raise DocumentError(str(error), file=document.file, pointer=place) from error
        if handler is None:
            known = ", ".join(sorted(handlers)) or "none"
            problem = f"there is no handler {route.handler!r}; there are {known}"
            raise DocumentError(problem, file=document.file, pointer=place)
        found[route.handler] = handler
    return found


def _run(case: ContractCase, match: RouteMatch, handler: Handler | None, target: ContractTarget) -> tuple[str, ...]:
    try:
        capture = target.capture(case, match, handler)
    except (TargetError, LoopError):
        raise
    except (DeadlockError, RealIOError) as error:  # the handler's; there is no test that could be marked
        return tuple(str(error).replace(error.remedy, _REMEDY).splitlines())
    except UsageError as error:
        return tuple(str(error).splitlines())
    except SystemExit as error:
        return (f"the handler called sys.exit({error.code!r}), which ends a Lambda runtime",)
    except (asyncio.CancelledError, GeneratorExit) as error:  # nobody else does: this loop is the document's own
        return (f"the handler raised {type(error).__name__}, which is no error of a function",)
    return tuple(_differences(case, match, capture, target))


def _match(case: ContractCase) -> RouteMatch:
    """A preflight is answered before routing."""
    return RouteMatch() if case.is_preflight else match_route(case.routes, case.request.method, case.request.path)


def _differences(
    case: ContractCase, match: RouteMatch, capture: StreamCapture, target: ContractTarget
) -> Iterator[str]:
    lines = [
        *case.expected.differences(_seen(case, capture), target.kind, joined=case.event is not None),
        *our_differences(case.ours, capture, target.kind),
    ]
    yield from lines
    if lines and match.error is not None:
        there_are = ", ".join(map(str, case.routes))
        yield f"no route takes {case.request.method} {case.request.path}: there are {there_are}"
    if lines and capture.error is not None:
        yield f"the handler failed: {capture.error}"
    if lines:
        yield from (f"note: {note}" for note in capture.notes)


def _seen(case: ContractCase, capture: StreamCapture) -> SeenResponse:
    """What the client of this tier sees: all but `p0` show the id of the request, and finish CORS."""
    headers: Mapping[str, Sequence[str]] = capture.headers
    if case.is_preflight:  # the runner's own answer, which names no type
        headers = {name: values for name, values in headers.items() if name != "content-type"}
    if case.tier.request_id is not None:
        headers = {**headers, "x-request-id": [capture.request_id]}
    if case.cors is not None:
        headers = case.cors.finish(headers, case.request)
    return SeenResponse(
        status=capture.status,
        headers=headers,
        cookies=capture.cookies,
        chunks=capture.chunks,
        stream_error_code=capture.stream_error_code,
    )


def _need_no_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise LoopError("a document runs on a loop of its own: call this in a test that is not async")
