"""Secrets never reach the file of a recording, and what was taken out is said."""

import json
from dataclasses import replace

import pytest

from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.request import HttpRequest
from apptheory_testkit.recordings import Recording, TimedChunk, redact, render_recording


def of_request(*headers: tuple[str, str], query: str = "", body: bytes = b"") -> Recording:
    """A recording of this request."""
    return made(request=HttpRequest(method="POST", path="/chat", query=query, headers=headers, body=body))


def made(
    request: HttpRequest | None = None, head: Head | None = None, chunks: tuple[bytes, ...] = (), url: str = ""
) -> Recording:
    """A recording."""
    return Recording(
        id="p0.recorded.chat",
        name="chat",
        handler="chat",
        request=request or HttpRequest(method="GET"),
        head=head or Head(),
        chunks=tuple(TimedChunk(data, at) for at, data in enumerate(chunks)),
        url=url,
    )


HEADERS = {
    "authorization": ("Bearer sk-12345678", "Bearer REDACTED"),
    "Proxy-Authorization": ("Basic abcdefgh", "Basic REDACTED"),
    "authorization without a scheme": ("sk-12345678", "REDACTED"),
    "Cookie": ("a=12345678; b=x=y; flag", "a=REDACTED; b=REDACTED; REDACTED"),
    "x-api-key": ("12345678", "REDACTED"),
    "X-Goog-Api-Key": ("12345678", "REDACTED"),
    "x-amz-security-token": ("12345678", "REDACTED"),
    "x-hub-signature-256": ("sha256=12345678", "REDACTED"),
    "Ocp-Apim-Subscription-Key": ("12345678", "REDACTED"),
    "clientSecret": ("12345678", "REDACTED"),
}


@pytest.mark.parametrize(("name", "values"), HEADERS.items(), ids=list(HEADERS))
def test_a_secret_header_keeps_its_form_and_loses_its_value(name: str, values: tuple[str, str]) -> None:
    """Schemes and names of cookies stay, so that the document reads as the request did."""
    name = name.partition(" ")[0]
    value, left = values

    redacted = redact(of_request((name, value)))

    assert redacted.request.headers == ((name, left),)
    assert redacted.redacted == (f"header {name.lower()}",)


@pytest.mark.parametrize(
    "name", ["accept", "x-max-tokens", "x-amz-date", "www-authenticate", "x-monkey", "x-signed-headers", "etag"]
)
def test_other_headers_stay(name: str) -> None:
    """Words are compared, not parts of words."""
    recording = of_request((name, "12345678"))

    assert redact(recording) == recording


def test_set_cookie_keeps_name_and_attributes() -> None:
    """The rest of a cookie is what a contract is about."""
    head = Head(200, {"x-auth-token": ("12345678",)}, ("sid=12345678; Path=/; HttpOnly", "b=2"))

    redacted = redact(made(head=head))

    assert redacted.head.cookies == ("sid=REDACTED; Path=/; HttpOnly", "b=REDACTED")
    assert redacted.head.headers == {"x-auth-token": ("REDACTED",)}
    assert redacted.redacted == ("cookie sid", "cookie b", "header x-auth-token")


QUERIES = {
    "X-Amz-Credential=AKIA%2F1&X-Amz-Date=2&X-Amz-Signature=3": (
        "X-Amz-Credential=REDACTED&X-Amz-Date=2&X-Amz-Signature=REDACTED"
    ),
    "AWSAccessKeyId=1&Expires=2&Signature=3": "AWSAccessKeyId=REDACTED&Expires=2&Signature=REDACTED",
    "key=1&keys=2&q=3": "key=REDACTED&keys=2&q=3",
    "access_token=1&accessToken=2&max_tokens=3": "access_token=REDACTED&accessToken=REDACTED&max_tokens=3",
    "sig=1&token&token=": "sig=REDACTED&token&token=",
}


