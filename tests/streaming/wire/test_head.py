"""Heads: status (R4), headers (R5), cookies (R6)."""

from collections import UserList
from decimal import Decimal
from enum import Enum
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.wire.head import (
    Head,
    head_from_fields,
    make_head,
    merge_case_variants,
    normalize_cookies,
    normalize_headers,
    normalize_status,
)

TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Named(str, Enum):  # noqa: UP042 - unlike in StrEnum, `str` of a member is not its text
    HTML = "text/html"


class Numbered(int, Enum):  # as above, unlike IntEnum
    SEVEN = 7


@pytest.mark.parametrize(
    ("given_status", "status"),
    [
        (None, 200),
        (0, 200),
        ("0", 200),
        (100, 100),
        (599, 599),
        ("418", 418),
        ("100", 100),
        ("599", 599),
        (HTTPStatus.NOT_FOUND, 404),
    ],
)
def test_status_accepted(given_status: object, status: int) -> None:
    """R4: whole numbers from 100 to 599 and digit strings pass; missing and 0 are 200."""
    found = normalize_status(given_status)
    assert found == status
    assert type(found) is int


@pytest.mark.parametrize(
    "status",
    [
        99,
        600,
        -200,
        1,
        "99",
        "600",
        "0200",
        "+200",
        "-200",
        " 200",
        "200 ",
        "2_00",
        "٢٠٠",
        "",
        "OK",
        200.0,
        True,
        False,
        b"200",
        [200],
        {},
    ],
)
def test_status_refused(status: object) -> None:
    """R4: anything else is InvalidResponse, and the message shows the value."""
    with pytest.raises(InvalidResponse, match="status") as caught:
        normalize_status(status)
    assert repr(status) in str(caught.value)


@pytest.mark.parametrize(("status", "bodyless"), [(100, True), (199, True), (204, True), (304, True), (200, False)])
def test_statuses_that_allow_no_body(status: int, bodyless: bool) -> None:
    """E6: 204, 304 and interim statuses have no body."""
    assert Head(status).bodyless is bodyless


@pytest.mark.parametrize("status", [200, 201, 203, 205, 206, 301, 303, 305, 404, 500])
def test_every_other_status_may_have_a_body(status: int) -> None:
    """E6: no status beside 1xx, 204 and 304 forbids a body."""
    assert not Head(status).bodyless


def test_header_names_are_kept_lower_case_and_values_become_lists() -> None:
    """R5: names are lower-case, one value is a list of one, order of names is as given."""
    headers = normalize_headers({"X-B": "2", "Content-Type": "text/html", "x-a": ["1", "3"]})
    assert headers == {"x-b": ("2",), "content-type": ("text/html",), "x-a": ("1", "3")}
    assert list(headers) == ["x-b", "content-type", "x-a"]


def test_case_variants_merge_in_sorted_order_of_their_names() -> None:
    """R5: `X-T`, `X-t` and `x-t` become one name, whatever order they came in."""
    variants = {"x-t": "3", "X-t": ["2a", "2b"], "X-T": "1"}
    backwards = dict(reversed(list(variants.items())))
    assert normalize_headers(variants) == normalize_headers(backwards) == {"x-t": ("1", "2a", "2b", "3")}


def test_merging_leaves_values_unchecked() -> None:
    """R5: merging alone keeps values as they are; checking is a later step."""
    marker = object()
    assert merge_case_variants({"B": marker, "a": "x", "b": ["y", None]}) == {"b": [marker, "y", None], "a": ["x"]}


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (7, ("7",)),
        (1.5, ("1.5",)),
        (Decimal("1.50"), ("1.50",)),
        (True, ("true",)),
        (False, ("false",)),
        ([1, "b", True], ("1", "b", "true")),
        (("a", "b"), ("a", "b")),
        (UserList(["a", "b"]), ("a", "b")),
        (Named.HTML, ("text/html",)),
        (Numbered.SEVEN, ("7",)),
        ("", ("",)),
        (" \t padded \t ", ("padded",)),
        ("café €", ("café €",)),
    ],
)
def test_header_values(value: object, texts: tuple[str, ...]) -> None:
    """R5: numbers and booleans become text, lists keep their order, blanks around a value are not part of it."""
    assert normalize_headers({"x-value": value}) == {"x-value": texts}
    assert all(type(text) is str for text in normalize_headers({"x-value": value})["x-value"])


