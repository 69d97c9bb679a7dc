"""Running contract documents: what holds passes, and each expectation that does not hold is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apptheory_streaming import AppError, StreamingResponse, asgi, text_stream
from apptheory_streaming.errors import LoopError, TargetError
from apptheory_testkit.contract import (
    DocumentError,
    Outcome,
    Verdict,
    load_handlers,
    render_table,
    run_document,
    run_documents,
)
from contract_documents import HANDLERS, MODULE, document

TEXT = {"encoding": "utf8", "value": "one"}
OCTETS = {"content-type": "application/octet-stream"}
JSON = {"content-type": "application/json; charset=utf-8"}


def run(changes: Mapping[str, Any] | None = None, **handlers: Any) -> Verdict:
    """Run the document with these changes in process."""
    return run_document(document(changes), {**HANDLERS, **handlers})


def asked(handler: str, response: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The changes that ask another handler, and expect something else; `more` are fields of `expect.ours`."""
    changes = {"/setup/routes/0/handler": handler, "/expect/response": {"cookies": [], "headers": OCTETS, **response}}
    return changes | ({"/expect/ours": more} if more else {})


def test_a_document_that_holds_passes() -> None:
    """A01: status, exact headers, cookies in order, chunks."""
    verdict = run()

    assert verdict.passed
    assert (verdict.outcome, verdict.target, verdict.differences) == (Outcome.PASSED, "in-process", ())


FAILURES: list[tuple[Mapping[str, Any], list[str]]] = [
    ({"/expect/response/status": 200}, ["status differs", "  - 200", "  + 201"]),
    (
        {"/expect/response/headers/x-tag": ["two", "one"]},
        ["header 'x-tag' differs", '  - ["two", "one"]', '  + ["one", "two"]'],
    ),
    ({"/expect/response/headers/x-tag": ...}, ["header 'x-tag' differs", "  - nothing", '  + ["one", "two"]']),
    ({"/expect/response/headers/x-more": "1"}, ["header 'x-more' differs", '  - ["1"]', "  + nothing"]),
    (
        {"/expect/response/cookies": ["b=2", "a=1"]},
        ["cookies differs", '  - ["b=2", "a=1"]', '  + ["a=1", "b=2"]'],
    ),
    (
        {"/expect/response/stream_error_code": "app.conflict"},
        ["stream_error_code differs", '  - "app.conflict"', "  + nothing"],
    ),
    (
        {"/expect/response/chunks": [TEXT]},
        ["chunk 1 is not expected", "  got 2 chunks (+), expected 1 chunk (-)", "    0  'one'", "  + 1  hex 00 ff"],
    ),
    (
        {"/expect/response/chunks": [TEXT, {"encoding": "utf8", "value": ""}, {"encoding": "base64", "value": "AP8="}]},
        [
            *("same bytes, empty chunks differ", "  got 2 chunks (+), expected 3 chunks (-)"),
            *("    0  'one'", "  - 1  ''", "    1  hex 00 ff"),
        ],
    ),
    (
        {"/expect/response/chunks": ...},
        ["chunk 0 is not expected", "  got 1 chunk (+), expected 0 chunks (-)", "  + 0  hex 6f 6e 65 00 ff"],
    ),
    (
        {"/expect/response/chunks": ..., "/expect/response/body": TEXT},
        [
            *("chunk 0 differs at byte 3, where the expected one ends", "  got 1 chunk (+), expected 1 chunk (-)"),
            *("  - 0  'one'", "  + 0  hex 6f 6e 65 00 ff"),
        ],
    ),
    (
        {"/expect/response/chunks": ..., "/expect/response/body_json": {}},
        [
            "the body is no JSON ('utf-8' codec can't decode byte 0xff in position 4: invalid start byte): hex 6f 6e 65 00 ff"
        ],
    ),
    (
        asked(
            "json_value",
            {"status": 200, "headers": {"content-type": "application/json"}, "body_json": {"a": [1, 1, None]}},
        ),
        ["body_json differs", '  - {"a": [1, 1, null]}', '  + {"a": [1, true, null]}'],
    ),
    (
        asked("late", {"status": 200, "chunks": [TEXT]}),
        [
            *("stream_error_code differs", "  - nothing", '  + "app.conflict"'),
            "the handler failed: app.conflict: AppError: taken",
        ],
    ),
    (
        asked("gives_up", {"status": 200}),
        ["the handler raised CancelledError, which is no error of a function"],
    ),
    (asked("leaves", {"status": 200}), ["the handler called sys.exit(3), which ends a Lambda runtime"]),
]


