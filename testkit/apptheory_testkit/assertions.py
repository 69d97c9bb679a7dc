"""What a test may claim of a capture.  Each failure says what happened, where, and what to do."""

from apptheory_streaming.wire.transcript import Transcript
from apptheory_testkit.rendering import render_lines

__all__ = ["assert_headers_finalized_before_first_chunk"]


def assert_headers_finalized_before_first_chunk(transcript: Transcript) -> None:
    """Fail unless the head was final before the first chunk and was left alone after (rule F5).

    Reads the event log, never a clock.
    """
    __tracebackhide__ = True  # the test's own line is the one that matters
    mutations = transcript.late_mutations
    if mutations:
        raise AssertionError(
            "the head changed after it was final:\n"
            + "".join(f"  {mutation}\n" for mutation in render_lines(map(str, mutations)))
            + "The client never sees such a change. Set status, headers and cookies before the handler "
            "returns its response.\n" + _log(transcript)
        )
    if not transcript.head_final_before_first_chunk():
        raise AssertionError("no head was final before the first chunk\n" + _log(transcript))


def _log(transcript: Transcript) -> str:
    return "What happened:\n" + "".join(f"  {line}\n" for line in render_lines(transcript.log()))
