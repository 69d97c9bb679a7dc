"""The order of parts: what a client follows is taken, and of anything else the first violation is named."""

from collections.abc import Iterable

import pytest

from apptheory_streaming import DataStreamPart, UiMessagePart
from apptheory_streaming.wire.data_stream import DATA_STREAM_PARTS
from apptheory_streaming.wire.data_stream_grammar import DATA_STREAM_GRAMMAR
from apptheory_streaming.wire.part_grammar import GrammarCheck, PartGrammar, Violation
from apptheory_streaming.wire.ui_message_grammar import UI_MESSAGE_GRAMMAR
from apptheory_streaming.wire.ui_message_parts import LATEST_VERSION, UI_MESSAGE_PARTS

Part = DataStreamPart | UiMessagePart


def first_violation(grammar: PartGrammar, parts: Iterable[Part], known: Iterable[str] = ()) -> Violation | None:
    """What is wrong first, or at the end."""
    check = GrammarCheck(grammar, known)
    for part in parts:
        violation = check.take(part)
        if violation is not None:
            return violation
    return check.end()


def ui(*words: str) -> list[UiMessagePart]:
    """Parts written short: `text-delta:t` is one with the id t."""
    return [_ui(*word.split(":")) for word in words]


def _ui(part_type: str, key: str = "") -> UiMessagePart:
    return UiMessagePart(part_type, {"toolCallId" if part_type.startswith("tool") else "id": key})


def data(*words: str) -> list[DataStreamPart]:
    """Parts of a data stream written short: `tool_call:c` is one of the call c."""
    return [DataStreamPart(name, {"toolCallId": key}) for name, _, key in (word.partition(":") for word in words)]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "start finish",
        "text-start:t text-delta:t text-delta:t text-end:t",
        "start start-step text-start:t text-delta:t text-end:t finish-step finish",
        "start-step text-start:t text-end:t finish-step start-step text-start:t text-end:t finish-step",
        "text-start:a reasoning-start:a text-start:b text-delta:b reasoning-end:a text-end:a text-end:b",
        "tool-input-start:c tool-input-delta:c tool-input-available:c tool-output-available:c",
        "tool-input-available:c tool-output-available:c tool-output-available:c",
        "tool-input-start:c tool-input-error:c tool-output-error:c",
        "tool-input-available:c tool-approval-request:c finish",
        "tool-input-available:c tool-output-denied:c",
        "start-step tool-input-available:c finish-step start-step tool-output-available:c finish-step",
        "data-x message-metadata start source-url file data-x finish data-x message-metadata error",
        "start start-step text-start:t error",
        "start start-step tool-input-start:c abort",
        "text-start:t error finish",
        "start-step text-start:t error finish-step finish",
        "start-step text-start:t tool-input-start:c reset-step text-start:t text-end:t finish-step",
        "new-part start-step finish-step",
    ],
)
def test_a_ui_message_stream_that_clients_follow(words: str) -> None:
    """W6: blocks may overlap, and an error or an abort leaves them open."""
    assert first_violation(UI_MESSAGE_GRAMMAR, ui(*words.split())) is None


@pytest.mark.parametrize(
    ("words", "part", "problem"),
    [
        ("text-delta:t", 0, 'text-delta: there is no text block "t": text-start must come first'),
        ("text-start:t text-delta:u", 1, 'text-delta: there is no text block "u": text-start must come first'),
        ("text-end:t", 0, 'text-end: there is no text block "t": text-start must come first'),
        ("text-start:t text-end:t text-delta:t", 2, 'text-delta: text block "t" was closed by part 1'),
        ("text-start:t text-end:t text-end:t", 2, 'text-end: text block "t" was closed by part 1'),
        ("text-start:t text-start:t", 1, 'text-start: text block "t" is open already: part 0 opened it'),
        ("text-start:t", None, 'text block "t" is never closed: part 0 opened it, text-end is missing'),
        (
            "text-start:t finish",
            1,
            'finish: text block "t" is still open: part 0 opened it, text-end is missing',
        ),
        ("reasoning-delta:r", 0, 'reasoning-delta: there is no reasoning block "r": reasoning-start must come first'),
        ("text-start:r reasoning-delta:r", 1, "reasoning-delta: there is no reasoning block"),
        ("reasoning-start:r", None, 'reasoning block "r" is never closed: part 0 opened it, reasoning-end is missing'),
        ("tool-input-delta:c", 0, 'tool-input-delta: there is no tool input "c": tool-input-start must come first'),
        (
            "tool-input-start:c tool-input-available:c tool-input-delta:c",
            2,
            'tool-input-delta: tool input "c" was closed by part 1',
        ),
        (
            "tool-input-start:c",
            None,
            'tool input "c" is never closed: part 0 opened it, tool-input-available is missing',
        ),
        (
            "tool-output-available:c",
            0,
            'tool-output-available: there is no tool call "c": tool-input-available must come first',
        ),
        ("tool-input-start:c tool-output-available:c", 1, "tool-output-available: there is no tool call"),
        ("tool-output-error:c", 0, "tool-output-error: there is no tool call"),
        ("tool-output-denied:c", 0, "tool-output-denied: there is no tool call"),
        ("tool-approval-request:c", 0, "tool-approval-request: there is no tool call"),
        ("finish-step", 0, "finish-step: there is no step: start-step must come first"),
        ("start-step", None, "the step is never closed: part 0 opened it, finish-step is missing"),
        ("start-step start-step", 1, "start-step: the step is open already: part 0 opened it"),
        ("start-step finish-step finish-step", 2, "finish-step: the step was closed by part 1"),
        ("start-step text-start:t finish-step", 2, 'finish-step: text block "t" is still open'),
        ("start-step finish", 1, "finish: the step is still open: part 0 opened it, finish-step is missing"),
        ("reset-step", 0, "reset-step: there is no step"),
        ("start-step text-start:t reset-step text-delta:t", 3, "text-delta: there is no text block"),
        ("start-step tool-input-available:c reset-step tool-output-available:c", 3, "there is no tool call"),
        ("start data-x start", 2, "start: a second one, part 0 was the first"),
        ("data-x start-step start", 2, "start: it comes after part 1, and must come first"),
        ("finish finish", 1, "finish: a second one, part 0 was the first"),
        ("finish data-x text-start:t", 2, "text-start: it comes after finish, part 0"),
        ("error text-delta:t", 1, "text-delta: there is no text block"),
    ],
)
def test_the_first_violation_of_a_ui_message_stream(words: str, part: int | None, problem: str) -> None:
    """W6: by the number of its part; None is the end of the stream."""
    violation = first_violation(UI_MESSAGE_GRAMMAR, ui(*words.split()))
    assert violation is not None
    assert violation.part == part
    assert problem in violation.problem


