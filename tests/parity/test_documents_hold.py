"""The documents of the contract: there is one for every rule, and each holds in process and over HTTP (rule W7)."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator.contract.handlers_place import shipped_handlers
from apptheory_emulator.contract.http_target import HttpTarget
from apptheory_emulator.contract.target_names import make_target
from apptheory_testkit.contract import (
    IN_PROCESS,
    ContractTarget,
    Handlers,
    Outcome,
    Verdict,
    load_handlers,
    read_document,
    run_document,
    shipped_documents,
)
from runtime_clients import HANDLERS

PAGE = Path(__file__).parents[2] / "docs/reference/contract.md"
WITHOUT = {
    "R9",  # ASGI is Python's own
    "W7",  # how every document is compared
    "D1",  # two runs of one
    "D3",  # what is never asserted
}
UPSTREAM_ID = re.compile(r"(p0|p1|p2|m12|m14)[._][A-Za-z0-9_.-]+")
SUFFIX = ".stream.json"


@pytest.fixture(scope="module")
def documents() -> dict[Path, Any]:
    """Every document, as it is written."""
    return {path: json.loads(path.read_text(encoding="utf-8")) for path in shipped_documents()}


@pytest.fixture(scope="module")
def handlers() -> Handlers:
    """Those of Python."""
    return load_handlers(str(HANDLERS / "python/documents.py"))


def test_every_rule_has_a_document(documents: dict[Path, Any]) -> None:
    """Each rule of the contract that one request can show, and no document is without one."""
    rules = set(re.findall(r"\*\*([A-Z][0-9]+[a-z]?)\*\*", PAGE.read_text(encoding="utf-8")))
    named = [document["setup"]["ours"]["rules"] for document in documents.values()]

    assert len(rules) > 30
    assert all(named)
    assert {rule for rules in named for rule in rules} == rules - WITHOUT


def test_a_document_is_named_as_its_file_and_by_a_sentence(documents: dict[Path, Any]) -> None:
    """Ids are those that every runner takes, and begin with the tier; names and reasons end as sentences do."""
    for path, document in documents.items():
        setup = document["setup"]["ours"]
        assert path.name == document["id"] + SUFFIX
        assert UPSTREAM_ID.fullmatch(document["id"])
        assert document["id"].startswith(document["tier"])
        assert document["name"].endswith(".")
        assert setup.get("targets_why", ".").endswith(".")
    assert len({document["name"] for document in documents.values()}) == len(documents)


def test_every_handler_has_a_document_and_a_sentence(documents: dict[Path, Any], handlers: Handlers) -> None:
    """None is left over, and each says what it does."""
    named = {route["handler"] for document in documents.values() for route in document["setup"]["routes"]}

    assert named == set(handlers)
    assert all((inspect.getdoc(handler) or "").endswith(".") for handler in handlers.values())


def test_every_document_holds_in_process(handlers: Handlers) -> None:
    """W7: chunks exactly, headers as lists, times, the log, late mutations."""
    verdicts = list(_verdicts(handlers, IN_PROCESS))

    assert _failures(verdicts) == []
    assert _not_here(verdicts) == {
        "p0.a_late_error_may_close_the_connection",
        "p0.a_process_that_dies_in_its_answer_is_cut_off",
        "p0.a_process_that_ends_before_the_answer_is_a_function_error",
    }


def test_every_document_holds_over_http(handlers: Handlers) -> None:
    """W7: chunks that are not empty, headers joined, times on the loop of the test."""
    verdicts = list(_verdicts(handlers, HttpTarget()))

    assert _failures(verdicts) == []
    assert _not_here(verdicts) == {
        "p0.a_handler_may_be_cancelled_when_its_client_is_gone",
        "p0.a_handler_runs_on_when_its_client_is_gone",
        "p0.a_process_that_dies_in_its_answer_is_cut_off",
        "p0.a_process_that_ends_before_the_answer_is_a_function_error",
        "p0.a_sync_handler_is_cancelled_at_its_next_write",
    }


@pytest.mark.streaming(clock="real")
def test_e3b_a_process_that_ends_shows_in_a_worker(handlers: Handlers) -> None:
    """E3b: before the first byte a function error, behind it a body without its last chunk."""
    target = make_target("python", shipped_handlers())
    try:
        verdicts = list(_verdicts(handlers, target, "E3b"))
    finally:
        target.close()

    assert _failures(verdicts) == []
    assert len(verdicts) == 2
    assert _not_here(verdicts) == set()


def _verdicts(handlers: Handlers, target: ContractTarget, rule: str = "") -> Iterator[Verdict]:
    for document in map(read_document, shipped_documents()):
        assert document.case is not None
        if not rule or rule in document.case.options.rules:
            yield run_document(document, handlers, target)


def _failures(verdicts: list[Verdict]) -> list[str]:
    return [verdict.explain() for verdict in verdicts if verdict.failed]


def _not_here(verdicts: list[Verdict]) -> set[str]:
    return {verdict.document.id for verdict in verdicts if verdict.outcome is Outcome.NOT_HERE}
