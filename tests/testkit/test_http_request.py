"""A request is made from the keywords that httpx users know."""

from typing import Any

import pytest

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.transports.http_request import make_request


def request(path: str = "/", method: str = "GET", **options: Any) -> HttpRequest:
    return make_request(method, path, host="example.test", **options)


def test_defaults_are_those_of_a_plain_client() -> None:
    made = request(method="get")

    assert made.method == "GET"
    assert (made.path, made.query, made.body) == ("/", "", b"")
    assert made.headers == (("host", "example.test"), ("user-agent", "apptheory-testkit"), ("accept", "*/*"))


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/", "/"),
        ("", "/"),
        ("chat", "/chat"),
        ("//double", "//double"),
        ("/caf%C3%A9/%2F", "/caf%C3%A9/%2F"),
        ("/café", "/caf%C3%A9"),
        ("/a b", "/a%20b"),
        ("/a+b~c:@!$&'()*,;=", "/a+b~c:@!$&'()*,;="),
        ("/100%", "/100%"),
        ("/#top", "/%23top"),
    ],
)
def test_a_path_is_percent_encoded_where_it_is_not_yet(given: str, path: str) -> None:
    assert request(given).path == path


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ("/?q=1", "q=1"),
        ("/?", ""),
        ("/?q=a%20b+c&é=ü", "q=a%20b+c&%C3%A9=%C3%BC"),
        ("/?q=a b", "q=a%20b"),
        ("/?url=https://x/?a[]=1", "url=https://x/?a[]=1"),
    ],
)
def test_a_query_in_the_path_stays_as_it_is_where_it_is_encoded(given: str, query: str) -> None:
    assert request(given).query == query


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"q": "two words"}, "q=two%20words"),
        ({"q": "a+b&c=d/é"}, "q=a%2Bb%26c%3Dd%2F%C3%A9"),
        ({"tag": ["a", "b"], "n": 3}, "tag=a&tag=b&n=3"),
        ({"tag": ("a", "b")}, "tag=a&tag=b"),
        ([("tag", "a"), ("x", 1.5), ("tag", "b")], "tag=a&x=1.5&tag=b"),
        ({"on": True, "off": False, "none": None}, "on=true&off=false&none="),
        ({"tag": []}, ""),
        ({}, ""),
    ],
)
def test_params_become_the_query(params: Any, query: str) -> None:
    """A space becomes %20, a list a repeated name; booleans and None read as httpx writes them."""
    assert request(params=params).query == query


def test_params_come_after_the_query_of_the_path() -> None:
    assert request("/?a=1", params={"b": "2"}).query == "a=1&b=2"


def test_a_header_replaces_the_default_of_its_name_in_any_case() -> None:
    made = request(headers={"Accept": "text/html", "HOST": "other.test", "X-One": "1"})

    assert made.headers == (
        ("user-agent", "apptheory-testkit"),
        ("Accept", "text/html"),
        ("HOST", "other.test"),
        ("X-One", "1"),
    )


def test_headers_may_repeat_and_keep_their_order() -> None:
    made = request(headers=[("x-tag", "a"), ("x-other", "o"), ("X-Tag", "b")])

    assert list(made.values("x-tag")) == ["a", "b"]


def test_cookies_become_one_header() -> None:
    assert list(request(cookies={"a": "1", "b": "2"}).values("cookie")) == ["a=1; b=2"]


