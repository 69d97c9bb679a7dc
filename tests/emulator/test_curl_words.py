"""The request of `record` in curl's words: what they mean, and what is refused."""

from collections.abc import Sequence
from typing import Any

import pytest

from apptheory_emulator.recorder.curl_words import CurlRequest, parse_curl_words
from apptheory_emulator.recorder.endpoint import endpoint_of
from apptheory_emulator.recorder.order import order_of
from apptheory_streaming.errors import UsageError

FILES = {"body.json": b'{\n  "a": 1\n}\r\n', "-": b"from\nstdin"}
FORM = ("content-type", "application/x-www-form-urlencoded")
JSON = ("content-type", "application/json")


def read(name: str) -> bytes:
    """A file by its name."""
    if name not in FILES:
        raise FileNotFoundError(2, "No such file or directory", name)
    return FILES[name]


def parse(*words: str) -> CurlRequest:
    """The request of these words."""
    return parse_curl_words(words, read=read)


def request(method: str, *headers: tuple[str, str], **fields: Any) -> CurlRequest:
    """What is expected."""
    return CurlRequest(method=method, headers=headers, **fields)


SAID: dict[str, tuple[Sequence[str], CurlRequest]] = {
    "nothing": ((), request("GET")),
    "a method": (("-X", "DELETE"), request("DELETE")),
    "a method that is attached": (("-XDELETE",), request("DELETE")),
    "headers": (
        ("-H", "Accept: text/event-stream", "--header", "x:1", "-Hy: 2 "),
        request("GET", ("Accept", "text/event-stream"), ("x", "1"), ("y", "2")),
    ),
    "an empty header": (("-H", "x;"), request("GET", ("x", ""))),
    "a header less": (("-H", "Accept:"), request("GET", removed=frozenset({"accept"}))),
    "data": (("-d", "a=1", "--data", "b=2"), request("POST", FORM, body=b"a=1&b=2")),
    "data of a file": (("-d", "@body.json"), request("POST", FORM, body=b'{  "a": 1}')),
    "binary data of a file": (("--data-binary", "@body.json"), request("POST", FORM, body=FILES["body.json"])),
    "data of standard input": (("--data-binary", "@-"), request("POST", FORM, body=b"from\nstdin")),
    "data with an at": (("--data-raw", "@body.json"), request("POST", FORM, body=b"@body.json")),
    "data of a type": (("-H", "Content-Type: a/b", "-d", "x"), request("POST", ("Content-Type", "a/b"), body=b"x")),
    "json": (("--json", '{"a":1}'), request("POST", JSON, ("accept", "application/json"), body=b'{"a":1}')),
    "json in parts": (
        ("--json", "[", "--json", "]"),
        request("POST", JSON, ("accept", "application/json"), body=b"[]"),
    ),
    "json that wants events": (
        ("--json", "{}", "-H", "accept: text/event-stream"),
        request("POST", ("accept", "text/event-stream"), JSON, body=b"{}"),
    ),
    "data by another method": (("-X", "PUT", "-d", "x"), request("PUT", FORM, body=b"x")),
    "data in the query": (("-G", "-d", "a=1", "-d", "b=2"), request("GET", added_query="a=1&b=2")),
    "cookies": (("-b", "a=1", "-b", "b=2; c=3"), request("GET", ("cookie", "a=1; b=2; c=3"))),
    "a user": (("-u", "me:secret"), request("GET", ("authorization", "Basic bWU6c2VjcmV0"))),
    "who asks": (("-A", "me", "-e", "there"), request("GET", ("user-agent", "me"), ("referer", "there"))),
    "the head alone": (("-I",), request("HEAD")),
    "letters in a row": (("-sSNkXPUT",), request("PUT", insecure=True)),
    "pasted": (("curl", "https://a.example/", "-N"), request("GET", url="https://a.example/")),
}


@pytest.mark.parametrize(("words", "expected"), SAID.values(), ids=list(SAID))
def test_words_mean_what_they_mean_to_curl(words: Sequence[str], expected: CurlRequest) -> None:
    """Method, headers, body and their defaults."""
    assert parse(*words) == expected


