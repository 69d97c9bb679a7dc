"""The contract's documents in every runtime: they hold, or differ as the table says, each with its reason."""

from contextlib import closing

import pytest

from apptheory_emulator.contract.handlers_place import HandlersPlace
from apptheory_emulator.contract.target_names import make_target
from apptheory_testkit.contract import ContractTarget, Outcome, run_document
from document_cases import DIFFERENCES, DOCUMENTS, TARGETS, expected
from runtime_clients import HANDLERS, go_program, node, official_node_client


def target_of(runtime: str) -> ContractTarget:
    """The runtime that is a column of the table; skips the test where it is missing."""
    place = HandlersPlace(str(HANDLERS))
    match runtime:
        case "go":
            return make_target(f"exec={go_program()}", place)
        case "aws-lambda-ric":
            return make_target(f"exec={' '.join(official_node_client())} node/documents.{{handler}}", place)
        case "node":
            node()
    return make_target(runtime, place)


@pytest.mark.parametrize("runtime", TARGETS)
def test_documents_come_out_as_the_table_says(runtime: str) -> None:
    """A02, A30, A31, W7: what holds, what differs, and what cannot be shown."""
    handlers = HandlersPlace(str(HANDLERS)).load()
    wanted = {each.id: expected(each, runtime).outcome for each in DOCUMENTS}

    with closing(target_of(runtime)) as target:
        verdicts = [
            run_document(each, handlers, target) for each in DOCUMENTS if wanted[each.id] is not Outcome.NOT_HERE
        ]

    wrong = [verdict for verdict in verdicts if verdict.outcome is not wanted[verdict.document.id]]
    assert wrong == [], "\n\n".join(verdict.explain() for verdict in wrong)
    assert len(verdicts) > 70


def test_every_difference_is_about_a_document() -> None:
    """And none is named twice."""
    ids = {each.id.partition(".")[2] for each in DOCUMENTS}
    named = [(runtime, name) for each in DIFFERENCES for name in each.documents for runtime in each.runtimes]

    assert {name for _, name in named} <= ids
    assert len(named) == len(set(named))


def test_the_two_ways_of_this_process_and_its_own_runtime_differ_in_nothing() -> None:
    assert not {"in-process", "http", "python"} & {runtime for each in DIFFERENCES for runtime in each.runtimes}
