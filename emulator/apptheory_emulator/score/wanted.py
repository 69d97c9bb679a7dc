"""The answer that a case wants, and what of one that came is another."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from apptheory_emulator.score.case import Finding
from apptheory_emulator.score.endpoint import Endpoint
from apptheory_emulator.score.exchange import End, Exchange, shown_bytes

__all__ = ["Wanted", "answers"]

Check = Callable[[Endpoint], Awaitable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A status, some headers, all cookies, a body and an end; what is None may be anything.

    A header that is to be absent has the value None.
    """

    status: int = 200
    headers: Mapping[str, str | None] = field(default_factory=dict)
    cookies: Sequence[str] | None = None
    body: bytes | None = None
    end: End | None = End.WHOLE

    def found(self, exchange: Exchange) -> Finding:
        """Compare it with what came."""
        compared = list(self._compared(exchange))
        differing = [came for wanted, came in compared if wanted != came]
        expected = ", ".join(wanted for wanted, _ in compared)
        if exchange.status is None:
            return Finding(holds=False, expected=expected, came=str(exchange))
        return Finding(holds=not differing, expected=expected, came=", ".join(differing) or expected)

    def _compared(self, exchange: Exchange) -> Iterator[tuple[str, str]]:
        """What is wanted and what came, in the same words where it is the same."""
        yield f"status {self.status}", f"status {exchange.status}"
        for name, value in self.headers.items():
            yield _header(name, value), _header(name, exchange.header(name))
        if self.cookies is not None:
            yield _cookies(self.cookies), _cookies(exchange.headers.get("set-cookie", ()))
        if self.body is not None:
            differs = _first(self.body, exchange.body)
            yield f"body {shown_bytes(self.body)}", f"body {shown_bytes(exchange.body)}{differs}"
        if self.end is not None:
            yield _ENDS[self.end], _ENDS[exchange.end]


_ENDS = {End.WHOLE: "a clean end", End.CUT: "cut off", End.SILENT: "no end", End.BROKEN: "not HTTP"}


def _first(wanted: bytes, came: bytes) -> str:
    """Say where two bodies begin to differ, nothing for equal ones."""
    if wanted == came:
        return ""
    at = next((at for at, (one, other) in enumerate(zip(wanted, came, strict=False)) if one != other), None)
    return f", which differs at byte {min(len(wanted), len(came)) if at is None else at}"


def answers(case: str, wanted: Wanted, *, query: str = "", method: str = "GET") -> Check:
    """Make the check of a case that is one request."""

    async def check(endpoint: Endpoint) -> Finding:
        return wanted.found(await endpoint.http.fetch(case, query, method=method))

    return check


def _header(name: str, value: str | None) -> str:
    if value is None:
        return f"no {name}"
    return f"{name}: {value if len(value) <= 80 else f'{value[:20]}… ({len(value)} characters)'}"


def _cookies(cookies: Sequence[str]) -> str:
    return f"cookies {list(cookies)}" if cookies else "no cookies"
