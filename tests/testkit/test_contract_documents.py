"""Reading contract documents: what is wrong with one is told by its file and its JSON pointer."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apptheory_streaming.errors import UsageError
from apptheory_testkit.contract import DocumentError, find_documents, parse_document, read_document, shipped_documents
from apptheory_testkit.contract.schema import contract_schema, schema_faults
from contract_documents import changed, document, text

BROKEN: list[tuple[Mapping[str, Any], str, str]] = [
    ({"/id": "a b"}, "/id", r'"a b" does not match .*'),
    ({"/tier": "p9"}, "/tier", r'must be one of "p0", "p1", "p2", "m12", "m14", not "p9"'),
    ({"/name": ""}, "/name", "must not be empty"),
    ({"/name": 7}, "/name", "must be a text, not 7"),
    ({"/extra": 1}, "/extra", "there is no such field; there are .*"),
    ({"/expect": ...}, "", "'expect' is missing"),
    ({"/setup/route": []}, "/setup/route", "there is no such field; did you mean 'routes'\\?"),
    ({"/setup/routes/0/path": "two"}, "/setup/routes/0/path", '"two" does not match .*'),
    ({"/setup/routes/0/handler": ...}, "/setup/routes/0", "'handler' is missing"),
    ({"/setup/limits/max_response_bytes": -1}, "/setup/limits/max_response_bytes", "must be 0 or more, not -1"),
    ({"/setup/limits/max_response_bytes": True}, "/setup/limits/max_response_bytes", "must be a whole number, .*"),
    ({"/setup/ours/timeout": 0}, "/setup/ours/timeout", "must be more than 0, not 0"),
    ({"/setup/ours/fault": {}}, "/setup/ours/fault", "must not be empty: there are disconnect, cancel, .*"),
    ({"/setup/ours/fault/disconnect": "x"}, "/setup/ours/fault/disconnect", "must be a whole number, .* or .*"),
    (
        {"/setup/ours/fault/disconnect": {"seconds": "x"}},
        "/setup/ours/fault/disconnect/seconds",
        'must be a number, not "x"',
    ),
    ({"/setup/ours/targets": ["http"]}, "/setup/ours", "'targets' needs 'targets_why' beside it"),
    (
        {"/setup/ours/targets": ["http", "http"], "/setup/ours/targets_why": "so"},
        "/setup/ours/targets",
        "names one thing twice",
    ),
    ({"/input": {}}, "/input", "must not be empty: there are request, aws_event"),
    (
        {"/input/aws_event": {"source": "alb", "event": {}}},
        "/input/aws_event",
        ".* no method or no path.*",
    ),
    (
        {
            "/input": {
                "aws_event": {"source": "alb", "event": {"path": "/", "httpMethod": "GET"}},
                "request": {"method": "GET", "path": "/ "},
            }
        },
        "/input/request",
        '"/ " is not percent-encoded, .*',
    ),
    ({"/setup/routes": 5}, "/setup/routes", "must be a list, not 5"),
    ({"/input/aws_event": {"source": [], "event": {}}}, "/input/aws_event/source", "must be one of .*"),
    (
        {
            "/input/aws_event": {
                "source": "alb",
                "event": {
                    "requestContext": {"elb": {}},
                    "httpMethod": "GET",
                    "path": "/",
                    "multiValueHeaders": {"a": 5},
                },
            }
        },
        "/input/aws_event",
        "this event is none of an HTTP request: .*",
    ),
    ({"/input/request/headers": {"a b": "x"}}, "/input/request", "'a b' is no name of a header.*"),
    ({"/input/request/headers": {"x/a~b": [1]}}, "/input/request/headers/x~1a~0b/0", "must be a text, not 1"),
    (
        {"/input/request/body": {"encoding": "base64", "value": "*"}},
        "/input/request",
        "this is no base64: .*",
    ),
    ({"/input": {"aws_event": {"source": "alb", "event": {}}}}, "/input/aws_event", ".* no method or no path.*"),
    ({"/expect/response/status": 600}, "/expect/response/status", "must be 599 or less, not 600"),
    ({"/expect/response/headers/x": 1}, "/expect/response/headers/x", "must be a text, not 1 or must be a list, .*"),
    ({"/expect/response/chunks/1/encoding": "hex"}, "/expect/response/chunks/1/encoding", "must be one of .*"),
    ({"/expect/response/chunks/1/value": "*"}, "/expect/response/chunks", "this is no base64: .*"),
    (
        {"/expect/response/body_json": 1},
        "/expect/response",
        "has body_json and chunks, which say the same: keep one",
    ),
    ({"/setup/limits/max_response_bytes": 1.0}, "/setup/limits/max_response_bytes", "must be a whole number, not 1.0"),
    ({"/setup/cors": {"allow_origins": []}}, "/setup/cors/allow_origins", "there is no such field; did you mean .*"),
    ({"/setup/ours/rules": ["R3", "Z99"]}, "/setup/ours/rules/1", 'must be one of "R0", .*, "D3", not "Z99"'),
    (
        {"/setup/routes": []},
        "/setup/routes",
        'is empty, so nothing takes the request: write {"method": …, "path": …, "handler": …}',
    ),
    (
        {"/setup/routes/0/path": "/x{a}"},
        "/setup/routes/0/path",
        '"/x{a}" has braces in "x{a}": a parameter is a whole segment, as in "/files/{name}"',
    ),
    (
        {"/setup/routes/0/path": "/{p+}/x"},
        "/setup/routes/0/path",
        '"/{p+}/x" goes on behind {p+}, which takes the whole rest: write {p} for one segment',
    ),
    (
        {"/setup/routes/0/path": "/{a}/b c"},
        "/setup/routes/0/path",
        '"/{a}/b c" is not percent-encoded, as paths are on the wire: write "/{a}/b%20c"',
    ),
    (
        {"/input/request/path": "/ü%20"},
        "/input/request",
        '"/ü%20" is not percent-encoded, as paths are on the wire: write "/%C3%BC%20"',
    ),
    (
        {"/input/request/path": "/two?c=1"},
        "/input/request",
        '"/two?c=1" has a query, which is no part of a path: write "/two"; a query stands in input.request.query',
    ),
    (
        {"/input/request/path": "/two#c"},
        "/input/request",
        '"/two#c" has a fragment, which is no part of a path: write "/two"',
    ),
    ({"/expect/ours/log": ["begun"]}, "/expect/ours/log/0", "must be one of .*"),
]


@pytest.mark.parametrize(
    ("changes", "pointer", "problem"), BROKEN, ids=[f"{next(iter(each[0]))}:{n}" for n, each in enumerate(BROKEN)]
)
def test_a_mistake_is_told_by_its_pointer(changes: Mapping[str, Any], pointer: str, problem: str) -> None:
    """Contract fixtures: one line that names the file, the place and what would be right."""
    with pytest.raises(DocumentError) as raised:
        document(changes)

    assert raised.value.pointer == pointer
    assert raised.value.problem == problem or re.fullmatch(problem, raised.value.problem)
    assert str(raised.value) == f"two.stream.json{'#' if pointer else ''}{pointer}: {raised.value.problem}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"is no JSON: Expecting value \(line 1, column 1\)"),
        ('{\n "id": }', r"is no JSON: Expecting value \(line 2, column 8\)"),
        ('{"id": 1e999}', "is no JSON: 1e999 is larger than any number of JSON's readers"),
        (f'{{"id": -{9:9<400}}}', f"is no JSON: -{9:9<19}… is larger than any number of JSON's readers"),
        ("[]", "a contract document is a JSON object"),
        ('{"id": 1, "id": 2}', "is no JSON: one object has the field 'id' twice"),
        ('{"id": NaN}', "is no JSON: NaN is no value"),
        ('{"name": "\\ud800"}', "has text without a UTF-8 form: half of a surrogate pair"),
        ("[" * 100_000, "is no JSON: .*recursion.*"),
    ],
    ids=["empty", "line 2", "too large", "too large a whole number", "list", "twice", "NaN", "surrogate", "deep"],
)
def test_a_text_that_is_no_document_is_told_by_its_line(text: str, problem: str) -> None:
    """Of what JSON itself has no place for, the file is named."""
    with pytest.raises(DocumentError, match=f"^chat: {problem}$"):
        parse_document(text, file="chat")


def test_a_file_is_read_with_its_mark_and_told_by_its_name(tmp_path: Path) -> None:
    """A byte order mark is none of JSON's business; a file that is not there, or no UTF-8, is a clear error."""
    file = tmp_path / "two.stream.json"
    file.write_text(text(), encoding="utf-8-sig")
    broken = tmp_path / "broken.stream.json"
    broken.write_bytes(b"\xff")

    assert read_document(file).id == "stream.two_chunks"
    with pytest.raises(DocumentError, match=r"broken\.stream\.json: is no UTF-8 \(byte 0\)$"):
        read_document(broken)
    with pytest.raises(DocumentError, match=r"none\.stream\.json: cannot be read: No such file"):
        read_document(tmp_path / "none.stream.json")


