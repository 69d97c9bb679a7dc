"""The door of a Function URL: preflights, callers, CORS headers, events of format 2.0."""

from apptheory_emulator.front.door import Admission, Arrival, Refusal
from apptheory_emulator.front.gate import Gate
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_streaming.wire.cors import CorsMerge
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.events.function_url import function_url_event
from apptheory_streaming.wire.front import FunctionUrlFront

__all__ = ["FunctionUrlDoor"]


class FunctionUrlDoor:
    """Lets the requests of a Function URL pass, as its configuration says."""

    path = "/"

    def __init__(self, function: InProcessFunction) -> None:
        """Take the keys of the environment as they are now."""
        self.max_request_bytes = function.config.limits.max_request_bytes
        self._function = function
        self._gate = Gate(function.config)

    def admit(self, arrival: Arrival) -> Admission | Refusal:
        """Answer preflights and callers who may not call; let the others pass."""
        config, request = self._function.config, arrival.request
        caller = self._gate.judge(request, arrival.epoch_ms)
        if isinstance(caller, Answer):
            return Refusal(caller, {"x-amzn-RequestId": arrival.request_id})
        added = {} if config.cors is None else config.cors.added_to(request)
        return Admission(
            function=self._function,
            event=function_url_event(
                request,
                arrival.url,
                request_id=arrival.request_id,
                epoch_ms=arrival.epoch_ms,
                trace_id=arrival.trace_id,
                caller=caller,
            ),
            front=FunctionUrlFront(config.invoke_mode, config.errors),
            policy=config.policy,
            platform_headers={
                "x-amzn-RequestId": arrival.request_id,
                "X-Amzn-Trace-Id": f"{arrival.trace_id};Sampled=0",
            },
            added_headers=added,
            replaced=frozenset(added) - {"vary"} if config.cors_merge is CorsMerge.CONFIGURED else frozenset(),
            pace=config.pace,
        )