@pytest.mark.parametrize(("query", "left"), QUERIES.items(), ids=list(QUERIES.values()))
def test_secrets_leave_the_query_and_the_address(query: str, left: str) -> None:
    """Of the request, of the place of recording, and of where a redirect leads to."""
    recording = made(
        request=HttpRequest(method="GET", query=query),
        head=Head(302, {"location": (f"https://a.example/?{query}#top",)}),
        url=f"https://b.example/?{query}",
    )

    redacted = redact(recording)

    assert redacted.request.query == left
    assert redacted.url == f"https://b.example/?{left}"
    assert redacted.head.headers["location"] == (f"https://a.example/?{left}#top",)


def test_fields_of_the_body_are_redacted_wherever_they_stand() -> None:
    """In JSON and in forms; a body without secrets stays byte for byte."""
    nested = {"prompt": "Hi é", "auth": {"api_key": "1", "max_tokens": 5}, "all": [{"password": "2"}]}
    form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")

    left = redact(of_request(body=json.dumps(nested).encode())).request.body
    assert json.loads(left) == {
        "prompt": "Hi é",
        "auth": {"api_key": "REDACTED", "max_tokens": 5},
        "all": [{"password": "REDACTED"}],
    }
    assert redact(of_request(form, body=b"user=a&password=b")).request.body == b"user=a&password=REDACTED"
    for body in (b'{ "prompt" : "token" }', b"\xff", b"password=1"):
        assert redact(of_request(body=body)).request.body == body


