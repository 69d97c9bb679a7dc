"""Whether status, headers and cookies of a head come to the client as the handler gave them."""

from dataclasses import replace

from apptheory_emulator.score import sources
from apptheory_emulator.score.case import Case, Finding, Grade, Group, Source
from apptheory_emulator.score.endpoint import Endpoint, Expect
from apptheory_emulator.score.wanted import Check, Wanted, answers

__all__ = ["HEADS"]

TEXT = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"
COOKIES = ("a=1; Path=/; HttpOnly", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT")
EMPTY = Wanted(status=202, headers={"x-empty": "kept"}, body=b"")
LOST_HEAD = Wanted(headers={"x-empty": None, "content-type": OCTETS}, body=b"")
NO_CONTENT = Wanted(status=204, headers={"x-empty": "kept"}, body=b"")


async def _empty_end(endpoint: Endpoint) -> Finding:
    """AWS's own client for Node, which its managed runtime has, forgets a head that no write follows."""
    lost = endpoint.expect is Expect.DEPLOYED and endpoint.language == "node"
    finding = (LOST_HEAD if lost else EMPTY).found(await endpoint.http.fetch("empty-end"))
    return replace(finding, grade=Grade.PROVEN if lost else Grade.INFERRED)


def _case(name: str, sentence: str, check: Check | Wanted, *, source: Source, grade: Grade = Grade.PROVEN) -> Case:
    return Case(
        id=name,
        group=Group.HEAD,
        sentence=sentence,
        source=source,
        grade=grade,
        handler=name,
        check=answers(name, check) if isinstance(check, Wanted) else check,
    )


HEADS = (
    _case(
        "head",
        "Status, content type and headers of the head arrive; it needs no `cookies`.",
        Wanted(status=201, headers={"content-type": TEXT, "x-color": "red"}, cookies=(), body=b"made"),
        source=sources.PRELUDE,
    ),
    _case(
        "cookies",
        "Each cookie is a Set-Cookie line of its own, in order.",
        Wanted(headers={"content-type": TEXT}, cookies=COOKIES, body=b"two"),
        source=sources.PRELUDE,
    ),
    _case(
        "no-status",
        "A head without a status is 200.",
        Wanted(headers={"content-type": TEXT, "x-color": "red"}, body=b"fine"),
        source=sources.NO_STATUS,
    ),
    _case(
        "plain",
        "A body without a head is 200 and application/octet-stream.",
        Wanted(headers={"content-type": OCTETS}, body=b"plain"),
        source=sources.CUSTOM_RUNTIME,
    ),
    _case(
        "typed",
        "A body without a head keeps its content type.",
        Wanted(headers={"content-type": "text/html; charset=utf-8"}, body=b"<p>"),
        source=sources.CUSTOM_RUNTIME,
    ),
    _case(
        "length",
        "A content-length of the handler's is renamed: the body is chunked.",
        Wanted(headers={"x-amzn-remapped-content-length": "4", "transfer-encoding": "chunked"}, body=b"made"),
        source=sources.REMAPPED,
    ),
    _case(
        "empty",
        "A head with an empty write keeps its status and headers.",
        EMPTY,
        source=sources.EMPTY_LOST,
        grade=Grade.INFERRED,
    ),
    _case(
        "empty-end",
        "A head without any write keeps its status and headers (deployed, with Node: it is lost).",
        _empty_end,
        source=sources.EMPTY_LOST,
        grade=Grade.INFERRED,
    ),
    _case(
        "no-content",
        "Status 204 has no body, and keeps its headers.",
        NO_CONTENT,
        source=sources.RFC_9110,
        grade=Grade.INFERRED,
    ),
    _case(
        "many-values",
        "A header with several values arrives with all of them.",
        Wanted(headers={"x-many": "one,two"}, body=b"many"),
        source=sources.MANY_VALUES,
        grade=Grade.INFERRED,
    ),
    _case(
        "long-head",
        "A header of 6000 characters arrives whole.",
        Wanted(headers={"x-long": "x" * 6000}, body=b"long"),
        source=sources.LONG_HEAD,
        grade=Grade.INFERRED,
    ),
    Case(
        id="head-request",
        group=Group.HEAD,
        sentence="HEAD has the head, and no byte of the body.",
        source=sources.RFC_9110,
        grade=Grade.INFERRED,
        handler="cookies",
        check=answers("cookies", Wanted(headers={"content-type": TEXT}, cookies=COOKIES, body=b""), method="HEAD"),
    ),
)