@pytest.mark.parametrize(("changes", "lines"), FAILURES, ids=[f"{[*c][-1]}:{n}" for n, (c, _) in enumerate(FAILURES)])
def test_what_does_not_hold_is_told(changes: Mapping[str, Any], lines: list[str]) -> None:
    """Contract fixtures: each part of `expect.response` fails alone, expected (-) and got (+)."""
    verdict = run(changes)

    assert verdict.failed
    assert list(verdict.differences) == lines


@pytest.mark.parametrize(
    "changes",
    [
        {"/expect/response/headers": {"Content-Type": "text/plain", "X-Tag": ["one"], "x-tag": "two"}},
        {"/expect/response/chunks": ..., "/expect/response/body": {"encoding": "base64", "value": "b25lAP8="}},
        {
            "/expect/response/chunks": ...,
            "/expect/response/body": {"encoding": "utf8", "value": "b25lAP8="},
            "/expect/response/is_base64": True,
        },
        {"/expect/response/stream_error_code": ""},
        {"/expect/response/stream_error_code": None},
        asked("empty", {"status": 204}),
        asked("empty", {"status": 204, "chunks": []}),
        asked(
            "json_value",
            {"status": 200, "headers": {"content-type": "application/json"}, "body_json": {"a": [1.0, True, None]}},
        ),
        asked("late", {"status": 200, "body": TEXT, "stream_error_code": "app.conflict"}),
    ],
    ids=["header names", "whole body", "base64", "empty code", "null", "empty body", "no chunk", "json", "late error"],
)
def test_what_is_the_same_in_other_words_holds(changes: Mapping[str, Any]) -> None:
    """Contract fixtures: names of headers in any case; a body instead of chunks; numbers by their value."""
    assert run(changes).differences == ()


async def mutates(event: Any, context: Any) -> StreamingResponse:
    response = text_stream(None)

    async def body() -> AsyncIterator[str]:
        await asyncio.sleep(1.5)
        yield "one"
        response.headers["x-late"] = "1"
        await asyncio.sleep(0.5)
        yield "two"

    response.body = body()
    return response


def events(event: Any, context: Any) -> StreamingResponse:
    return StreamingResponse(["id: 1\ndata: a\n\n", "event: e\nretry: 5\ndata: b\n\n"])


def lines(event: Any, context: Any) -> StreamingResponse:
    return StreamingResponse(['{"a":', "1}\n2\n"])


def rows(event: Any, context: Any) -> StreamingResponse:
    return StreamingResponse("a,b\n1,2\n")


def parts(event: Any, context: Any) -> StreamingResponse:
    return StreamingResponse('0:"hi"\n')


def messages(event: Any, context: Any) -> StreamingResponse:
    return StreamingResponse('data: {"type":"text-delta","id":"1","delta":"hi"}\n\n')


MUTATION = {"field": "header", "name": "x-late", "new": ["1"], "after_chunk": 0}
OURS: list[tuple[Any, str, Any, Any]] = [
    (mutates, "late_mutations", [MUTATION], []),
    (mutates, "late_mutations", [MUTATION], [{**MUTATION, "after_chunk": 1}]),
    (mutates, "produced_at", [1.5, 2], [1.5, 2.1]),
    (mutates, "delivered_at", [1.5, 2.0], [1.5]),
    (mutates, "duration", 2, 1),
    (mutates, "log", ["finalized", "committed", "chunk", "chunk"], ["finalized", "chunk", "committed", "chunk"]),
    (mutates, "handler_outcome", "ended", "cancelled"),
    (mutates, "delivery_outcome", "complete", "cut"),
    (mutates, "buffered", False, True),
    (mutates, "request_id", "req_test_0001", "req_test_123"),
    (mutates, "dropped_chunks", 0, 1),
    (mutates, "error", None, {"code": "app.internal"}),
    (HANDLERS["late"], "error", {"code": "app.conflict"}, None),
    (HANDLERS["late"], "error", {"code": "app.conflict", "message": "taken"}, {"code": "app.conflict", "message": ""}),
    (events, "sse", [{"data": "a", "id": "1"}, {"data": "b", "id": "1", "event": "e", "retry": 5}], [{"data": "a"}]),
    (lines, "ndjson", [{"a": 1}, 2], [{"a": 1}]),
    (rows, "csv", [{"a": "1", "b": "2"}], [{"a": "1"}]),
    (parts, "data_stream", [{"type": "text", "value": "hi"}], [{"type": "text", "value": "ho"}]),
    (messages, "ui_messages", [{"type": "text-delta", "id": "1", "delta": "hi"}], []),
]