@pytest.mark.parametrize("headers", [None, {}, {"x-none": []}, {"x-none": ()}])
def test_no_headers(headers: dict[str, object] | None) -> None:
    """R5: no headers, and a name with an empty list, are no header."""
    assert normalize_headers(headers) == {}


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"bytes",
        bytearray(b"ab"),
        memoryview(b"ab"),
        {"a": 1},
        {"a", "b"},
        frozenset({"a"}),
        object(),
        1j,
        iter(["a"]),
        [None],
        [["nested"]],
        ["a", b"b"],
    ],
)
def test_header_values_of_other_types(value: object) -> None:
    """R5: a value that is neither text nor number, or a list of them, is InvalidResponse naming the header."""
    with pytest.raises(InvalidResponse, match="x-odd"):
        normalize_headers({"X-Odd": value})


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
@pytest.mark.parametrize("place", ["{}x", "x{}", "x{}y", "x\u00e9{}y"])
def test_header_values_that_would_split_a_header(character: str, place: str) -> None:
    """R5: CR, LF and NUL are refused anywhere in a value, at its ends too, with name and position."""
    value = place.format(character)
    with pytest.raises(InvalidResponse) as caught:
        normalize_headers({"x-fine": "1", "x-split": ["ok", value]})
    assert "'x-split'" in str(caught.value)
    assert f"position {value.index(character)}" in str(caught.value)


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb"])
def test_header_values_without_a_utf8_form(value: str) -> None:
    """R5: text with a lone surrogate cannot be sent; the header is named."""
    with pytest.raises(InvalidResponse, match=r"'x-half'.*UTF-8"):
        normalize_headers({"x-half": value})


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a:", ":path", "a\n", "\n", "a\r\nb", "é", "\u212a", "a(b", 'a"', "a,b", "a/b", "a\x7f", "\0"],
)
def test_header_names_that_are_no_token(name: str) -> None:
    """R5: a name outside RFC 9110's token is InvalidResponse naming it."""
    with pytest.raises(InvalidResponse) as caught:
        normalize_headers({name: "1"})
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", [1, None, b"x-a", ("a",)])
def test_header_names_that_are_no_text(name: Any) -> None:
    """R5: a name of another type is InvalidResponse naming it, beside names of text too."""
    with pytest.raises(InvalidResponse) as caught:
        normalize_headers({"x-fine": "1", name: "1"})
    assert repr(name) in str(caught.value)


@given(name=st.text(TOKEN_CHARACTERS, min_size=1))
@settings(deadline=None)
def test_every_token_is_a_header_name(name: str) -> None:
    """R5: every token of RFC 9110, section 5.6.2, passes and is kept lower-case."""
    assert normalize_headers({name: "v"}) == {name.lower(): ("v",)}


@pytest.mark.parametrize("headers", [[("a", "b")], "a: b", 1, {"a"}])
def test_headers_that_are_no_mapping(headers: Any) -> None:
    """R5: headers of another shape are InvalidResponse."""
    wanted = f"headers must map names to values, not be of type {type(headers).__name__}"
    with pytest.raises(InvalidResponse, match=wanted):
        normalize_headers(headers)


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
def test_a_content_type_in_any_case_stops_the_default(name: str) -> None:
    """R5: the default content type stands only where none is given in any case."""
    assert make_head(headers={name: "text/html"}).content_type == "text/html"
    assert make_head(headers={"x-a": "1"}).headers == {"x-a": ("1",), "content-type": ("application/octet-stream",)}


def test_another_default_content_type_or_none() -> None:
    """R5: a caller that knows better gives another default, or none at all."""
    assert make_head(default_content_type="application/json").content_type == "application/json"
    bare = make_head(default_content_type=None)
    assert bare.headers == {}
    assert bare.content_type == ""