FOREIGN: list[tuple[Mapping[str, Any], str]] = [
    ({"/tier": "mcp"}, "documents of tier mcp are about AppTheory itself"),
    ({"/setup/middlewares": ["timeout"]}, "setup.middlewares is about AppTheory itself"),
    ({"/setup/sqs": []}, "setup.sqs is about AppTheory itself"),
    ({"/input/context": {"remaining_ms": 1}}, "input.context is about AppTheory itself"),
    ({"/expect/output_json": {}}, "expect.output_json is about AppTheory itself"),
    ({"/expect/logs": []}, "expect.logs is about AppTheory itself"),
    ({"/setup/routes/0/auth_required": True}, "setup.routes.auth_required is about AppTheory itself"),
    ({"/setup/routes/0/handler": None}, "a route without a handler is about AppTheory's own routing"),
    ({"/input": {"aws_event": {"source": "appsync", "event": {}}}}, "AppSync is no HTTP front, and streams nothing"),
]


@pytest.mark.parametrize(("changes", "why"), FOREIGN, ids=[next(iter(changes)) for changes, _ in FOREIGN])
def test_documents_of_other_kinds_are_none_of_ours(changes: Mapping[str, Any], why: str) -> None:
    """Contract fixtures: those of middlewares, MCP and so on belong to AppTheory, and are said to."""
    found = document(changes)

    assert found.case is None
    assert found.foreign == why
    assert (found.id, found.name) == ("stream.two_chunks", "Two chunks arrive as they were written.")