def test_cookies_are_sent_beside_a_cookie_header() -> None:
    """Neither of the two is lost."""
    made = request(cookies={"a": "1"}, headers={"Cookie": "b=2"})

    assert list(made.values("cookie")) == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("options", "body", "content_type"),
    [
        ({"json": {"é": [1, None]}}, '{"é":[1,null]}'.encode(), "application/json"),
        ({"json": []}, b"[]", "application/json"),
        ({"json": 0}, b"0", "application/json"),
        ({"content": b"\x00\xff"}, b"\x00\xff", ""),
        ({"content": "é"}, "é".encode(), "text/plain; charset=utf-8"),
        ({"data": {"a": "1 2", "b": ["x", "y"]}}, b"a=1+2&b=x&b=y", "application/x-www-form-urlencoded"),
        ({"data": {"on": True, "none": None}}, b"on=true&none=", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_has_the_content_type_of_its_keyword(options: dict[str, Any], body: bytes, content_type: str) -> None:
    made = request(method="POST", **options)

    assert made.body == body
    assert made.first("content-type") == content_type
    assert made.first("content-length") == str(len(body))


@pytest.mark.parametrize("options", [{}, {"json": None}, {"content": b""}, {"content": None, "data": None}])
def test_a_request_without_a_body_has_no_length(options: dict[str, Any]) -> None:
    made = request(**options)

    assert made.body == b""
    assert made.first("content-length", "none") == "none"


def test_a_header_overrides_the_content_type_of_a_body() -> None:
    made = request(json={"a": 1}, headers={"Content-Type": "application/vnd.api+json"})

    assert list(made.values("content-type")) == ["application/vnd.api+json"]


@pytest.mark.parametrize(
    "bodies",
    [{"json": {}, "data": {}}, {"json": 0, "content": b""}, {"content": "", "data": {}}],
)
def test_more_than_one_body_is_a_usage_error(bodies: dict[str, Any]) -> None:
    """An empty body counts: which of the two was meant cannot be known."""
    with pytest.raises(UsageError, match="one of json=, content= and data="):
        request(**bodies)


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\r\nx-admin: 1"], ids=["cr", "lf", "nul", "crlf"])
@pytest.mark.parametrize(
    ("options", "name"),
    [
        (lambda text: {"headers": {"X-Own": f"a{text}"}}, "X-Own"),
        (lambda text: {"headers": [("a", "1"), ("user-agent", f"a{text}")]}, "user-agent"),
        (lambda text: {"cookies": {"session": f"a{text}"}}, "cookie"),
    ],
    ids=["mapping", "pairs", "cookies"],
)
def test_a_value_that_would_break_out_of_its_header_is_refused(options: Any, name: str, character: str) -> None:
    """A real client could not send it: in process it must not reach the handler either."""
    with pytest.raises(UsageError, match=rf"header '{name}' must not contain .* \(position "):
        request(**options(character))


@pytest.mark.parametrize("name", ["", "x own", "x:own", "x\r\nown", "x\0own", "größe", "x(own)"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a header") as refused:
        request(headers={name: "1"})
    assert repr(name) in str(refused.value)


@pytest.mark.parametrize("value", [1, None, ["a", "b"], b"a"], ids=repr)
def test_a_value_that_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=f"header 'x-own' must be text, not of type {type(value).__name__}"):
        request(headers={"x-own": value})


PAIRS = "= takes a mapping of names to values, or pairs of them, not "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"params": 5}, f"params{PAIRS}5"),
        ({"params": "a=1"}, f"params{PAIRS}'a=1'"),
        ({"params": ["ab"]}, f"params{PAIRS}['ab']"),
        ({"params": [("a", 1, 2)]}, f"params{PAIRS}[('a', 1, 2)]"),
        ({"headers": 5}, f"headers{PAIRS}5"),
        ({"headers": ["ab"]}, f"headers{PAIRS}['ab']"),
        ({"data": 5}, f"data{PAIRS}5"),
        ({"data": b"a=1"}, f"data{PAIRS}b'a=1'"),
        ({"content": 5}, "content= takes bytes or text, not 5; a value goes into json=, form fields into data="),
        ({"content": {}}, "content= takes bytes or text, not {}; a value goes into json=, form fields into data="),
        ({"json": {1}}, "json= takes a value that has a JSON form: Object of type set is not JSON serializable"),
        ({"cookies": "x"}, "cookies= maps names to values, not 'x'; text as it is goes into a `cookie` header"),
        (
            {"cookies": {"a;": "b"}},
            "'a;' is no name of a cookie: it may have letters, digits and !#$%&'*+-.^_`|~",
        ),
        ({"cookies": {"a": "b;c"}}, "cookie 'a' must be text without ';', which would end it, not 'b;c'"),
        ({"cookies": {"a": 5}}, "cookie 'a' must be text without ';', which would end it, not 5"),
        ({"path": 5}, "a path is text such as '/chat?q=1', not 5"),
    ],
    ids=str,
)
def test_a_keyword_of_another_type_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        request(**options)

    assert str(raised.value) == message


def test_headers_may_come_from_an_iterator() -> None:
    assert request(headers=iter([("a", "b")])).first("a") == "b"


@pytest.mark.parametrize("content", [bytearray(b"ab"), memoryview(b"ab")], ids=["bytearray", "memoryview"])
def test_content_may_be_of_any_type_of_bytes(content: Any) -> None:
    assert request(content=content).body == b"ab"


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "GÉT", None], ids=repr)
def test_a_method_that_is_no_word_is_refused(method: Any) -> None:
    with pytest.raises(UsageError, match="a method is a word such as GET, not "):
        request(method=method)


def test_connect_is_refused_as_a_function_url_does() -> None:
    with pytest.raises(UsageError, match="tunnel"):
        request(method="connect")
