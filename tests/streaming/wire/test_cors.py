"""The CORS configuration of a Function URL: AWS's bounds, preflights, and what other responses get (B27)."""

from typing import Any

import pytest

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.cors import CORS_METHODS, CorsConfig
from apptheory_streaming.wire.request import HttpRequest

PAGE = "https://app.example"
CONFIG = CorsConfig(
    allow_origins=(PAGE, "https://other.example"),
    allow_methods=("GET", "POST"),
    allow_headers=("Content-Type", "Cache-Control"),
    expose_headers=("x-rows",),
    max_age=86400,
    allow_credentials=True,
)


def preflight(origin: str | None = PAGE, method: str = "OPTIONS", asks_for: str | None = "POST") -> HttpRequest:
    """What a browser asks before a request."""
    headers = {"Origin": origin, "Access-Control-Request-Method": asks_for}
    return HttpRequest(method=method, headers=tuple((name, value) for name, value in headers.items() if value))


def answered(config: CorsConfig, request: HttpRequest) -> dict[str, str] | None:
    """The headers of the answer to a preflight, None where there is none."""
    answer = config.preflight(request)
    if answer is None:
        return None
    assert (answer.head.status, answer.body, answer.head.cookies) == (200, b"", ())
    return {name: ",".join(values) for name, values in answer.head.headers.items()}


def test_a_preflight_gets_what_is_configured() -> None:
    """B27: the origin that asks, and the lists as they were given; nothing that only other responses have."""
    assert answered(CONFIG, preflight()) == {
        "access-control-allow-origin": PAGE,
        "vary": "Origin",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "Content-Type,Cache-Control",
        "access-control-max-age": "86400",
    }


def test_a_preflight_of_another_origin_gets_nothing_that_allows_it() -> None:
    """C37: the browser then refuses by itself; an origin is compared as a whole."""
    for origin in ("https://evil.example", PAGE + ":8443", PAGE[:-1], "null", "*"):
        assert answered(CONFIG, preflight(origin)) == {}


def test_any_origin_is_answered_with_a_star() -> None:
    """The answer is the same for all, so a cache may give it to all."""
    config = CorsConfig(allow_origins=("*",), allow_methods=("*",), allow_headers=("*",), max_age=0)

    assert answered(config, preflight()) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "*",
        "access-control-allow-headers": "*",
        "access-control-max-age": "0",
    }


@pytest.mark.parametrize(
    "request_",
    [preflight(method="POST"), preflight(asks_for=None), preflight(origin=None)],
    ids=["POST", "OPTIONS without a method", "OPTIONS without an origin"],
)
def test_what_is_no_preflight_goes_to_the_function(request_: HttpRequest) -> None:
    """Only a browser's question is answered without it."""
    assert CONFIG.preflight(request_) is None


def test_other_responses_get_origin_credentials_and_what_a_page_may_read() -> None:
    """Without the lists of a preflight; without an origin, or for another, nothing."""
    assert CONFIG.added_to(preflight(method="GET")) == {
        "access-control-allow-origin": PAGE,
        "vary": "Origin",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-rows",
    }
    assert CONFIG.added_to(HttpRequest(method="GET")) == {}
    assert CONFIG.added_to(preflight("https://evil.example", "GET")) == {}


WRONG: dict[str, dict[str, Any]] = {
    "allow_methods: 'OPTIONS' is none of": {"allow_methods": ("OPTIONS",)},
    "allow_methods: 'get' is none of": {"allow_methods": ("get",)},
    "allow_methods may have 6 entries": {"allow_methods": CORS_METHODS},
    "allow_origins may have 100 entries": {"allow_origins": ("https://a.example",) * 101},
    "allow_origins: an entry may have 253": {"allow_origins": ("https://" + "a" * 246,)},
    "allow_origins: '' is no text": {"allow_origins": ("",)},
    "allow_origins must be a list": {"allow_origins": PAGE},
    "allow_headers may have 100 entries": {"allow_headers": ("x-a",) * 101},
    "allow_headers: 'x\\r\\ny' is no text": {"allow_headers": ("x\r\ny",)},
    "allow_headers: 3 is no text": {"allow_headers": (3,)},
    "expose_headers: an entry may have 1024": {"expose_headers": ("x" * 1025,)},
    "expose_headers must be a list of texts, not None": {"expose_headers": None},
    "max_age must be from 0 to 86400 seconds, not 86401": {"max_age": 86401},
    "max_age must be from 0 to 86400 seconds, not -1": {"max_age": -1},
    "max_age must be from 0 to 86400 seconds, not True": {"max_age": True},
    "max_age must be from 0 to 86400 seconds, not 1.5": {"max_age": 1.5},
    "allow_credentials must be True or False": {"allow_credentials": "yes"},
}


@pytest.mark.parametrize("message", WRONG)
def test_what_aws_refuses_is_refused_by_the_name_of_its_field(message: str) -> None:
    """The bounds of AWS's API, each with the field that breaks it."""
    with pytest.raises(UsageError) as refused:
        CorsConfig(**WRONG[message])

    assert message in str(refused.value)


def test_what_stands_on_a_bound_is_taken_and_lists_become_tuples() -> None:
    """The longest of everything; a list as a configuration file gives it."""
    values: dict[str, Any] = {
        "allow_origins": ["https://" + "a" * 245] * 100,
        "allow_methods": list(CORS_METHODS[:6]),
        "allow_headers": ["x" * 1024] * 100,
        "expose_headers": ["x" * 1024] * 100,
        "max_age": 86400,
    }

    config = CorsConfig(**values)

    assert config.allow_methods == CORS_METHODS[:6]
    assert hash(config) == hash(CorsConfig(**values))