BODIES = {
    "JSON that curl sends as a form": b'{"api_key": "SK+12345678"}',
    "JSON with a byte order mark": b'\xef\xbb\xbf{"token": "SK+12345678"}',
    "JSON in UTF-16": '{"token": "SK+12345678"}'.encode("utf-16"),
    "a list": b'{"password": ["SK+12345678"]}',
    "an object": b'{"secret": {"value": "SK+12345678", "all": [{"x": "SK+12345678"}]}}',
    "a number": b'{"token": 12345678}',
    "half of a surrogate pair beside it": b'{"token": "SK+12345678", "prompt": "\\ud800"}',
    "half of a surrogate pair in it": b'{"token": "SK+12345678\\ud800"}',
    "one word of several": b'{"refreshtoken": "SK+12345678"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_no_form_of_a_body_hides_a_secret(body: bytes) -> None:
    """JSON is told by itself, whatever type is named, and all text under a secret name is secret."""
    form = ("content-type", "application/x-www-form-urlencoded")

    redacted = redact(of_request(form, body=body))

    assert b"12345678" not in redacted.request.body.replace(b"\0", b"")
    json.loads(redacted.request.body)
    render_recording(redacted).encode()


def test_a_body_that_is_too_deep_to_be_read_stays() -> None:
    """What came is kept all the same."""
    deep = b"[" * 200_000

    assert redact(of_request(body=deep)).request.body == deep


ADDRESSES = {
    "location": ("https://a.example/#access_token=12345678", "https://a.example/#access_token=REDACTED"),
    "referer": ("https://me:12345678@a.example/", "https://me:REDACTED@a.example/"),
    "link": ("<https://a.example/?sig=12345678>; rel=next", "<https://a.example/?sig=REDACTED>; rel=next"),
    "refresh": ("0; url=/?q=1&token=12345678", "0; url=/?q=1&token=REDACTED"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_in_headers_lose_passwords_and_parameters(name: str) -> None:
    """In fragments, in front of the host, and in the midst of a value."""
    value, left = ADDRESSES[name]

    redacted = redact(made(head=Head(200, {name: (value,)})))

    assert redacted.head.headers == {name: (left,)}
    assert redacted.redacted


def test_a_secret_is_nowhere_else_in_the_file() -> None:
    """A client may repeat it in the path, under a name that says nothing, or in text."""
    request = HttpRequest(
        method="POST",
        path="/keys/sk-12345678",
        query="q=sk-12345678",
        headers=(("authorization", "Bearer sk-12345678"), ("x-debug", "sk-12345678")),
        body=b"my key is sk-12345678",
    )
    recording = replace(
        made(request=request, url="https://a.example/keys/sk-12345678?q=sk-12345678"),
        name="POST /keys/sk-12345678",
        platform_headers={"via": ("sk-12345678",)},
    )

    redacted = redact(recording)

    assert "12345678" not in render_recording(redacted)
    assert redacted.redacted == ("header authorization", "an echo in the request", "an echo in the response's head")
    assert redact(redacted) == replace(redacted, redacted=("header authorization",))


ECHOES = {
    "of Basic": ("authorization", "Basic bWU6cGFzcyB3b3JkIQ==", b"me:pass word!"),
    "of a password": ("authorization", "Basic bWU6cGFzcyB3b3JkIQ==", b"pass word!"),
    "percent-encoded": ("x-api-key", "a+b/12345678", b"a%2Bb%2F12345678"),
    "of a cookie that is percent-encoded": ("cookie", "a=b%2F12345678", b"b/12345678"),
    "in JSON": ("x-api-key", 'a"/12345678', b'a\\"\\/12345678'),
    "without quotes": ("cookie", 'a="b12345678"', b"b12345678"),
}


@pytest.mark.parametrize("form", ECHOES)
def test_an_echo_in_another_form_is_one(form: str) -> None:
    """As servers write what they were sent."""
    name, value, echo = ECHOES[form]

    redacted = redact(made(request=HttpRequest(method="GET", headers=((name, value),)), chunks=(b"<" + echo + b">",)))

    assert redacted.body == b"<" + b"*" * len(echo) + b">"


def test_more_names_are_secrets_too() -> None:
    """In any case, of headers, parameters and fields alike."""
    recording = of_request(("X-Tenant", "acme"), query="tenant=1&X-tenant=2", body=b'{"x-tenant": "3"}')

    redacted = redact(recording, names=["x-TENANT"])

    assert redacted.request.headers == (("X-Tenant", "REDACTED"),)
    assert redacted.request.query == "tenant=1&X-tenant=REDACTED"
    assert redacted.request.body == b'{"x-tenant": "REDACTED"}'
    assert redacted.redacted == (
        "parameter X-tenant",
        "header x-tenant",
        "field x-tenant of the request's body",
    )


def test_a_response_that_repeats_a_secret_is_masked_across_chunks() -> None:
    """Byte by byte, so that chunks keep their sizes and a length its truth."""
    recording = made(
        request=HttpRequest(method="GET", headers=(("authorization", "Bearer sk-12345678"),)),
        head=Head(200, {"x-echo": ("got sk-12345678",)}),
        chunks=(b"data: sk-1", b"234", b"5678\n\n", b"sk-12345678 sk-1234567"),
    )

    redacted = redact(recording)

    assert [chunk.data for chunk in redacted.chunks] == [b"data: ****", b"***", b"****\n\n", b"*********** sk-1234567"]
    assert [chunk.at for chunk in redacted.chunks] == [0, 1, 2, 3]
    assert redacted.head.headers == {"x-echo": ("got REDACTED",)}
    assert redacted.redacted == (
        "header authorization",
        "an echo in the response's head",
        "2 places in the response's body",
    )
    assert "12345678" not in render_recording(redacted)


def test_what_is_too_short_to_be_told_from_a_word_is_not_looked_for() -> None:
    """A cookie `lang=en` must not mask every `en` of the body."""
    recording = made(request=HttpRequest(method="GET", headers=(("cookie", "lang=en"),)), chunks=(b"then",))

    assert redact(recording).body == b"then"


def test_a_recording_can_be_redacted_again() -> None:
    """What stands for a secret is none."""
    once = redact(of_request(("authorization", "Bearer sk-12345678"), query="token=12345678"))

    assert redact(once).request == once.request