@pytest.mark.parametrize(
    "words",
    [
        "",
        "text text",
        "text finish_message",
        "start_step text finish_step start_step text finish_step finish_message",
        "text finish_step finish_message",
        "tool_call:c tool_result:c",
        "tool_call_streaming_start:c tool_call_delta:c tool_call:c tool_result:c",
        "start_step text error",
        "start_step tool_call_streaming_start:c error finish_step finish_message",
        "finish_message data message_annotations error",
    ],
)
def test_a_data_stream_that_clients_follow(words: str) -> None:
    """B16: text alone is one, and so are steps with their ends."""
    assert first_violation(DATA_STREAM_GRAMMAR, data(*words.split())) is None


@pytest.mark.parametrize(
    ("words", "part", "problem"),
    [
        ("tool_result:c", 0, 'tool_result: there is no tool call "c": tool_call must come first'),
        ("tool_call:a tool_result:b", 1, 'tool_result: there is no tool call "b"'),
        ("tool_call_delta:c", 0, 'tool_call_delta: there is no streamed tool call "c"'),
        ("tool_call_streaming_start:c tool_result:c", 1, "tool_result: there is no tool call"),
        (
            "tool_call_streaming_start:c tool_call:c tool_call_delta:c",
            2,
            'tool_call_delta: streamed tool call "c" was closed by part 1',
        ),
        ("tool_call_streaming_start:c", None, 'streamed tool call "c" is never closed: part 0 opened it'),
        ("tool_call_streaming_start:c finish_step", 1, 'finish_step: streamed tool call "c" is still open'),
        ("start_step start_step", 1, "start_step: the step is open already"),
        ("start_step", None, "the step is never closed: part 0 opened it, finish_step is missing"),
        ("start_step finish_message", 1, "finish_message: the step is still open"),
        ("start_step finish_step", None, "finish_message is missing"),
        ("text finish_step", None, "finish_message is missing"),
        ("finish_message finish_message", 1, "finish_message: a second one, part 0 was the first"),
        ("finish_message text", 1, "text: it comes after finish_message, part 0"),
    ],
)
def test_the_first_violation_of_a_data_stream(words: str, part: int | None, problem: str) -> None:
    """B16: by the number of its part; None is the end of the stream."""
    violation = first_violation(DATA_STREAM_GRAMMAR, data(*words.split()))
    assert violation is not None
    assert violation.part == part
    assert problem in violation.problem


def test_calls_of_earlier_messages_may_have_their_results_here() -> None:
    """W6: but no deltas, and no other calls."""
    assert first_violation(UI_MESSAGE_GRAMMAR, ui("tool-output-available:c"), ["c"]) is None
    twice = ui("tool-output-available:c", "tool-output-available:c")
    assert first_violation(UI_MESSAGE_GRAMMAR, twice, iter(["c"])) is None
    assert first_violation(UI_MESSAGE_GRAMMAR, ui("tool-output-available:d"), ["c"]) is not None
    assert first_violation(UI_MESSAGE_GRAMMAR, ui("tool-input-delta:c"), ["c"]) is not None
    assert first_violation(DATA_STREAM_GRAMMAR, data("tool_result:c"), ["c"]) is None


def test_a_violation_has_the_byte_of_its_part() -> None:
    """W5: that of the part that was read, None at the end."""
    check = GrammarCheck(UI_MESSAGE_GRAMMAR)
    assert check.take(UiMessagePart("start-step", offset=0)) is None
    violation = check.take(UiMessagePart("text-end", {"id": "t"}, offset=27))
    assert violation is not None
    assert (violation.part, violation.offset) == (1, 27)


def test_the_rules_are_about_parts_that_there_are() -> None:
    """W6: a rule with a slip in its name would never be asked."""
    for grammar, names in (
        (UI_MESSAGE_GRAMMAR, set(UI_MESSAGE_PARTS[LATEST_VERSION])),
        (DATA_STREAM_GRAMMAR, set(DATA_STREAM_PARTS)),
    ):
        named = {*grammar.rules, *grammar.after_last, *grammar.failures, *grammar.before_first, *grammar.need_last}
        assert named | {grammar.last} <= names
        for rule in grammar.rules.values():
            blocks = [block for block in (rule.needs, rule.closes, rule.ends, rule.opens) if block is not None]
            for block in (*blocks, *rule.outside, *rule.forgets):
                assert {block.opener, block.closer or block.opener} <= names