@pytest.mark.parametrize(
    ("handler", "field", "right", "wrong"), OURS, ids=[f"{each[1]}:{n}" for n, each in enumerate(OURS)]
)
def test_our_expectations_hold_or_fail_alone(handler: Any, field: str, right: Any, wrong: Any) -> None:
    """What sits under `expect.ours` is compared too: times are virtual and exact."""
    right_one, wrong_one = (run({"/expect/ours": {field: value}}, two=handler) for value in (right, wrong))

    def of_ours(verdict: Verdict) -> list[str]:
        return [line for line in verdict.differences if line.startswith(field)]

    assert of_ours(right_one) == []
    assert of_ours(wrong_one) == [f"{field} differs"]


def test_a_body_that_is_not_of_its_format_is_told_where() -> None:
    """W5: a line that is no JSON fails the document, and says in which chunk."""
    verdict = run({"/expect/ours": {"ndjson": []}}, two=lambda event, context: StreamingResponse("{\n"))

    assert [line for line in verdict.differences if "ndjson" in line] == [
        "ndjson: line 1 is no JSON: Expecting property name enclosed in double quotes (byte 1 of chunk 0)"
    ]


@pytest.mark.parametrize(
    ("tier", "handler", "response"),
    [
        ("p0", "empty", {"status": 204}),
        ("p1", "empty", {"status": 204, "headers": {**OCTETS, "x-request-id": "req_test_123"}}),
        ("m14", "empty", {"status": 204, "headers": {**OCTETS, "x-request-id": "req_test_123"}}),
        (
            "p0",
            "early",
            {
                "status": 409,
                "headers": JSON,
                "body_json": {"error": {"code": "app.conflict", "message": "busy", "request_id": "req_test_0001"}},
            },
        ),
        (
            "p2",
            "early",
            {
                "status": 409,
                "headers": {**JSON, "x-request-id": "req_test_123"},
                "body_json": {"error": {"code": "app.conflict", "message": "busy", "request_id": "req_test_123"}},
            },
        ),
        (
            "p0",
            "broken",
            {
                "status": 502,
                "headers": {"content-type": "text/plain"},
                "body": {"encoding": "utf8", "value": "Internal Server Error"},
            },
        ),
        (
            "m12",
            "broken",
            {
                "status": 500,
                "headers": {**JSON, "x-request-id": "req_test_123"},
                "body_json": {
                    "error": {"code": "app.internal", "message": "internal error", "request_id": "req_test_123"}
                },
            },
        ),
    ],
)
def test_tiers_add_what_the_contract_says(tier: str, handler: str, response: dict[str, Any]) -> None:
    """E2, E2b: all but `p0` have the id `req_test_123`, show it, and answer as AppTheory does."""
    assert run(asked(handler, response) | {"/tier": tier}).differences == ()


def test_the_request_id_of_the_request_wins() -> None:
    """D2: also over that of the tier."""
    shown = {"status": 204, "headers": {**OCTETS, "x-request-id": "mine"}}

    verdict = run(asked("empty", shown) | {"/tier": "p1", "/input/request/headers": {"X-Request-Id": "mine"}})

    assert verdict.differences == ()


