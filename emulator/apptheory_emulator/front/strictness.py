"""Holds requests and responses to what AWS does, or says in the log that it does otherwise."""

import logging

from apptheory_emulator.differences import MAX_EVENT_BYTES, Served, When, found, told
from apptheory_emulator.front.door import Admission, Refusal
from apptheory_streaming.wire.error_response import Answer, coded_error
from apptheory_streaming.wire.front import FunctionUrlFront
from apptheory_streaming.wire.fronts.proxy import message
from apptheory_streaming.wire.fronts.rest_api import RestApiFront, rest_failed
from apptheory_streaming.wire.transcript import Transcript

__all__ = ["look", "refusal"]

_log = logging.getLogger("apptheory_emulator")


def refusal(admission: Admission, request_id: str) -> Refusal | None:
    """Give AWS's answer to a request of a strict function that it would not take; None lets it pass."""
    config = admission.function.config
    differences = found(Served(config=config, front=admission.front, event=admission.event), When.REQUEST)
    if not differences:
        return None
    done = "refused, as on AWS" if config.strict else "served, but on AWS not"
    _log.warning("%s: %s: %s", request_id, done, told(differences))
    if not config.strict:
        return None
    return Refusal(_too_large(admission, request_id), {**admission.added_headers, **admission.platform_headers})


def look(admission: Admission, transcript: Transcript) -> None:
    """Say what of a response AWS would show otherwise."""
    if transcript.buffered or transcript.error is not None:
        return
    served = Served(config=admission.function.config, front=admission.front, head=transcript.head)
    differences = found(served, When.RESPONSE)
    if differences:
        _log.warning("%s: served, but on AWS not so: %s", transcript.request_id, told(differences))


def _too_large(admission: Admission, request_id: str) -> Answer:
    """Lambda's refusal, which is a failure to an API that stands in front of it."""
    if isinstance(admission.front, FunctionUrlFront):
        text = f"Request must be smaller than {MAX_EVENT_BYTES} bytes for the InvokeFunction operation, as an event"
        return coded_error("app.too_large", text, request_id)
    return rest_failed(500) if isinstance(admission.front, RestApiFront) else message(500, "Internal Server Error")
