"""Every rule of the contract, broken once: a document of that rule fails, and holds where nothing is broken."""

from collections.abc import Iterator

import pytest

from apptheory_testkit.contract import ContractDocument, read_document, shipped_documents
from mutations import MUTATIONS, Mutation, Scratch, scratch

DOCUMENTS: dict[str, ContractDocument] = {each.id: each for each in map(read_document, shipped_documents())}
FIRST = list({each.rule: each for each in reversed(MUTATIONS)}.values())
"""One of each rule; `make mutations` tries them all."""


@pytest.fixture(scope="module")
def copy() -> Iterator[Scratch]:
    """The rooms in a folder of their own."""
    with scratch() as copy:
        yield copy


def rules_of(document: str) -> list[str]:
    """The rules that a document says it shows."""
    case = DOCUMENTS[document].case
    assert case is not None
    return list(case.options.rules)


def test_every_rule_of_a_document_has_a_mutation() -> None:
    """And each is caught by a document of its rule."""
    assert {each.rule for each in MUTATIONS} == {rule for document in DOCUMENTS for rule in rules_of(document)}
    assert [str(each) for each in MUTATIONS if each.rule not in rules_of(each.caught_by)] == []


def test_every_mutation_has_its_place() -> None:
    """Once in its file: who changes that line finds a new place for the break."""
    for mutation in MUTATIONS:
        assert mutation.applied()


@pytest.mark.parametrize("mutation", FIRST, ids=lambda mutation: mutation.rule)
def test_a_broken_rule_is_seen(copy: Scratch, mutation: Mutation) -> None:
    """The document of the rule fails in a copy where the rule is broken."""
    assert copy.failing([mutation.caught_by], target=mutation.target, mutation=mutation) == {mutation.caught_by}


def test_nothing_fails_in_a_copy_that_is_whole(copy: Scratch) -> None:
    """So it is the break that is seen."""
    documents = sorted({each.caught_by for each in MUTATIONS if each.target == "in-process"})

    assert copy.failing(documents, target="in-process") == set()


def test_every_mutation_has_a_name_of_its_own() -> None:
    names = [str(each) for each in MUTATIONS]

    assert len(names) == len(set(names)) > 150
