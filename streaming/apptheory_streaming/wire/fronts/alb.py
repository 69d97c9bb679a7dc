"""How an Application Load Balancer shows the answers of a function, and what it answers by itself.

Sources, read on 2026-11-21; D is AWS's documentation, R a report of users, I is inferred:

* the answer's format and the limits, D:
  https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
* when it answers 502 and 413, D:
  https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
* the pages that say so: R; the default type, and headers of the other form are not read: I
"""

import re
from dataclasses import dataclass

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.error_response import Answer, coded_error
from apptheory_streaming.wire.fronts.proxy import proxy_fields
from apptheory_streaming.wire.head import DEFAULT_CONTENT_TYPE, head_from_fields, make_head
from apptheory_streaming.wire.inference import body_of
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.marshal import BufferedPayload

__all__ = ["ALB_COLLECTED_NOTE", "ALB_RESPONSE_BYTES", "AlbFront", "alb_page", "alb_too_large"]

ALB_COLLECTED_NOTE = (
    "a load balancer cannot stream from a function: the stream of the handler was collected and sent in one piece; "
    "a Function URL with RESPONSE_STREAM or a REST API with responseTransferMode STREAM does stream"
)

ALB_RESPONSE_BYTES = AWS_NUMBERS["load balancer response"].value
"""The longest JSON that a function may answer with (D)."""

_TITLES = {413: "413 Request Entity Too Large", 502: "502 Bad Gateway"}
_PHRASE = re.compile(r"(?:[0-9]{3} )?([\t\x20-\x7e]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbFront:
    """The front of a target group; `multi_value` is its switch, which holds for answers too."""

    multi_value: bool = False
    max_response_bytes: int = ALB_RESPONSE_BYTES

    @property
    def collects(self) -> bool:
        """A load balancer always collects."""
        return True

    @property
    def collected_note(self) -> str:
        """Say that this adapter cannot stream."""
        return ALB_COLLECTED_NOTE

    def coded_error(self, code: str, message: str, request_id: str) -> Answer:
        """The status of the code, and JSON with both (rule E2)."""
        return coded_error(code, message, request_id)

    def function_error(self, error: BaseException, request_id: str) -> Answer:  # noqa: ARG002 - a Front's signature
        """502 and its page: for a function that fails, answers what cannot be, is late (D) or does not run (I)."""
        return alb_page(502)

    def buffered(self, payload: BufferedPayload) -> Answer:
        """Read the answer by the format of load balancers; raises InvalidResponse for what is none, or too long."""
        if len(payload.body) > self.max_response_bytes:
            raise InvalidResponse(
                f"the answer has {len(payload.body)} bytes of JSON; a load balancer takes {self.max_response_bytes}"
            )
        fields = proxy_fields(payload, front="a load balancer")
        wanted = "multiValueHeaders" if self.multi_value else "headers"
        known = {name: value for name, value in fields.items() if name in ("statusCode", wanted)}
        head = head_from_fields(known, default_content_type=DEFAULT_CONTENT_TYPE)
        reason = _reason(fields.get("statusDescription"))
        return Answer(type(head)(head.status, head.headers, head.cookies, reason), body_of(fields))

    def note_on_buffered(self) -> str | None:
        """Nothing: this is what the answer was made for."""
        return None


def alb_page(status: int) -> Answer:
    """Make the page that a load balancer shows for a status of its own, 413 or 502."""
    title = _TITLES[status]
    lines = (
        "<html>",
        f"<head><title>{title}</title></head>",
        "<body>",
        f"<center><h1>{title}</h1></center>",
        "</body>",
        "</html>",
        "",
    )
    head = make_head(status, {"server": "awselb/2.0", "content-type": "text/html"})
    return Answer(head, "\r\n".join(lines).encode())


def alb_too_large() -> Answer:
    """Answer a body that is too long."""
    return alb_page(413)


def _reason(description: object) -> str:
    """The phrase of `200 OK`, with or without its number."""
    if description is None:
        return ""
    found = _PHRASE.fullmatch(description) if isinstance(description, str) else None
    if found is None:
        raise InvalidResponse(f"statusDescription must be a line such as '200 OK', not {description!r}")
    return found[1].strip()