def echoed(changes: Mapping[str, Any], handler: str = "echo") -> dict[str, Any]:
    """The event that a handler got."""
    seen: list[dict[str, Any]] = []
    shapes = {name: HANDLERS[name] for name in ("echo", "echo_async", "echo_streamified")}

    async def looks(event: Any, context: Any) -> Any:
        seen.append(event)
        return text_stream([""])

    run({"/setup/routes/0/handler": "looks", **changes}, **shapes, looks=looks)
    return seen[0]


@pytest.mark.parametrize(
    "body",
    [
        {"body": {"encoding": "base64", "value": "AP8="}},
        {"body": {"encoding": "utf8", "value": "AP8="}, "is_base64": True},
        {"body": {"encoding": "base64", "value": "AP8="}, "is_base64": True},
    ],
    ids=["base64", "text", "both"],
)
def test_a_body_in_base64_arrives_as_its_bytes(body: Any) -> None:
    """However the document writes it, it is decoded once; the event of a Function URL has its own base64."""
    event = echoed({"/setup/routes/0/method": "POST", "/input/request": {"method": "POST", "path": "/two", **body}})

    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)


def test_the_request_goes_out_as_it_is_written() -> None:
    """Paths stay encoded; a space in the query is %20, a list repeats its name; a body comes with its length."""
    event = echoed(
        {
            "/setup/routes/0": {"method": "POST", "path": "/a%20b", "handler": "looks"},
            "/input/request": {
                "method": "POST",
                "path": "/a%20b",
                "query": {"q": "é x", "n": ["1", "2"]},
                "headers": {"X-A": ["1", "2"], "content-type": "text/plain"},
                "body": {"encoding": "utf8", "value": "aGk="},
                "is_base64": True,
            },
        }
    )

    assert (event["rawPath"], event["rawQueryString"]) == ("/a%20b", "q=%C3%A9%20x&n=1&n=2")
    assert (event["body"], event["isBase64Encoded"]) == ("hi", False)
    assert {name: value for name, value in event["headers"].items() if not name.startswith("x-f")} == {
        "host": "contract.lambda-url.us-east-1.on.aws",
        "x-a": "1,2",
        "content-type": "text/plain",
        "content-length": "2",
        "x-amzn-trace-id": event["headers"]["x-amzn-trace-id"],
    }


