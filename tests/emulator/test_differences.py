"""What AWS would not take: refused by strict functions, served by others with one line of the log that says so."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import click
import pytest

from apptheory_emulator import CorsConfig, Emulator, FunctionConfig, FunctionUrlFactory, worker
from apptheory_emulator.commands.strict_option import held_to_aws
from apptheory_emulator.config import LateErrors
from apptheory_emulator.differences import DIFFERENCES, MAX_EVENT_BYTES, Proof, Served, When, found
from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_streaming import StreamingResponse
from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.wire.cors import CorsMerge
from apptheory_streaming.wire.front import InvokeMode
from apptheory_testkit import StreamClientFactory
from raw_http import RawResponse, fetch

PAGE = CorsConfig(allow_origins=("https://app.example",))


async def handler(event: Any, context: Any) -> StreamingResponse:
    """Say that the handler was asked, in the coding that the query names."""
    coding = event["rawQueryString"]
    return StreamingResponse([b"asked"], headers={"content-encoding": coding} if coding else {})


FINE = FunctionConfig(name="chat", target=handler, timeout=900)


def http_api(seconds: float) -> Gateway:
    """An HTTP API that waits for so long."""
    return Gateway(kind=FrontKind.HTTP_API, timeout=seconds)


def with_worker(**options: Any) -> FunctionConfig:
    """A function in a process of its own, which nobody starts."""
    return FunctionConfig(name="chat", target=worker(exec="true", **options))


OTHERWISE: dict[str, list[tuple[FunctionConfig, str]]] = {
    "timeout": [
        (replace(FINE, timeout=901), "a timeout of 901 s"),
        (replace(FINE, timeout=0.5), "a timeout of 0.5 s"),
        (replace(FINE, timeout=1.5), "a timeout of 1.5 s"),
    ],
    "memory": [
        (with_worker(memory=127), "127 MB of memory"),
        (with_worker(memory=10241), "10241 MB of memory"),
    ],
    "name": [
        (replace(FINE, name="my chat"), "the name 'my chat'"),
        (replace(FINE, name="c" * 65), f"the name {'c' * 65!r}"),
    ],
    "reserved-variables": [
        (replace(FINE, env={"LAMBDA_TASK_ROOT": "/", "STAGE": "a", "AWS_REGION": "b"}), "AWS_REGION, LAMBDA_TASK_ROOT"),
        (with_worker(env={"AWS_SESSION_TOKEN": "t"}), "the variable AWS_SESSION_TOKEN"),
    ],
    "variable-names": [
        (replace(FINE, env={"_OWN": "", "A": "", "B-C": "", "OK": ""}), "the variables 'A', 'B-C', '_OWN'"),
    ],
    "environment": [(replace(FINE, env={"AB": "é" * 2048}), "4098 bytes of variables")],
    "cors-merge": [(replace(FINE, cors=PAGE, cors_merge=CorsMerge.CONFIGURED), "the CORS headers")],
    "late-errors": [(replace(FINE, late_errors=LateErrors.ABORT), "a cut connection")],
    "on-disconnect": [(replace(FINE, on_disconnect=OnDisconnect.CANCEL), "cancelled")],
    "stage": [(replace(FINE, gateway=Gateway(kind=FrontKind.REST_API, stage="a.b")), "the stage 'a.b'")],
    "http-api-timeout": [
        (replace(FINE, gateway=http_api(30.5)), "30.5 s"),
        (replace(FINE, also=(http_api(0.01),)), "0.01 s"),
    ],
    "stream-idle": [(replace(FINE, gateway=Gateway(kind=FrontKind.REST_API, idle_seconds=301)), "301 s")],
}
AT_THE_EDGE = [
    FINE,
    replace(FINE, timeout=None),
    replace(FINE, timeout=1),
    with_worker(memory=128),
    with_worker(memory=10240, env={"_HANDLER": "app.handler"}),
    replace(FINE, name="c" * 64),
    replace(FINE, env={"AB": "é" * 2047}),
    replace(FINE, cors=PAGE),
    replace(FINE, cors_merge=CorsMerge.CONFIGURED),
    replace(FINE, gateway=Gateway(kind=FrontKind.HTTP_API, stage="$default", timeout=30)),
    replace(FINE, gateway=Gateway(kind=FrontKind.REST_API, stage="a_b-1", timeout=0.02, idle_seconds=300)),
]


def found_at_start(config: FunctionConfig) -> dict[str, str]:
    """The ids of what is otherwise on AWS, and what was found."""
    ids = {id(difference): name for name, difference in DIFFERENCES.items()}
    return {ids[id(difference)]: what for difference, what in found(Served(config=config), When.START)}


@pytest.mark.parametrize("name", [name for name, each in DIFFERENCES.items() if each.when is When.START])
def test_each_difference_is_found_and_nothing_else(name: str) -> None:
    """By itself, with what was found; the table of this file has a case for each."""
    for config, what in OTHERWISE[name]:
        (told,) = found_at_start(config).items()
        assert told[0] == name
        assert what in told[1]


def test_what_aws_just_takes_is_no_difference() -> None:
    """The bounds themselves are in."""
    assert [found_at_start(config) for config in AT_THE_EDGE] == [{}] * len(AT_THE_EDGE)


def test_what_is_only_reported_is_never_refused() -> None:
    """Only what is proven; each names its page and the day."""
    assert [name for name, each in DIFFERENCES.items() if not each.refused] == ["content-encoding"]
    assert {each.proof for each in DIFFERENCES.values() if each.refused} == set(Proof) - {Proof.REPORTED}
    assert all(each.source.startswith("https://") and each.read_on for each in DIFFERENCES.values())


def test_a_strict_function_is_refused_before_it_is_served() -> None:
    """The message has the name, what was found and what AWS does; a loose one is taken."""
    config = replace(FINE, timeout=1000, name="my chat")

    with pytest.raises(UsageError, match=r"my chat is strict.*timeout of 1000 s: .*1 to 900.*the name 'my chat': "):
        Emulator([FINE, replace(config, strict=True)])
    Emulator([config])
    Emulator([replace(FINE, strict=True)])


def test_strict_is_a_switch() -> None:
    """A word is none."""
    wrong: Any = "no"

    with pytest.raises(UsageError, match="strict must be True or False"):
        replace(FINE, strict=wrong)


def test_the_log_says_once_of_each_loose_function_what_is_otherwise(caplog: pytest.LogCaptureFixture) -> None:
    """One line a function, from Python too, with all there is; nothing of one that AWS would take."""
    odd = replace(FINE, name="odd", timeout=1000, late_errors=LateErrors.ABORT)

    Emulator(held_to_aws([FINE, odd], strict=None))

    (line,) = caplog.messages
    assert line.startswith("odd: served, but on AWS not like this: a timeout of 1000 s: ")
    assert "; a cut connection after a late error: " in line


@pytest.mark.parametrize(
    ("said", "set_to", "refused"),
    [(True, False, True), (None, True, True), (False, True, False), (None, False, False)],
    ids=["strict", "strict by the settings", "loose over the settings", "neither"],
)
def test_the_command_line_has_the_last_word(
    said: bool | None, set_to: bool, refused: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused is one line for all functions, and the exit code of wrong use; served is a line in the log."""
    odd = [replace(FINE, name=name, timeout=1000, strict=set_to) for name in ("one", "two")]

    if refused:
        with pytest.raises(click.ClickException, match=r"one: a timeout .* \| two: a timeout") as raised:
            held_to_aws(odd, strict=said)
        assert raised.value.exit_code == 2
        assert "\n" not in raised.value.message
    else:
        assert [config.strict for config in held_to_aws(odd, strict=said)] == [False, False]
    assert caplog.messages == []  # serving them says the rest


