"""What the contract's documents come to in each runtime: where they hold, where they differ, and why."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from apptheory_emulator import worker
from apptheory_emulator.contract.http_target import HttpTarget
from apptheory_emulator.contract.worker_target import WorkerTarget
from apptheory_testkit.contract import (
    IN_PROCESS,
    ContractDocument,
    ContractTarget,
    Outcome,
    read_document,
    shipped_documents,
)
from runtime_clients import HANDLERS

__all__ = ["DIFFERENCES", "DOCUMENTS", "TARGETS", "Expected", "expected", "table"]

DOCUMENTS: list[ContractDocument] = [read_document(path) for path in shipped_documents()]

_WORKER = WorkerTarget("worker", lambda name: worker("python", name))
TARGETS: dict[str, ContractTarget] = {
    "in-process": IN_PROCESS,
    "http": HttpTarget(),
    "python": _WORKER,
    "node": _WORKER,
    "aws-lambda-ric": _WORKER,
    "go": _WORKER,
}
"""The columns of the table, and something that knows what can be shown there."""

_NODE = re.compile(r"^export const (\w+) =", re.MULTILINE)
_GO = re.compile(r'^\t"(\w+)": +', re.MULTILINE)
_NAMES = {
    "node": frozenset(_NODE.findall((HANDLERS / "node/documents.mjs").read_text())),
    "go": frozenset(_GO.findall((HANDLERS / "go/documents.go").read_text())),
}
_NAMES["aws-lambda-ric"] = _NAMES["node"]
"""The handlers that are written in a language; Python has them all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What runtimes make of documents instead, and why; the documents are named by their ids behind the tier."""

    runtimes: tuple[str, ...]
    why: str
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """How a document has to come out on a target; `why` where that is not that it holds."""

    outcome: Outcome
    why: str = ""


DIFFERENCES = (
    Difference(
        ("node", "aws-lambda-ric", "go"),
        "The runtimes of AWS know no codes of errors: each early error is a function error, each late one is "
        "`app.internal`. The Node runtime of this project stands for AWS's, and does the same.",
        (
            "a_buffered_url_makes_an_early_error_of_a_late_one",
            "a_missing_file_is_not_found",
            "an_early_bad_request_is_a_400",
            "an_early_conflict_is_a_409",
            "an_early_error_carries_the_request_id",
            "an_early_error_with_a_code_of_its_own_is_a_500",
            "an_early_forbidden_is_a_403",
            "an_early_internal_is_a_500",
            "an_early_method_not_allowed_is_a_405",
            "an_early_not_found_is_a_404",
            "an_early_overloaded_is_a_503",
            "an_early_rate_limited_is_a_429",
            "an_early_timeout_is_a_408",
            "an_early_too_large_is_a_413",
            "an_early_unauthorized_is_a_401",
            "an_early_validation_failed_is_a_422",
            "an_error_before_the_first_chunk_replaces_the_head",
            "an_error_behind_an_empty_chunk_is_late",
            "a_late_error_keeps_what_was_sent",
            "blanks_around_a_code_do_not_count",
        ),
    ),
    Difference(
        ("node", "aws-lambda-ric", "go"),
        "JSON as JavaScript and Go write it has no blanks; awslambdaric writes some, and so does this project.",
        ("a_list_as_the_value_is_json_and_no_stream",),
    ),
    Difference(
        ("aws-lambda-ric",),
        "AWS's client for Node sends its head with the first write, so a body of nothing has none.",
        ("a_stream_without_a_chunk_keeps_its_head", "no_content_has_an_empty_stream", "nothing_as_the_body_is_an_empty_body"),
    ),
    Difference(
        ("go",),
        "AWS's library for Go sends the head before it reads the body, so an error of the body is a late one.",
        ("a_failing_generator_without_a_code_is_a_function_error",),
    ),
)  # fmt: skip

_PYTHON_ALONE = "There is no such handler in this language: it is about a shape or a helper of Python."
_STREAMED_VALUES = frozenset({"a_dict_whose_body_is_a_stream_is_a_stream", "a_stream_in_base64_is_a_function_error"})
"""Values of `the_value_of_the_path` that Python alone has."""


def expected(document: ContractDocument, target: str) -> Expected:
    """How this document has to come out on this target."""
    case = document.case
    assert case is not None
    if case.options.targets and TARGETS[target].kind not in case.options.targets:
        return Expected(Outcome.NOT_HERE, case.options.targets_why or "")
    why_not = TARGETS[target].why_not(case)
    if why_not is not None:
        return Expected(Outcome.NOT_HERE, f"{why_not[0].upper()}{why_not[1:]}.")
    if target in _NAMES and (_short(document) in _STREAMED_VALUES or not _has_handlers(document, target)):
        return Expected(Outcome.NOT_HERE, _PYTHON_ALONE)
    for difference in DIFFERENCES:
        if target in difference.runtimes and _short(document) in difference.documents:
            return Expected(Outcome.FAILED, difference.why)
    return Expected(Outcome.PASSED)


def _has_handlers(document: ContractDocument, target: str) -> bool:
    assert document.case is not None
    return all(route.handler in _NAMES[target] for route in document.case.routes)


def _short(document: ContractDocument) -> str:
    return document.id.partition(".")[2]


def table() -> str:
    """Render documents by targets, with a number for each reason."""
    reasons: dict[str, int] = {}
    rows = ["".join(_row(document, reasons)) for document in DOCUMENTS]
    heads = " | ".join(f"`{target}`" for target in TARGETS)
    notes = [f"{number}. {why}" for why, number in reasons.items()]
    return "\n".join((f"| document | {heads} |", "|---" * (len(TARGETS) + 1) + "|", *rows, "", *notes))


_MARKS = {Outcome.PASSED: "✓", Outcome.FAILED: "differs", Outcome.NOT_HERE: "-"}


def _row(document: ContractDocument, reasons: dict[str, int]) -> Iterator[str]:
    yield f"| `{document.id}`<br>{document.name} |"
    for target in TARGETS:
        cell = expected(document, target)
        note = f" ({reasons.setdefault(cell.why, len(reasons) + 1)})" if cell.why else ""
        yield f" {_MARKS[cell.outcome]}{note} |"