SOURCES: dict[str, dict[str, Any]] = {
    "lambda_function_url": {
        "rawPath": "/two",
        "routeKey": "$default",
        "requestContext": {"http": {"method": "GET", "path": "/two"}},
    },
    "apigw_v2": {"rawPath": "/two", "routeKey": "GET /two", "requestContext": {"http": {"method": "GET"}}},
    "apigw_proxy": {"path": "/two", "httpMethod": "GET", "requestContext": {"requestId": "r"}, "body": None},
    "alb": {"path": "/two", "httpMethod": "GET", "requestContext": {"elb": {"targetGroupArn": "arn"}}, "body": ""},
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("handler", ["echo", "echo_async", "echo_streamified"])
def test_an_event_of_aws_reaches_every_shape_of_handler_as_it_is(source: str, handler: str) -> None:
    """Contract fixtures: `aws_event` of each source; the parameters of a route are added."""
    event = SOURCES[source]
    response = {"status": 200, "body_json": event}
    changes = asked(handler, response) | {"/input": {"aws_event": {"source": source, "event": event}}}
    with_parameter = {
        **changes,
        "/setup/routes/0/path": "/{name}",
        "/expect/response/body_json": {**event, "pathParameters": {"name": "two"}},
    }

    assert run(changes).differences == ()
    assert run(with_parameter).differences == ()


def test_the_id_and_the_size_of_an_event_count() -> None:
    """D2 and L1 hold for events too: `x-request-id` in any case, and the decoded body."""
    event = {
        **SOURCES["apigw_proxy"],
        "headers": {"X-Request-Id": "mine"},
        "body": "aGk=",
        "isBase64Encoded": True,
    }
    changes = asked("empty", {"status": 204}, request_id="mine") | {
        "/input": {"aws_event": {"source": "apigw_proxy", "event": event}}
    }

    assert run({**changes, "/setup/limits": {"max_request_bytes": 2}}).differences == ()
    assert run({**changes, "/setup/limits": {"max_request_bytes": 1}}).differences[:3] == (
        "status differs",
        "  - 204",
        "  + 413",
    )


def test_an_event_beside_a_request_is_what_the_handler_gets() -> None:
    """Contract fixtures: documents of adapters have both, and compare lists of headers joined by a comma."""
    event = {**SOURCES["lambda_function_url"], "mine": 1}
    both = {
        "/input/request": {"method": "PUT", "path": "/another"},
        "/input/aws_event": {"source": "lambda_function_url", "event": event},
    }

    assert run(both | asked("echo", {"status": 200, "body_json": event})).differences == ()
    assert run({**both, "/expect/response/headers/x-tag": ["one,two"]}).differences == ()
    assert run(both).differences == ()
    assert run({**both, "/expect/response/headers/x-tag": "two,one"}).differences == (
        *("header 'x-tag' differs", '  - "two,one"', '  + "one,two"'),
    )
    assert run({"/expect/response/headers/x-tag": ["one,two"]}).failed


HERE, ALLOWED = "https://here.example", {"allowed_origins": ["https://here.example"]}
ECHOED = {"access-control-allow-origin": [HERE], "vary": ["origin"]}
CREDENTIALS = {
    **ECHOED,
    "access-control-allow-credentials": ["true"],
    "access-control-allow-headers": ["Content-Type, Authorization"],
}
CORS: dict[str, tuple[Any, Any, Any]] = {
    "no configuration": (None, {"origin": HERE}, ECHOED),
    "no origin": (ALLOWED, {}, {}),
    "allowed": (ALLOWED, {"Origin": HERE}, ECHOED),
    "any": ({"allowed_origins": ["*"]}, {"origin": HERE}, ECHOED),
    "not allowed": (ALLOWED, {"origin": "https://there.example"}, {}),
    "credentials": ({**ALLOWED, "allow_credentials": True}, {"origin": HERE}, CREDENTIALS),
    "credentials without a list": ({"allow_credentials": True}, {"origin": HERE}, {}),
    "headers": (
        {"allow_headers": ["X-A", "X-B"]},
        {"origin": HERE},
        {**ECHOED, "access-control-allow-headers": ["X-A, X-B"]},
    ),
}


@pytest.mark.parametrize("case", CORS)
def test_tiers_above_p0_finish_cors(case: str) -> None:
    """Contract fixtures: `setup.cors` echoes an origin that is allowed, for early errors too; `p0` knows none."""
    cors, headers, added = CORS[case]
    setup = {} if cors is None else {"/setup/cors": cors}
    changes = {**setup, "/input/request/headers": headers}
    shown = {**OCTETS, "x-request-id": "req_test_123", **added}
    failed = {**JSON, "x-request-id": "req_test_123", **added}
    error = {"error": {"code": "app.conflict", "message": "busy", "request_id": "req_test_123"}}

    assert run({**changes, "/tier": "p1"} | asked("empty", {"status": 204, "headers": shown})).differences == ()
    assert (
        run(
            {**changes, "/tier": "p1"} | asked("early", {"status": 409, "headers": failed, "body_json": error})
        ).differences
        == ()
    )
    assert run(changes | asked("empty", {"status": 204})).differences == ()


def test_an_event_may_have_an_origin() -> None:
    """Contract fixtures: its headers in any case count as those of a request do."""
    event = {**SOURCES["apigw_proxy"], "headers": {"Origin": HERE}}
    changes = {"/tier": "p1", "/input": {"aws_event": {"source": "apigw_proxy", "event": event}}}
    headers = {**OCTETS, "x-request-id": "req_test_123", **ECHOED}

    assert run(changes | asked("empty", {"status": 204, "headers": headers})).differences == ()


def test_cors_adds_to_what_a_response_varies_by() -> None:
    """Sorted, in lower case, each once."""

    def varies(event: Any, context: Any) -> StreamingResponse:
        return StreamingResponse((), headers={"Vary": ["Origin, Accept", "x-a"], "content-type": "a/b"})

    headers = {
        "content-type": "a/b",
        "vary": ["accept", "origin", "x-a"],
        "x-request-id": "req_test_123",
        "access-control-allow-origin": HERE,
    }
    changes = {"/tier": "p1", "/input/request/headers": {"origin": HERE}}

    assert run(changes | asked("two", {"status": 200, "headers": headers}), two=varies).differences == ()


@pytest.mark.parametrize(
    ("headers", "added"),
    [({"origin": HERE}, ECHOED), ({"origin": "https://there.example"}, {})],
    ids=["allowed", "not"],
)
def test_a_preflight_is_answered_before_routing(headers: Any, added: Any) -> None:
    """Contract fixtures: 204 with the method that was asked for, even without a route; in `p0` it is a request."""
    shown = {"access-control-allow-methods": "PUT", "x-request-id": "req_test_123", **added}
    changes = {
        "/setup/cors": ALLOWED,
        "/setup/routes": [],
        "/input/request": {
            "method": "OPTIONS",
            "path": "/anything",
            "headers": {**headers, "access-control-request-method": "PUT"},
        },
        "/expect/response": {"status": 204, "headers": shown, "cookies": []},
    }

    assert run({**changes, "/tier": "p1"}).differences == ()
    with pytest.raises(DocumentError, match="#/setup/routes: is empty"):
        run(changes)


ROUTES = [
    ("GET", "/a/{id}", "by_id"),
    ("GET", "/a/b", "exact"),
    ("GET", "/a/{rest+}", "rest"),
    ("POST", "/a/b", "posted"),
    ("POST", "/only", "posted"),
    ("GET", "/{one}/{two}/x", "by_two"),
    ("GET", "/slash/", "slash"),
]


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/a/b", ["exact", None]),
        ("GET", "/a/c%20d", ["by_id", {"id": "c%20d"}]),
        ("GET", "/a/c/d", ["rest", {"rest": "c/d"}]),
        ("POST", "/a/b", ["posted", None]),
        ("get", "/a/b", ["exact", None]),
        ("GET", "/a/c/d/", ["rest", {"rest": "c/d/"}]),
        ("GET", "/a/b/", ["rest", {"rest": "b/"}]),
        ("GET", "/a/B", ["by_id", {"id": "B"}]),
        ("GET", "/z/y/x", ["by_two", {"one": "z", "two": "y"}]),
        ("GET", "/a/y/x", ["rest", {"rest": "y/x"}]),
        ("GET", "/slash/", ["slash", None]),
        ("GET", "/slash", 404),
        ("GET", "/a/", 404),
        ("GET", "/z//x", 404),
        ("POST", "/only/", 404),
        ("HEAD", "/slash/", 405),
        ("GET", "/only", 405),
        ("GET", "/nowhere", 404),
    ],
)
def test_routes_find_the_handler_by_method_and_path(method: str, path: str, answer: Any) -> None:
    """Contract fixtures: the most exact route wins; 404 and 405 are AppTheory's codes."""

    def named(name: str) -> Any:
        def handler(event: Any, context: Any) -> Iterator[str]:
            yield json.dumps([name, event.get("pathParameters")])

        return handler

    code, message = {404: ("not_found", "not found"), 405: ("method_not_allowed", "method not allowed")}.get(
        answer if isinstance(answer, int) else 0, ("", "")
    )
    error = {"error": {"code": f"app.{code}", "message": message, "request_id": "req_test_0001"}}
    expected = (
        {"status": answer, "headers": JSON, "body_json": error}
        if isinstance(answer, int)
        else {"status": 200, "headers": OCTETS, "body_json": answer}
    )
    if method == "HEAD":  # which has no body
        del expected["body_json"]
    verdict = run(
        {
            "/setup/routes": [{"method": each, "path": path, "handler": name} for each, path, name in ROUTES],
            "/input/request": {"method": method, "path": path},
            "/expect/response": {"cookies": [], **expected},
        },
        **{name: named(name) for _, _, name in ROUTES},
    )

    assert verdict.differences == ()


