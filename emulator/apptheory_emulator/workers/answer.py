"""What a runtime answered, as what a handler returns."""

from collections.abc import AsyncIterator

from apptheory_emulator.workers.runtime_answer import RuntimeAnswer
from apptheory_emulator.workers.worker_call import WorkerBody, WorkerCall
from apptheory_streaming.shapes import StreamedAnswer
from apptheory_streaming.wire.head import DEFAULT_CONTENT_TYPE, make_head
from apptheory_streaming.wire.marshal import BufferedPayload
from apptheory_streaming.wire.prelude import INTEGRATION_CONTENT_TYPE, PreludeDecoder

__all__ = ["read_runtime_answer"]


async def read_runtime_answer(answer: RuntimeAnswer, call: WorkerCall) -> StreamedAnswer | BufferedPayload:
    """Give a stream once its prelude is whole, or a buffered answer as a whole.

    A stream of another content type than that of Lambda's preludes shows it with status 200, every byte
    as it is.  Raises InvalidResponse for a broken prelude, and what the body raises before.
    """
    content_type = answer.content_type or DEFAULT_CONTENT_TYPE
    body = WorkerBody(call, answer.body)
    if _media_type(content_type) == INTEGRATION_CONTENT_TYPE:
        return await _with_prelude(body, answer.body, call)
    if not answer.streaming:
        return BufferedPayload(b"".join([piece async for piece in body]), content_type)
    return StreamedAnswer(make_head(headers={"content-type": content_type}), body=body, commit=True, verbatim=True)


async def _with_prelude(body: WorkerBody, source: AsyncIterator[bytes], call: WorkerCall) -> StreamedAnswer:
    decoder = PreludeDecoder()
    empty = True
    async for piece in body:
        empty = False
        first = decoder.feed(piece)
        if decoder.head is not None:
            return StreamedAnswer(decoder.head, body=WorkerBody(call, source, first=first), commit=True)
    if not empty:
        decoder.close()  # which raises
    return StreamedAnswer(make_head(), commit=True)  # what AWS makes of a runtime that loses its prelude


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