def test_explicit_cookies_come_before_those_of_set_cookie_headers() -> None:
    """R6: cookies keep their order; `set-cookie` in any case follows them and leaves the headers."""
    head = make_head(headers={"set-cookie": ["c=3", "d=4"], "Set-Cookie": "b=2", "x-a": "1"}, cookies=["a=1", "a=1"])
    assert head.cookies == ("a=1", "a=1", "b=2", "c=3", "d=4")
    assert head.headers == {"x-a": ("1",), "content-type": ("application/octet-stream",)}


def test_cookies_may_be_any_ordered_iterable() -> None:
    """R6: a list, a tuple or a generator of Set-Cookie values; None is none."""
    assert normalize_cookies(["a=1; Path=/", "b=2"]) == ("a=1; Path=/", "b=2")
    assert normalize_cookies(f"{name}=1" for name in "ba") == ("b=1", "a=1")
    assert normalize_cookies(None) == normalize_cookies(()) == ()


@pytest.mark.parametrize("cookies", ["a=1", b"a=1", bytearray(b"a=1"), {"a": "1"}, {"a=1"}, frozenset({"a=1"}), 7])
def test_cookies_that_are_no_list(cookies: Any) -> None:
    """R6: text, a mapping, or what has no order is no list of cookies."""
    with pytest.raises(InvalidResponse, match="cookies must be a list"):
        make_head(cookies=cookies)


@pytest.mark.parametrize("cookie", ["a=1\r\nx-evil: 1", "a=\n", "\0", None, b"a=1", ["a=1"], "a=\ud800"])
def test_cookies_that_no_header_can_hold(cookie: object) -> None:
    """R6: a cookie obeys the rules of a header value, and the message says that it is a cookie."""
    with pytest.raises(InvalidResponse, match="cookie"):
        make_head(cookies=["fine=1", cookie])


def test_fields_of_a_response_dict() -> None:
    """R4, R5, R6: the fields of a Lambda response give the same head as the values themselves."""
    fields = {"statusCode": "201", "headers": {"X-A": 1, "Set-Cookie": "b=2"}, "cookies": ["a=1"], "body": "ignored"}
    assert head_from_fields(fields) == make_head(201, {"x-a": "1"}, ["a=1", "b=2"])
    assert head_from_fields({}) == Head(200, {"content-type": ("application/octet-stream",)})
    assert head_from_fields({"headers": None, "cookies": None}, default_content_type=None) == Head()


def test_multi_value_headers_win_over_headers_of_the_same_name() -> None:
    """R5: for a name in both maps, in whatever case, only the values of `multiValueHeaders` stand."""
    fields = {
        "headers": {"X-Both": "lost", "x-one": "1", "x-BOTH": "lost too"},
        "multiValueHeaders": {"x-both": ["kept", "kept too"], "Set-Cookie": ["a=1", "b=2"]},
    }
    head = head_from_fields(fields, default_content_type=None)
    assert head == Head(200, {"x-one": ("1",), "x-both": ("kept", "kept too")}, ("a=1", "b=2"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("headers", [["a", "b"]]),
        ("headers", "a: b"),
        ("multiValueHeaders", [1]),
        ("cookies", 5),
        ("cookies", "a=1"),
        ("statusCode", "teapot"),
        ("headers", {1: "a"}),
        ("multiValueHeaders", {None: ["a"]}),
    ],
)
def test_fields_of_a_wrong_shape(field: str, value: object) -> None:
    """R4, R5, R6: a field that no response can have is InvalidResponse, never another error."""
    with pytest.raises(InvalidResponse):
        head_from_fields({field: value})


@given(
    headers=st.dictionaries(
        st.text(TOKEN_CHARACTERS, min_size=1, max_size=8),
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))),
    ),
    cookies=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))),
)
@settings(deadline=None)
def test_a_made_head_is_stable(headers: dict[str, object], cookies: list[str]) -> None:
    """R5, R6: normalising what was normalised changes nothing."""
    once = make_head(202, headers, cookies)
    assert make_head(once.status, dict(once.headers), once.cookies) == once