@pytest.mark.parametrize(
    ("ours", "response"),
    [
        ({"fault": {"disconnect": 1}}, {"handler_outcome": "ended", "delivery_outcome": "client_gone(after 3 bytes)"}),
        ({"fault": {"disconnect": 1}, "on_disconnect": "cancel"}, {"handler_outcome": "cancelled"}),
        ({"fault": {"cancel": {"seconds": 1.0}}}, {"handler_outcome": "cancelled", "duration": 1}),
        ({"fault": {"slow_reader": 3}}, {"delivered_at": [2.5, 4]}),
        ({"fault": {"deadline": 1}}, {"handler_outcome": "timed_out", "delivery_outcome": "complete"}),
        ({"timeout": 1.7}, {"handler_outcome": "timed_out", "delivery_outcome": "cut"}),
        ({"timeout": 1.7, "late_timeout": "clean"}, {"handler_outcome": "timed_out", "delivery_outcome": "complete"}),
        ({"fault": {"limit": 3}}, {"error": {"code": "app.too_large"}}),
        ({"pace": {"burst": 1, "rate": 1}}, {"delivered_at": [3.5, 7]}),
        ({"invoke_mode": "BUFFERED"}, {"buffered": True}),
    ],
    ids=lambda each: json.dumps(each) if isinstance(each, dict) else None,
)
def test_a_document_may_set_up_faults_and_bounds(ours: Any, response: Any) -> None:
    """E4, E5, L2, L3: `setup.ours` makes them happen, `expect.ours` says what comes of it."""
    verdict = run({"/setup/ours": ours, "/expect/ours": response}, two=mutates)

    assert [line for line in verdict.differences if line.split()[0] in response] == []


