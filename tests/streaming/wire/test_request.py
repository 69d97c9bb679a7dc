"""An HTTP request: its headers by name."""

from apptheory_streaming.wire.request import HttpRequest

REQUEST = HttpRequest(method="GET", headers=(("Accept", "a"), ("X-One", "1"), ("ACCEPT", "b")))


def test_headers_are_found_in_any_case_and_in_order() -> None:
    """R5: names are case-insensitive and repeats keep their order."""
    assert list(REQUEST.values("accept")) == ["a", "b"]
    assert REQUEST.first("accept") == "a"


def test_a_header_that_is_missing() -> None:
    """R5: no values, and the default in place of the first one."""
    assert list(REQUEST.values("cookie")) == []
    assert REQUEST.first("cookie") == ""
    assert REQUEST.first("cookie", "none") == "none"