def test_credentials_for_every_origin_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """AWS takes it, so strict does; no browser does."""
    everybody = CorsConfig(allow_origins=("*",), allow_credentials=True)

    Emulator(held_to_aws([replace(FINE, cors=everybody), replace(FINE, name="named", cors=PAGE)], strict=True))

    assert caplog.messages == [
        "chat: CORS: browsers refuse allow_origins * together with allow_credentials: name the origins"
    ]


async def test_a_test_serves_strictly_or_hears_of_it(
    function_url: FunctionUrlFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """`strict` of the fixture, on a thread of its own too; a loose one is said in the log, as by a command."""
    with pytest.raises(UsageError, match=r"function is strict, and on AWS .*: a timeout of 0\.5 s"):
        await function_url(handler, timeout=0.5, strict=True)
    await function_url(handler, timeout=1, strict=True)
    assert caplog.messages == []

    assert (await fetch(await function_url(handler, timeout=0.5))).body == b"asked"
    assert caplog.messages[0].startswith("function: served, but on AWS not like this: a timeout of 0.5 s: ")


@pytest.mark.streaming(clock="real")
def test_a_thread_serves_strictly(function_url: FunctionUrlFactory) -> None:
    """With the same option."""
    with (
        pytest.raises(UsageError, match="cut connection"),
        function_url.threaded(handler, late_errors="abort", strict=True),
    ):
        pytest.fail("it is served")


@pytest.mark.streaming(transport="http")
async def test_the_http_transport_says_nothing(
    stream_client: StreamClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that has a server behind it logs what one in-process does."""
    await stream_client(handler, timeout=0.5).get("/")

    assert [line for line in caplog.messages if "on AWS" in line] == []


@pytest.fixture
async def served() -> AsyncIterator[Emulator]:
    """A loose and a strict function, one whose URL collects, and strict ones behind two APIs."""
    strict = replace(FINE, strict=True)
    configs = [
        replace(FINE, name="loose"),
        replace(strict, name="strict", cors=PAGE),
        replace(FINE, name="buffered", invoke_mode=InvokeMode.BUFFERED),
        replace(strict, name="rest", gateway=Gateway(kind=FrontKind.REST_API, binary_media_types=("*/*",))),
        replace(strict, name="http", gateway=Gateway(kind=FrontKind.HTTP_API)),
    ]
    async with Emulator(configs, shutdown_seconds=0) as emulator:
        yield emulator


def url_of(emulator: Emulator, name: str) -> str:
    """Where a function is served."""
    return next(function.url for function in emulator.functions if function.name == name)


async def post(emulator: Emulator, name: str, size: int, kind: str = "application/octet-stream") -> RawResponse:
    """Send a body of NUL bytes to a function, from an allowed page."""
    url, headers = url_of(emulator, name), [("Content-Type", kind), ("Origin", "https://app.example")]
    return await fetch(url, "POST", urlsplit(url).path, headers, b"\0" * size)


@pytest.mark.streaming(clock="real")
async def test_an_event_that_no_runtime_is_given_is_refused(served: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """5 MB that are no text are 6.67 MB of event: 413, or what an API makes of that; a loose function is asked."""
    caplog.set_level(logging.WARNING)
    size = 5 * 1024 * 1024

    loose, strict, rest, http = [await post(served, name, size) for name in ("loose", "strict", "rest", "http")]

    assert (loose.status, loose.body) == (200, b"asked")
    assert (strict.status, strict.head.value("access-control-allow-origin")) == (413, "https://app.example")
    assert f"smaller than {MAX_EVENT_BYTES} bytes" in strict.body.decode()
    assert (rest.status, http.status) == (500, 500)
    of_events = [line.partition(": an event of ")[0] for line in caplog.messages if ": an event of " in line]
    ids = [each.head.value("x-amzn-RequestId") for each in (loose, strict, rest)]
    assert of_events[:3] == [
        f"{ids[0]}: served, but on AWS not",
        f"{ids[1]}: refused, as on AWS",
        f"{ids[2]}: refused, as on AWS",
    ]
    assert len(of_events) == 4
    assert [line for line in caplog.messages if ids[0] and ids[0] in line] == [caplog.messages[0]]


@pytest.mark.streaming(clock="real")
async def test_events_that_fit_are_served(served: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """The JSON counts, not the body: 4.5 MB fit as base64."""
    caplog.set_level(logging.WARNING)

    assert (await post(served, "strict", 4_500_000)).body == b"asked"
    await served.settled()
    assert caplog.messages == []


@pytest.mark.streaming(clock="real")
async def test_a_text_may_be_longer_in_json_than_as_bytes(served: Emulator) -> None:
    """Each NUL byte of a text is six in an event."""
    statuses = [(await post(served, "strict", size, "text/plain")).status for size in (1_000_000, 1_100_000)]

    assert statuses == [200, 413]


@pytest.mark.streaming(clock="real")
async def test_a_coded_stream_is_served_with_a_line_strict_or_not(
    served: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """It is reported that AWS undoes it, which is no proof; what was collected is not meant."""
    caplog.set_level(logging.WARNING)

    answers = [await fetch(url_of(served, name), target="/?gzip") for name in ("loose", "strict")]
    await fetch(url_of(served, "strict"), target="/?identity")
    await fetch(url_of(served, "buffered"), target="/?gzip")
    await fetch(url_of(served, "http"), target="/?gzip")
    await served.settled()

    assert [each.head.value("content-encoding") for each in answers] == ["gzip", "gzip"]
    assert [line.partition(": ")[2] for line in caplog.messages if "on AWS" in line] == [
        f"served, but on AWS not so: a stream with content-encoding gzip: {DIFFERENCES['content-encoding'].aws}"
    ] * 2