def test_a_handler_that_is_not_there_is_told_by_its_place() -> None:
    """Also one of a route that the request does not take: the whole document must make sense."""
    routes = [
        {"method": "GET", "path": "/two", "handler": "two"},
        {"method": "GET", "path": "/three", "handler": "three"},
    ]

    with pytest.raises(
        DocumentError, match=r"^two\.stream\.json#/setup/routes/1/handler: there is no handler 'three'; there are two$"
    ):
        run_document(document({"/setup/routes": routes}), {"two": HANDLERS["two"]})
    with pytest.raises(DocumentError, match=r"#/setup/routes/0/handler: there is no module 'nowhere'"):
        run_document(document(), {"two": "nowhere:handler"})


@pytest.mark.parametrize(("method", "path"), [("GET", "/two/"), ("POST", "/two")], ids=["404", "405"])
def test_a_request_that_no_route_takes_is_told_with_the_routes(method: str, path: str) -> None:
    """What was not expected is most often a slip in a path."""
    verdict = run(
        {
            "/input/request": {"method": method, "path": path},
            "/setup/routes": [
                {"method": "GET", "path": "/two", "handler": "two"},
                {"method": "put", "path": "/x/{a}", "handler": "two"},
            ],
        }
    )

    assert f"no route takes {method} {path}: there are GET /two, PUT /x/{{a}}" in verdict.differences


def test_a_handler_that_waits_for_nothing_fails_its_document() -> None:
    """A deadlock in virtual time is the handler's: the verdict says where it waits, and of no test to be marked."""

    async def waits(event: Any, context: Any) -> None:
        await asyncio.Event().wait()

    told = "\n".join(run(two=waits).differences)

    assert "test_contract_runner.py:" in told
    assert told.endswith("Set what is waited for, or run the document on a worker, whose time is real.")


def test_a_document_that_cannot_hold_here_is_told_and_not_run() -> None:
    """Neither passed nor failed: the table says why."""
    elsewhere = run({"/setup/ours": {"targets": ["http"], "targets_why": "Only a socket shows it."}})
    aborted = run({"/setup/ours": {"late_errors": "abort"}})
    foreign = run({"/setup/middlewares": ["timeout"]})

    assert (elsewhere.outcome, elsewhere.reason) == (Outcome.NOT_HERE, "Only a socket shows it.")
    assert (aborted.outcome, aborted.reason) == (
        Outcome.NOT_HERE,
        "there is no connection that a late error could abort",
    )
    assert (foreign.outcome, foreign.reason) == (Outcome.NOT_OURS, "setup.middlewares is about AppTheory itself")
    assert not any(each.passed or each.failed for each in (elsewhere, aborted, foreign))