def test_files_and_folders_give_their_documents(tmp_path: Path) -> None:
    """A folder gives what lies in it at any depth, in order; what is not there is said."""
    for name in ("b.stream.json", "a/c.stream.json", "other.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text())

    found = [path.relative_to(tmp_path).as_posix() for path in find_documents([tmp_path, tmp_path / "other.json"])]

    assert found == ["a/c.stream.json", "b.stream.json", "other.json"]
    with pytest.raises(UsageError, match="there is no file or folder"):
        list(find_documents([tmp_path / "none"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"holds no file that ends in \.stream\.json"):
        list(find_documents([tmp_path / "empty"]))


def test_the_schema_is_one_and_its_examples_keep_to_it() -> None:
    """The file that an editor would be given is JSON Schema, 2020-12; what it shows is true."""
    schema: Any = contract_schema()
    Draft202012Validator.check_schema(schema)
    shown = list(with_examples(schema))

    assert len(shown) > 8
    for each in shown:
        for example in each["examples"]:
            Draft202012Validator({**each, "$defs": schema["$defs"]}).validate(example)


def with_examples(schema: Any) -> Iterator[dict[str, Any]]:
    """The parts of a schema that have examples."""
    if isinstance(schema, dict):
        if isinstance(schema.get("examples"), list):
            yield schema
        for each in schema.values():
            yield from with_examples(each)


def test_the_schema_knows_the_rules_of_the_contract() -> None:
    """Those of the page, in its order: a document cannot name another."""
    page = Path(__file__).parents[2] / "docs/reference/contract.md"
    rules = re.findall(r"\*\*([A-Z][0-9]+[a-z]?)\*\*", page.read_text(encoding="utf-8"))

    assert contract_schema()["$defs"]["rule"]["enum"] == list(dict.fromkeys(rules))


def test_all_faults_of_a_document_are_found() -> None:
    """Not only the first one."""
    faults = list(schema_faults(changed({"/tier": "p9", "/name": 7, "/extra": 1})))

    assert [each.path for each in faults] == [("extra",), ("tier",), ("name",)]


def test_the_documents_of_the_contract_keep_to_the_schema() -> None:
    """All that ship can be read, and have an id of their own."""
    documents = [read_document(path) for path in shipped_documents()]

    assert documents
    assert all(each.case is not None for each in documents)
    assert len({each.id for each in documents}) == len(documents)
