"""Runs the cases against an endpoint, one after the other."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from apptheory_emulator.score.card import Score, ScoreCard, Verdict
from apptheory_emulator.score.case import Case, Group
from apptheory_emulator.score.endpoint import PATIENCE, Endpoint, Expect, Patience, ScoredUrl
from apptheory_emulator.score.handler import ScoreHandler, ask_handler
from apptheory_emulator.score.invoke_api import ScoredApi
from apptheory_emulator.score.table import CASES
from apptheory_streaming.errors import UsageError

__all__ = ["ScoreOptions", "score_endpoint"]

NO_URL = "no URL was given"
NO_API = "no Invoke API was given: --invoke ENDPOINT --name FUNCTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOptions:
    """What to score: a URL, or the endpoint of an Invoke API with the name of a function, or both.

    `handler` is the language of the handler, None to ask it; `only` are the ids of cases, all without any.
    Raises UsageError for what does not go together.
    """

    url: str | None = None
    invoke: str | None = None
    name: str | None = None
    expect: Expect = Expect.EMULATOR
    handler: str | None = None
    only: tuple[str, ...] = ()
    patience: Patience = PATIENCE

    def __post_init__(self) -> None:
        if self.url is None and self.invoke is None:
            raise UsageError("name what to score: the URL of a function, or --invoke ENDPOINT --name FUNCTION")
        if (self.invoke is None) != (self.name is None):
            raise UsageError("--invoke and --name go together: an endpoint, and a function behind it")
        unknown = [each for each in self.only if each not in CASES]
        if unknown:
            raise UsageError(f"there is no case {unknown[0]!r}; --list lists them")


async def score_endpoint(options: ScoreOptions, *, on_score: Callable[[Score], None] = lambda _: None) -> ScoreCard:
    """Run the cases and give the card; `on_score` gets each score as soon as there is one.

    Raises OSError where nobody listens, NoScoreHandler where somebody else answers, UsageError for
    what is no URL.
    """
    patience = options.patience
    url = None if options.url is None else ScoredUrl(options.url, timeout=patience.timeout)
    api = None
    if options.invoke is not None and options.name is not None:
        api = ScoredApi(options.invoke, options.name, timeout=patience.timeout)
    try:
        if url is not None:
            await url.reach()
        handler = ScoreHandler.of(options.handler) if options.handler else await ask_handler(url, api)
        endpoint = Endpoint(url, api, handler.language, options.expect, patience)
        scores = []
        for case in _chosen(options.only):
            scores.append(await _score(case, endpoint, handler))
            on_score(scores[-1])
    finally:
        if api is not None:
            api.close()
    where = options.url or f"{options.invoke} {options.name}"
    return ScoreCard(endpoint=where, expect=options.expect, handler=handler, scores=scores)


def _chosen(only: Iterable[str]) -> Iterable[Case]:
    wanted = set(only) or set(CASES)
    return (case for name, case in CASES.items() if name in wanted)


async def _score(case: Case, endpoint: Endpoint, handler: ScoreHandler) -> Score:
    grade = case.grade_for(handler.language)
    missing = endpoint.api if case.group is Group.SDK else endpoint.url
    if missing is None:
        reason = NO_API if case.group is Group.SDK else NO_URL
        return Score(case=case, grade=grade, verdict=Verdict.SKIPPED, came=reason)
    if case.handler in handler.without:
        return Score(case=case, grade=grade, verdict=Verdict.SKIPPED, came=handler.without[case.handler])
    finding = await case.check(endpoint)
    verdict = Verdict.SKIPPED if finding.holds is None else Verdict.HOLDS if finding.holds else Verdict.FAILS
    expected, came = finding.expected, finding.came
    return Score(case=case, grade=finding.grade or grade, verdict=verdict, expected=expected, came=came)
