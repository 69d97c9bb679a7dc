"""The order of the parts of a data stream of version 4.

Source: https://ai-sdk.dev/v4/docs/ai-sdk-ui/stream-protocol; a client throws at a tool result
without its call and at a delta without its start.
"""

from apptheory_streaming.wire.part_grammar import Block, PartGrammar, Rule

__all__ = ["DATA_STREAM_GRAMMAR"]

_STEP = Block("step", "start_step", "finish_step")
_INPUT = Block("streamed tool call", "tool_call_streaming_start", "tool_call", key="toolCallId")
_CALL = Block("tool call", "tool_call", key="toolCallId")

DATA_STREAM_GRAMMAR = PartGrammar(
    rules={
        "start_step": Rule(opens=_STEP),
        "finish_step": Rule(ends=_STEP, outside=(_INPUT,)),
        "tool_call_streaming_start": Rule(opens=_INPUT),
        "tool_call_delta": Rule(needs=_INPUT),
        "tool_call": Rule(ends=_INPUT, opens=_CALL),
        "tool_result": Rule(needs=_CALL),
        "finish_message": Rule(outside=(_STEP, _INPUT)),
    },
    last="finish_message",
    after_last=frozenset({"data", "message_annotations", "error"}),
    failures=frozenset({"error"}),
    need_last=frozenset({"start_step", "finish_step"}),
)
