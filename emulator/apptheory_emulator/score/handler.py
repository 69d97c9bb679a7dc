"""What the score handler at an endpoint says of itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apptheory_emulator.score.endpoint import ScoredUrl
from apptheory_emulator.score.invoke_api import DELIMITER, ScoredApi
from apptheory_streaming.errors import StreamingError

__all__ = ["LANGUAGES", "NoScoreHandler", "ScoreHandler", "ask_handler"]

LANGUAGES = ("go", "node", "python")
_BY_PYTHON = "the runtime of Python writes the prelude itself, in one way"


class NoScoreHandler(StreamingError):  # noqa: N818 - what an endpoint lacks
    """Nothing at the endpoint answers as the score handler does."""

    name = "NoScoreHandler"


@dataclass(frozen=True, slots=True)
class ScoreHandler:
    """The language of a handler, the version of its runtime, and why it has not certain cases."""

    language: str
    runtime: str = ""
    without: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, language: str) -> "ScoreHandler":
        """Take its word for what it is, where an emulator lets nothing through that says it."""
        return cls(language, without={"raw": _BY_PYTHON} if language == "python" else {})


async def ask_handler(url: ScoredUrl | None, api: ScoredApi | None) -> ScoreHandler:
    """Ask what serves the cases; raises NoScoreHandler when the answer is none.

    The answer may stand behind a prelude that an emulator did not take off: that is for the cases to find.
    """
    came = ""
    if url is not None:
        exchange = await url.fetch("about")
        if (told := _told(exchange.body)) is not None:
            return told
        came = str(exchange)
    if api is not None:
        for answer in (await api.invoke("about"), await api.stream("about")):
            if (told := _told(answer.payload)) is not None:
                return told
            came = came or str(answer)
    raise NoScoreHandler(
        f"/score/about should say which score handler this is, and what came is {came}: serve one of the files that "
        "--handlers lists, or say with --handler what it is"
    )


def _told(data: bytes) -> ScoreHandler | None:
    try:
        document: Any = json.loads(data.rpartition(DELIMITER)[2])
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("language") not in LANGUAGES:
        return None
    without = document.get("without", {})
    if not isinstance(without, dict) or not all(isinstance(why, str) for why in without.values()):
        return None
    return ScoreHandler(document["language"], str(document.get("runtime", "")), without)
