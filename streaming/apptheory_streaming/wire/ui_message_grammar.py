"""The order of the parts of a UI message stream, in every version of the AI SDK that has one.

Source: the reader in the npm package `ai`, 5.0.277, 6.0.326 and 7.0.173: it throws at a delta or an
end without its start, at an output without its tool call, and drops open blocks with their step.
"""

from apptheory_streaming.wire.part_grammar import Block, PartGrammar, Rule
from apptheory_streaming.wire.ui_message_parts import DATA_PREFIX

__all__ = ["UI_MESSAGE_GRAMMAR"]

_STEP = Block("step", "start-step", "finish-step")
_TEXT = Block("text block", "text-start", "text-end", key="id")
_REASONING = Block("reasoning block", "reasoning-start", "reasoning-end", key="id")
_INPUT = Block("tool input", "tool-input-start", "tool-input-available", key="toolCallId")
_CALL = Block("tool call", "tool-input-available", key="toolCallId")
_BLOCKS = (_TEXT, _REASONING, _INPUT)
_ANYWHERE = frozenset({"message-metadata", "error"})

UI_MESSAGE_GRAMMAR = PartGrammar(
    rules={
        "start-step": Rule(opens=_STEP),
        "finish-step": Rule(closes=_STEP, outside=_BLOCKS),
        "reset-step": Rule(needs=_STEP, forgets=(*_BLOCKS, _CALL)),
        "text-start": Rule(opens=_TEXT),
        "text-delta": Rule(needs=_TEXT),
        "text-end": Rule(closes=_TEXT),
        "reasoning-start": Rule(opens=_REASONING),
        "reasoning-delta": Rule(needs=_REASONING),
        "reasoning-end": Rule(closes=_REASONING),
        "tool-input-start": Rule(opens=_INPUT),
        "tool-input-delta": Rule(needs=_INPUT),
        "tool-input-available": Rule(ends=_INPUT, opens=_CALL),
        "tool-input-error": Rule(ends=_INPUT, opens=_CALL),
        "tool-approval-request": Rule(needs=_CALL),
        "tool-output-available": Rule(needs=_CALL),
        "tool-output-error": Rule(needs=_CALL),
        "tool-output-denied": Rule(needs=_CALL),
        "finish": Rule(outside=(_STEP, *_BLOCKS)),
    },
    first="start",
    before_first=_ANYWHERE,
    last="finish",
    after_last=_ANYWHERE,
    failures=frozenset({"error", "abort"}),
    free_prefix=DATA_PREFIX,
)
