"""Whether a head is read as a stream of bytes, wherever the runtime cut it."""

import base64
from collections.abc import Iterator, Sequence

from apptheory_emulator.score import sources
from apptheory_emulator.score.case import Case, Finding, Grade, Group, Source
from apptheory_emulator.score.endpoint import Endpoint
from apptheory_emulator.score.wanted import Check, Wanted

__all__ = ["PRELUDES"]

HEAD = b'{"statusCode":201,"headers":{"x-color":"red"},"cookies":[]}'
NULS = bytes(8)
BODY = b"AB"
MANY = 4
MADE = Wanted(status=201, headers={"x-color": "red"}, body=BODY)
REFUSED = Wanted(status=502, body=b"Internal Server Error", end=None)

Pieces = Sequence[bytes]


def _every_cut() -> Iterator[Pieces]:
    whole = HEAD + NULS + BODY
    return ((whole[:at], whole[at:]) for at in range(1, len(whole)))


def _sent(wanted: Wanted, *ways: Pieces) -> Check:
    """Let the handler write these pieces, in each of several ways, until one is not answered as wanted."""

    async def check(endpoint: Endpoint) -> Finding:
        finding = Finding(holds=True, expected="", came="")
        for pieces in ways:
            encoded = ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in pieces)
            finding = wanted.found(await endpoint.http.fetch("raw", f"pieces={encoded}"))
            if not finding.holds:
                return Finding(False, finding.expected, f"{finding.came}, for {_told(pieces)}")
        return finding

    return check


def _told(pieces: Pieces) -> str:
    return " | ".join(map(_shown, pieces)) if len(pieces) <= MANY else f"{len(pieces)} chunks"


def _shown(piece: bytes) -> str:
    text = piece.replace(NULS, b"<8 NULs>").decode("latin-1").replace("\0", "<NUL>")
    return text if len(text) <= 80 else f"{text[:40]}…{text[-36:]}"


def _case(
    name: str, sentence: str, check: Check, *, source: Source = sources.NODE_CHUNKS, grade: Grade = Grade.PROVEN
) -> Case:
    return Case(id=name, group=Group.PRELUDE, sentence=sentence, source=source, grade=grade, handler="raw", check=check)


PRELUDES = (
    _case(
        "prelude-apart",
        "Prelude, 8 NULs and body are three chunks, as AWS's client for Node sends them.",
        _sent(MADE, (HEAD, NULS, BODY)),
    ),
    _case(
        "prelude-with-nuls",
        "Prelude and NULs are one chunk, as AWS's client for .NET sends them.",
        _sent(MADE, (HEAD + NULS, BODY)),
    ),
    _case(
        "prelude-in-two",
        "The prelude comes in two chunks.",
        _sent(MADE, (HEAD[:20], HEAD[20:], NULS, BODY)),
    ),
    _case(
        "nuls-with-body",
        "NULs and the first bytes of the body are one chunk, and no byte is lost.",
        _sent(MADE, (HEAD, NULS + b"A", b"B")),
    ),
    _case(
        "prelude-with-body",
        "All is one chunk.",
        _sent(MADE, (HEAD + NULS + BODY,)),
    ),
    _case(
        "prelude-cuts",
        "Cut in two at each of its bytes, the answer is the same.",
        _sent(MADE, *_every_cut()),
    ),
    _case(
        "prelude-bytes",
        "Each byte is a chunk, and the answer is the same.",
        _sent(MADE, [bytes([byte]) for byte in HEAD + NULS + BODY]),
    ),
    _case(
        "no-delimiter",
        "A prelude whose NULs never come is a 502.",
        _sent(REFUSED, (b"hello",)),
        source=sources.MISSING_DELIMITER,
        grade=Grade.INFERRED,
    ),
    _case(
        "bad-prelude",
        "A prelude that is no JSON is a 502.",
        _sent(REFUSED, (b"{no json", NULS, BODY)),
        source=sources.MISSING_DELIMITER,
        grade=Grade.INFERRED,
    ),
)
