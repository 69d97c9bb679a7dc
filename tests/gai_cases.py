"""The events of gai, each with its data as a Server-Sent Event and its line of NDJSON, as the Go package writes them."""

from apptheory_streaming.wire.gai_events import (
    GaiAudioDelta,
    GaiCitations,
    GaiDone,
    GaiError,
    GaiEvent,
    GaiFinish,
    GaiFinishStep,
    GaiRaw,
    GaiSafety,
    GaiStart,
    GaiTextDelta,
    GaiToolCall,
    GaiToolResult,
)

__all__ = ["GAI"]

USAGE = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}

GAI: dict[str, tuple[GaiEvent, object, object]] = {
    "start": (GaiStart(), {"started": True}, {"type": "start", "started": True}),
    "text_delta": (
        GaiTextDelta("a\n<é>\u2028"),
        {"text": "a\n<é>\u2028"},
        {"type": "text_delta", "text": "a\n<é>\u2028"},
    ),
    "audio_delta": (
        GaiAudioDelta(b"\x00\xff>", {"mime": "audio/wav"}),
        {"audio": "AP8+", "format": {"mime": "audio/wav"}},
        {"type": "audio_delta", "audio": {"chunk": "AP8+", "format": {"mime": "audio/wav"}}},
    ),
    "tool_call": (
        GaiToolCall("t1", "weather", {"city": "Köln"}),
        {"input": {"city": "Köln"}, "tool_id": "t1", "tool_name": "weather"},
        {"type": "tool_call", "tool_call": {"id": "t1", "input": {"city": "Köln"}, "name": "weather"}},
    ),
    "tool_result": (
        GaiToolResult("weather", [1, None]),
        {"result": [1, None], "tool_name": "weather"},
        {"type": "tool_result", "tool_result": {"name": "weather", "result": [1, None]}},
    ),
    "citations": (
        GaiCitations([{"uri": "https://a.example"}]),
        {"citations": [{"uri": "https://a.example"}]},
        {"type": "citations", "citations": [{"uri": "https://a.example"}]},
    ),
    "safety": (
        GaiSafety({"action": "none"}),
        {"safety": {"action": "none"}},
        {"type": "safety", "safety": {"action": "none"}},
    ),
    "finish_step": (
        GaiFinishStep(2),
        {"step_number": 2},
        {"type": "finish_step", "step": {"finished": True, "number": 2}},
    ),
    "finish": (GaiFinish(USAGE), {"usage": USAGE}, {"type": "finish", "finished": True, "usage": USAGE}),
    "finish without usage": (GaiFinish(), {"usage": None}, {"type": "finish", "finished": True, "usage": None}),
    "error": (GaiError("rate limited"), {"error": "rate limited"}, {"type": "error", "error": "rate limited"}),
    "done": (GaiDone(), {"finished": True}, {"type": "done", "finished": True}),
    "raw": (GaiRaw({"x": 1}), {"raw": {"x": 1}}, {"type": "raw", "raw": {"x": 1}}),
    "raw of nothing": (GaiRaw(), {"raw": None}, {"type": "raw"}),
}
"""Name -> the event, the data of its Server-Sent Event, the object of its line."""
