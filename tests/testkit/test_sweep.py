"""The sweep: one request again and again, the client gone or the invocation cancelled at every event of it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apptheory_streaming import StreamingResponse, text_stream
from apptheory_streaming.errors import UsageError
from apptheory_testkit import Limits, StreamCapture, SweepReport, stream_client
from apptheory_testkit.faults import Fault, Moment, cancel, disconnect, limit, slow_reader, stall
from disturbed import Steps, problems, virtual_client


class Slots:
    """Something of which there are only so many, and handlers that claim one and give it back."""

    def __init__(self) -> None:
        self.in_use = 0

    async def claims_before_the_body(self, event: Any, context: Any) -> StreamingResponse:
        """The leak: a body that never begins runs no `finally`."""
        self.in_use += 1
        return text_stream(self.releasing_body())

    async def releasing_body(self) -> AsyncIterator[str]:
        try:
            yield "one"
            yield "two"
        finally:
            self.in_use -= 1

    async def releases_at_the_end(self, event: Any, context: Any) -> AsyncIterator[str]:
        """The leak: a handler that is cancelled does not come to the last line."""
        self.in_use += 1
        yield "one"
        yield "two"
        self.in_use -= 1

    async def claims_in_the_body(self, event: Any, context: Any) -> StreamingResponse:
        """No leak."""

        async def body() -> AsyncIterator[str]:
            self.in_use += 1
            try:
                yield "one"
                yield "two"
            finally:
                self.in_use -= 1

        return text_stream(body())


# -- the two leaks that no hand-written test looks for --------------------------------------------


def test_e4_a_leak_before_the_first_byte_is_found() -> None:
    """E4: a slot claimed in the handler and released in the generator; it leaks only where the body never begins."""
    slots = Slots()
    client = stream_client(slots.claims_before_the_body)

    found = problems(client, leaks=lambda: slots.in_use)

    assert [line.split(": ")[0] for line in found] == [
        "disconnect(at=0) before the first chunk, on_disconnect=cancel",
        "disconnect(at=0) before the first chunk, on_disconnect=cancel",
    ]
    assert found[0].split(": ")[1].startswith("the `finally` at test_sweep.py:")
    assert found[1].endswith("the probe was 0 before and is 1 after")


@pytest.mark.parametrize("fault", [None, disconnect(at=1), disconnect(at=2), cancel(at=1), cancel(at=2)], ids=str)
def test_the_same_handler_is_green_in_every_test_by_hand(fault: Fault | None) -> None:
    """Proof that the sweep is what finds it: nothing leaks at the moments that one would think of."""
    slots = Slots()

    stream_client(slots.claims_before_the_body, on_disconnect="cancel").sync.get(fault=fault)

    assert slots.in_use == 0


@pytest.mark.parametrize("fault", [disconnect, cancel], ids=["disconnect", "cancel"])
def test_e4_a_leak_that_is_there_only_on_cancel_is_found(fault: Callable[[Moment], Fault]) -> None:
    """E4: wherever the body had begun; the profile `continue` is clean."""
    slots = Slots()
    client = stream_client(slots.releases_at_the_end)

    found = problems(client, leaks={"slots": lambda: slots.in_use}, fault=fault)

    profile = ", on_disconnect=cancel" if fault is disconnect else ""
    assert found == [
        f"{fault.__name__}(at=1) after chunk 0{profile}: the probe 'slots' was 0 before and is 1 after",
        f"{fault.__name__}(at=2) after chunk 1 (the last){profile}: the probe 'slots' was 1 before and is 2 after",
    ]


@pytest.mark.parametrize("fault", [None, *map(disconnect, range(3))], ids=str)
def test_that_handler_is_green_where_nobody_cancels_it(fault: Fault | None) -> None:
    """The proof beside it."""
    slots = Slots()

    stream_client(slots.releases_at_the_end).sync.get(fault=fault)

    assert slots.in_use == 0


def test_a_handler_that_cleans_up_is_clean() -> None:
    """Three positions, each by both profiles, and each run has the request id of the first."""
    slots = Slots()

    report = stream_client(slots.claims_in_the_body).sync.sweep("GET", "/", leaks=lambda: slots.in_use)

    assert report == SweepReport(runs=6, positions=3)


# -- how it is asked for --------------------------------------------------------------------------


async def test_it_is_awaited_in_an_async_test_and_takes_the_keywords_of_a_request() -> None:
    events: list[dict[str, Any]] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        events.append(event)
        yield "one"

    report = await stream_client(handler).sweep("POST", "/x", json={"a": 1}, headers={"x-a": "b"}, params={"q": "1"})

    assert report == SweepReport(runs=4, positions=2)
    assert len(events) == 5 - 1  # in one run the body never began
    assert {event["rawPath"] + "?" + event["rawQueryString"] for event in events} == {"/x?q=1"}
    assert {event["body"] for event in events} == {'{"a": 1}'} or {event["body"] for event in events} == {'{"a":1}'}


def test_d2_all_runs_have_one_request_id_and_the_next_request_the_next() -> None:
    """D2: however many runs there were."""
    ids: list[str] = []

    async def handler(event: Any, context: Any) -> StreamingResponse:
        ids.append(context.aws_request_id)
        return text_stream(["one", "two"])

    client = stream_client(handler).sync
    client.sweep("GET")

    assert set(ids) == {"req_test_0001"}
    assert len(ids) == 7
    assert client.get().request_id == "req_test_0002"


def test_its_runs_do_not_count_for_strict_mode() -> None:
    """Nobody hears of their captures."""
    heard: list[StreamCapture] = []

    async def handler(event: Any, context: Any) -> AsyncIterator[str]:
        yield "one"
        raise ValueError("late")

    client = stream_client(handler, on_capture=heard.append)

    assert client.sync.sweep("GET").runs == 4
    assert heard == []


def test_the_fault_may_be_a_function_of_your_own() -> None:
    """Here a slow client that leaves, under a limit; a disconnect in it means both profiles."""
    asked: list[Moment] = []

    def fault(at: Moment) -> list[Fault]:
        asked.append(at)
        return [slow_reader(4), disconnect(at), limit(1000)]

    report = virtual_client(Steps(1).with_await, limits=Limits()).sync.sweep("GET", fault=fault)

    assert asked[0] == 0
    assert (len(asked), report) == (3, SweepReport(runs=6, positions=3))


def test_d1_a_sweep_finds_the_same_every_time() -> None:
    """D1: word for word."""

    def message() -> list[str]:
        slots = Slots()
        return problems(virtual_client(slots.releases_at_the_end), leaks=lambda: slots.in_use)

    first = message()

    assert all(message() == first for _ in range(20))


def test_the_message_says_how_many_problems_in_how_many_runs() -> None:
    slots = Slots()

    with pytest.raises(AssertionError, match=r"^the sweep of GET /x found 2 problems in 3 runs:\n  cancel"):
        stream_client(slots.releases_at_the_end).sync.sweep("GET", "/x", fault=cancel, leaks=lambda: slots.in_use)


def test_a_request_that_fails_without_a_fault_is_no_sweep() -> None:
    """It would be clean, and prove nothing."""

    async def handler(event: Any, context: Any) -> None:
        raise ValueError("no such table")

    with pytest.raises(AssertionError, match=r"has nothing to disturb, because without a fault it fails: .*no such"):
        stream_client(handler).sync.sweep("GET")


OF_A_MOMENT = r"a sweep calls its fault with each moment: .* such as `lambda at: stall\(at, seconds=1\)`,"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fault": disconnect(at=2)}, r"write fault=disconnect, without a call, not disconnect\(at=2\)"),
        ({"fault": None}, "write fault=disconnect, without a call, not None"),
        ({"fault": "disconnect"}, "write fault=disconnect, without a call, not 'disconnect'"),
        ({"fault": slow_reader}, f"{OF_A_MOMENT} not slow_reader"),
        ({"fault": limit}, f"{OF_A_MOMENT} not limit"),
        ({"fault": stall}, f"{OF_A_MOMENT} not stall"),
        ({"fault": lambda: None}, f"{OF_A_MOMENT} not <lambda>"),
        ({"fault": lambda at: None}, "must make one for every position; it made none for 0"),
        ({"leaks": 3}, r"leaks must be a function without arguments, such as `lambda: pool\.in_use`, not 3"),
        ({"leaks": {"pool": 3}}, r"leaks\['pool'\] must be a function without arguments"),
    ],
    ids=[
        "a fault",
        "no factory",
        "a text",
        "of a rate",
        "of bytes",
        "of a moment and more",
        "of nothing",
        "no fault",
        "no probe",
        "no probe in a mapping",
    ],
)
def test_what_cannot_be_swept_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        stream_client(Slots().claims_in_the_body).sync.sweep("GET", "/", **options)
