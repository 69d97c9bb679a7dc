"""Outcomes: how they read and compare (F5)."""

import pytest

from apptheory_streaming.wire.outcome import DeliveryKind, DeliveryOutcome, HandlerKind, HandlerOutcome

Outcome = HandlerOutcome | DeliveryOutcome

READINGS = [
    (HandlerOutcome(), "ended"),
    (HandlerOutcome(HandlerKind.FAILED, "app.conflict"), "failed(app.conflict)"),
    (HandlerOutcome(HandlerKind.CANCELLED), "cancelled"),
    (HandlerOutcome(HandlerKind.TIMED_OUT), "timed_out"),
    (DeliveryOutcome(), "complete"),
    (DeliveryOutcome(DeliveryKind.CLIENT_GONE, 512), "client_gone(after 512 bytes)"),
    (DeliveryOutcome(DeliveryKind.CLIENT_GONE, 0), "client_gone(after 0 bytes)"),
    (DeliveryOutcome(DeliveryKind.CUT), "cut"),
]


@pytest.mark.parametrize(("outcome", "text"), READINGS)
def test_an_outcome_reads_and_compares_as_its_text(outcome: Outcome, text: str) -> None:
    """F5: a test may compare an outcome with the words of the contract."""
    assert str(outcome) == text
    assert outcome == text
    assert text == outcome
    assert hash(outcome) == hash(text)
    assert outcome != f"{text}!"


@pytest.mark.parametrize(("outcome", "text"), READINGS)
def test_an_outcome_differs_from_every_other(outcome: Outcome, text: str) -> None:
    """F5: outcomes are equal only to themselves and their text."""
    assert [other for other, _ in READINGS if other == outcome] == [outcome]
    assert outcome is not None
    assert outcome != 0
    assert (outcome == object()) is False


def test_equal_outcomes_are_one_member_of_a_set() -> None:
    """F5: equal outcomes have equal hashes."""
    made_twice = {HandlerOutcome(HandlerKind.FAILED, "app.x"), HandlerOutcome(HandlerKind.FAILED, "app.x")}
    assert made_twice == {"failed(app.x)"}


def test_outcomes_of_handler_and_delivery_are_never_equal() -> None:
    """F5: the two outcomes answer two questions, even where a word might be the same."""
    assert HandlerOutcome() != DeliveryOutcome()
