"""All cases, in the order in which they are run."""

from apptheory_emulator.score.case import Case
from apptheory_emulator.score.cases.bodies import BODIES
from apptheory_emulator.score.cases.clients import CLIENTS
from apptheory_emulator.score.cases.errors import DEATH, ERRORS
from apptheory_emulator.score.cases.heads import HEADS
from apptheory_emulator.score.cases.preludes import PRELUDES
from apptheory_emulator.score.cases.requests import REQUESTS
from apptheory_emulator.score.cases.sdk import SDK
from apptheory_emulator.score.cases.streaming import STREAMING

__all__ = ["CASES"]

CASES: dict[str, Case] = {
    case.id: case for case in (*STREAMING, *HEADS, *PRELUDES, *BODIES, *REQUESTS, *ERRORS, *CLIENTS, *SDK, DEATH)
}
