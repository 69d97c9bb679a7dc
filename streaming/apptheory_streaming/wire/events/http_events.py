"""Which events are HTTP requests."""

from collections.abc import Mapping

__all__ = ["is_http_event"]


def is_http_event(event: object) -> bool:
    """Whether an event is that of a Function URL, an API of API Gateway or a load balancer.

    Only those have a client that an error response could reach; a queue would take one for success.
    """
    if not isinstance(event, Mapping):
        return False
    context = event.get("requestContext")
    return "httpMethod" in event or (isinstance(context, Mapping) and ("http" in context or "elb" in context))