def test_handlers_of_other_kinds_run_too() -> None:
    """An ASGI application, and an object of AppTheory's shape."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    def shape(event: Any, context: Any) -> Any:
        return SimpleNamespace(status=204, headers={}, cookies=[], body=b"", body_stream=None, is_base64=False)

    for handler in (asgi(app), shape):
        verdict = run(asked("two", {"status": 204}), two=handler)

        assert [line for line in verdict.differences if line.startswith("status")] == []


async def test_a_document_needs_a_loop_of_its_own() -> None:
    """In an async test it would block the loop, so it says so."""
    with pytest.raises(LoopError, match="call this in a test that is not async"):
        run()


def test_a_table_shows_documents_by_targets_and_what_differs() -> None:
    """One row a document, one column a target; failures and reasons below, and a line that counts."""
    documents = [document(), document({"/id": "other", "/expect/response/status": 200})]
    documents = [*documents, document({"/id": "foreign", "/tier": "mcp"})]
    named = [
        type(each)(file=f"{n}.stream.json", id=each.id, name=each.name, case=each.case, foreign=each.foreign)
        for n, each in enumerate(documents)
    ]

    assert render_table(list(run_documents(named, HANDLERS))) == (
        "document           in-process\n"
        "stream.two_chunks  ok\n"
        "other              FAILED\n"
        "foreign            not ours\n"
        "\n"
        "other (in-process): Two chunks arrive as they were written.\n"
        "  1.stream.json\n"
        "  status differs\n"
        "    - 200\n"
        "    + 201\n"
        "\n"
        "not ours: foreign (in-process): documents of tier mcp are about AppTheory itself\n"
        "\n"
        "3 documents: 1 passed, 1 failed, 1 not ours"
    )
    assert render_table([]) == "0 documents: nothing was run"
    assert render_table(list(run_documents(named[2:], HANDLERS))).endswith("\n1 document: nothing was run (1 not ours)")


def test_handlers_come_from_a_mapping_or_from_public_functions(tmp_path: Path) -> None:
    """HANDLERS, else the functions that a module defines itself; without any it says so."""
    (tmp_path / "functions_of_mine.py").write_text(f"{MODULE}\n\ndef _private(event, context): ...\n\nthree = 3\n")
    (tmp_path / "mapping_of_mine.py").write_text(
        "def f(e, c): ...\n\nHANDLERS = {'two-chunks': f, 'by_target': 'a:b'}\n"
    )
    (tmp_path / "wrong_of_mine.py").write_text("HANDLERS = {'two': 2}\n")
    (tmp_path / "nothing_of_mine.py").write_text("from json import dumps\n")

    assert list(load_handlers(str(tmp_path / "functions_of_mine.py"))) == ["two"]
    assert list(load_handlers(str(tmp_path / "mapping_of_mine.py"))) == ["two-chunks", "by_target"]
    with pytest.raises(TargetError, match="maps 'two' to 2, which is no handler"):
        load_handlers(str(tmp_path / "wrong_of_mine.py"))
    with pytest.raises(TargetError, match="has no handlers: give it public functions, or a mapping HANDLERS"):
        load_handlers(str(tmp_path / "nothing_of_mine.py"))
    with pytest.raises(TargetError, match="there is no module 'nowhere_at_all'"):
        load_handlers("nowhere_at_all")


@pytest.mark.parametrize("line", ["from two_of_mine import two as other", "import two_of_mine"])
def test_a_file_that_imports_its_own_name_is_told(tmp_path: Path, line: str) -> None:
    """Two files of one name cannot both be the module: the import would be of the file itself."""
    (tmp_path / "two_of_mine.py").write_text(f"{line}\n{MODULE}")

    with pytest.raises(TargetError, match=r"imports 'two_of_mine', which is its own name: .*, so rename one$"):
        load_handlers(str(tmp_path / "two_of_mine.py"))


def test_an_error_of_a_handler_with_a_code_is_the_documents_to_expect() -> None:
    """E1: codes of the handler's own are 500."""

    def sold_out(event: Any, context: Any) -> Any:
        raise AppError("shop.sold_out", "gone")

    error = {"error": {"code": "shop.sold_out", "message": "gone", "request_id": "req_test_0001"}}

    assert run(asked("two", {"status": 500, "headers": JSON, "body_json": error}), two=sold_out).passed
