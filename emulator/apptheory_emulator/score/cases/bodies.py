"""Whether the bytes of a body arrive, all of them and no others."""

from apptheory_emulator.score import sources
from apptheory_emulator.score.case import Case, Finding, Grade, Group, Source
from apptheory_emulator.score.endpoint import Endpoint, Expect
from apptheory_emulator.score.wanted import Check, Wanted, answers

__all__ = ["BODIES"]

MIB = 1024 * 1024
LARGE = b"".join(letter * MIB for letter in (b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"i", b"j"))
PACED_SECONDS = 1.5
"""10 MiB are 6 at once and 4 at 2 a second; what is measured begins at the request and cannot be too short."""


async def _pace(endpoint: Endpoint) -> Finding:
    expected = f"10 MiB in {PACED_SECONDS} s or more"
    if endpoint.expect is not Expect.DEPLOYED:
        return Finding(None, expected, "an emulator may be faster; --expect deployed looks at it")
    exchange = await endpoint.http.fetch("large")
    whole = Wanted(body=LARGE).found(exchange)
    if not whole.holds:
        return whole
    return Finding(exchange.seconds >= PACED_SECONDS, expected, f"10 MiB in {exchange.seconds:.2f} s")


def _case(name: str, sentence: str, check: Check, *, handler: str = "", source: Source = sources.STREAMING) -> Case:
    return Case(
        id=name,
        group=Group.BODY,
        sentence=sentence,
        source=source,
        grade=Grade.PROVEN,
        handler=handler or name,
        check=check,
    )


BODIES = (
    _case(
        "binary",
        "Every byte there is arrives as it is.",
        answers("binary", Wanted(headers={"content-type": "image/png"}, body=bytes(range(256)))),
    ),
    _case(
        "nuls",
        "8 NULs in the body stay there: only the first ones end the prelude.",
        answers("nuls", Wanted(body=b"a" + bytes(8) + b"b" + bytes(8) + b"c")),
    ),
    _case(
        "lines",
        "A thousand chunks arrive in order.",
        answers("lines", Wanted(body=b"".join(b"line %04d\n" % number for number in range(1000)))),
    ),
    _case(
        "large-body",
        "10 MiB arrive: 6 MB are the limit of buffered answers only.",
        answers("large", Wanted(body=LARGE)),
        handler="large",
        source=sources.LIMITS,
    ),
    _case(
        "pace",
        "Behind the first 6 MB a stream goes at 2 MB a second.",
        _pace,
        handler="large",
        source=sources.PACE,
    ),
)
