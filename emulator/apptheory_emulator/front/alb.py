"""The door of an Application Load Balancer."""

from apptheory_emulator.front.door import Admission, Arrival, Refusal
from apptheory_emulator.gateways import Gateway
from apptheory_emulator.workers.in_process import InProcessFunction
from apptheory_streaming.wire.events.alb import TargetGroup, alb_event
from apptheory_streaming.wire.fronts.alb import AlbFront, alb_too_large
from apptheory_streaming.wire.limits import AWS_NUMBERS

__all__ = ["AlbDoor"]

_ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{}/0123456789abcdef"


class AlbDoor:
    """Lets the requests of a load balancer pass to its only target group."""

    path = "/"

    def __init__(self, function: InProcessFunction, gateway: Gateway) -> None:
        """Take what the target group is set to."""
        self.max_request_bytes = AWS_NUMBERS["load balancer request"].value
        self._function = function
        self._gateway = gateway

    def admit(self, arrival: Arrival) -> Admission | Refusal:
        """Answer a body that is too long; let the rest pass."""
        if len(arrival.request.body) > self.max_request_bytes:
            return Refusal(alb_too_large(), {})
        group = TargetGroup(
            arn=_ARN.format(arrival.url.url_id),
            multi_value=self._gateway.multi_value,
            scheme=arrival.url.scheme,
            port=arrival.url.port,
        )
        return Admission(
            function=self._function,
            event=alb_event(arrival.request, group, trace_id=arrival.trace_id),
            front=AlbFront(multi_value=self._gateway.multi_value),
            policy=self._function.config.policy,
            platform_headers={},
            pace=self._function.config.pace,
        )