REFUSED: dict[str, tuple[Sequence[str], str]] = {
    "redirects": (("-L",), "-L is not for recording: redirects are not followed"),
    "redirects in a row": (("-sL",), "-L is not for recording"),
    "compression": (("--compressed",), "chunks are stored as they arrive"),
    "several parts": (("-F", "a=b"), "--data-binary @file"),
    "the file": (("-o", "x"), "named before `--`"),
    "an unknown word": (("--tlsv1.3",), r"--tlsv1\.3 is no word that is known here; there are .*--header"),
    "an unknown letter": (("-Z",), "-Z is no word that is known here; there are -X, -H"),
    "no value": (("-H",), "-H needs a value behind it"),
    "no header": (("-H", "accept"), "'accept' is no header: write 'NAME: VALUE'"),
    "a header that splits": (("-H", "a: b\r\nc: d"), "would split the request"),
    "a header that is no text": (("-H", "a: \udcff"), "has no UTF-8 form"),
    "a name that is none": (("-H", "a b: c"), "is not the name of a header"),
    "headers of a file": (("-H", "@file"), "headers are not read from files"),
    "cookies of a file": (("-b", "jar.txt"), "cookies are not read from files"),
    "a method that is none": (("-X", "GET /"), "is not a method"),
    "a file that is not there": (("-d", "@no.json"), r"--data @no\.json: the file cannot be read: No such file"),
    "two addresses": (("https://a.example", "https://b.example"), "one address too many"),
}


@pytest.mark.parametrize(("words", "text"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_not_there_says_what_to_do_instead(words: Sequence[str], text: str) -> None:
    """No word is passed over in silence."""
    with pytest.raises(UsageError, match=text):
        parse(*words)


def encoded(url: str, *words: str) -> list[str]:
    """The request as it is sent, by lines."""
    order = order_of(endpoint_of(url), parse(*words), file_name="my chat.stream.json")
    return order.encode().decode().split("\r\n")


def test_the_request_has_what_every_client_sends_unless_it_is_told_otherwise() -> None:
    """Host, agent, accept and length."""
    assert encoded("http://a.example:81/b?c=1", "-d", "é") == [
        *("POST /b?c=1 HTTP/1.1", "host: a.example:81", "user-agent: apptheory-emulate", "accept: */*"),
        *("content-type: application/x-www-form-urlencoded", "content-length: 2", "", "é"),
    ]
    assert encoded("http://a.example", "-H", "Host: b", "-H", "user-agent:", "-H", "accept:") == [
        *("GET / HTTP/1.1", "Host: b", "", "")
    ]
    assert "content-length: 0" in encoded("http://a.example", "-X", "POST")


URLS = {
    "https://a.example/b c?d=e f#g": ("a.example", 443, "/b%20c", "d=e%20f", "https://a.example/b%20c?d=e%20f"),
    "http://[::1]:8080": ("::1", 8080, "/", "", "http://[::1]:8080/"),
    "https://bücher.example/{id}": (
        "xn--bcher-kva.example",
        443,
        "/%7Bid%7D",
        "",
        "https://xn--bcher-kva.example/%7Bid%7D",
    ),
    "http://me:se%40cret@a.example:80/": ("a.example", 80, "/", "", "http://a.example/"),
}


@pytest.mark.parametrize(("url", "parts"), URLS.items(), ids=list(URLS))
def test_a_url_is_taken_apart(url: str, parts: tuple[str, int, str, str, str]) -> None:
    """Percent-encoded for the wire; who calls stands in no address that is kept."""
    endpoint = endpoint_of(url)

    assert (endpoint.host, endpoint.port, endpoint.path, endpoint.query, endpoint.url) == parts


def test_the_user_of_a_url_is_sent_as_curl_sends_it() -> None:
    """As basic credentials, unless there are others."""
    assert "authorization: Basic bWU6c2VAY3JldA==" in encoded("http://me:se%40cret@a.example/")
    assert "authorization: Bearer x" in encoded("http://me@a.example/", "-H", "authorization: Bearer x")


@pytest.mark.parametrize(
    "url", ["a.example/chat", "ftp://a.example", "http://", "http://a.example:99999", "http://[a", "http://a/\udcff"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    """With one that is."""
    with pytest.raises(UsageError, match="is no URL"):
        endpoint_of(url)


def test_the_file_names_document_and_handler() -> None:
    """As far as its letters may stand in an id and in a name of Python."""
    order = order_of(endpoint_of("http://a.example"), parse(), file_name="my chat-2.stream.json")

    assert (order.id, order.handler) == ("p0.recorded.my_chat-2", "my_chat_2")
