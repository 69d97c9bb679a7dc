"""The order of the parts of a stream: which open a block, which need one, which close it.

The rules are data; each format has its own.  What is checked is what a client relies on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Block", "GrammarCheck", "Part", "PartGrammar", "Rule", "Violation"]


class Part(Protocol):
    """A part that was read."""

    @property
    def type(self) -> str:
        """The name of its rule."""
        ...

    @property
    def offset(self) -> int | None:
        """The byte of the stream at which it begins."""
        ...

    def __getitem__(self, name: str) -> Any:
        """Give a field of it."""
        ...


@dataclass(frozen=True, slots=True)
class Block:
    """What several parts make together: those whose `key` is the same, or all of them without a key.

    `opener` and `closer` name, for messages, the parts that begin and end it; a block without a
    closer may stay open and may be opened again.
    """

    name: str
    opener: str
    closer: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a part does: it needs a block to be open, closes one, forgets, ends (if it is open) or opens one.

    `outside` are blocks of which none may be open.
    """

    needs: Block | None = None
    closes: Block | None = None
    ends: Block | None = None
    opens: Block | None = None
    outside: tuple[Block, ...] = ()
    forgets: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class PartGrammar:
    """The rules of a format, by the type of a part; a type without a rule may stand anywhere before the end.

    `first` comes once, and before all but those in `before_first`.  `last` comes once, and only those in
    `after_last` come after it; once one of `need_last` was there, it must come.  After one of
    `failures`, nothing has to be closed any more.
    """

    rules: Mapping[str, Rule]
    last: str
    after_last: frozenset[str]
    failures: frozenset[str]
    first: str = ""
    before_first: frozenset[str] = frozenset()
    need_last: frozenset[str] = frozenset()
    free_prefix: str = ""

    def is_free(self, part_type: str, free: frozenset[str]) -> bool:
        """Whether a type is in a set, or begins with the prefix of those that may stand anywhere."""
        return part_type in free or (bool(self.free_prefix) and part_type.startswith(self.free_prefix))


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong, and at which part: its number and the byte at which it begins, None for the end of the stream."""

    problem: str
    part: int | None = None
    offset: int | None = None


@dataclass(slots=True)
class GrammarCheck:
    """Checks one stream, part by part, up to its first violation.

    `known` are the values of keys that count as opened before the stream began, such as tool
    calls of an earlier message.
    """

    grammar: PartGrammar
    known: Iterable[str] = ()
    _open: dict[tuple[Block, str], int] = field(init=False, default_factory=dict)
    _closed: dict[tuple[Block, str], int] = field(init=False, default_factory=dict)
    _seen: dict[str, int] = field(init=False, default_factory=dict)
    _content_at: int | None = field(init=False, default=None)
    _count: int = field(init=False, default=0)
    _failed: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Keep the known keys, also those of an iterator."""
        self.known = frozenset(self.known)

    def take(self, part: Part) -> Violation | None:
        """Take the next part, and say what is wrong with its place."""
        number = self._count
        problem = self._misplaced(part) or self._apply(part, self.grammar.rules.get(part.type, Rule()), number)
        self._count += 1
        self._seen.setdefault(part.type, number)
        self._failed = self._failed or part.type in self.grammar.failures
        if self._content_at is None and not self.grammar.is_free(part.type, self.grammar.before_first):
            self._content_at = number
        return None if problem is None else Violation(f"{part.type}: {problem}", number, part.offset)

    def end(self) -> Violation | None:
        """Say what is missing at the end of the stream."""
        if self._failed:
            return None
        for (block, key), number in self._open.items():
            if block.closer:
                return Violation(
                    f"{_named(block, key)} is never closed: part {number} opened it, {block.closer} is missing"
                )
        grammar = self.grammar
        if grammar.last not in self._seen and not grammar.need_last.isdisjoint(self._seen):
            return Violation(f"{grammar.last} is missing")
        return None

    def _misplaced(self, part: Part) -> str | None:
        grammar, seen = self.grammar, self._seen
        if part.type in (grammar.first, grammar.last) and part.type in seen:
            return f"a second one, part {seen[part.type]} was the first"
        if part.type == grammar.first and self._content_at is not None:
            return f"it comes after part {self._content_at}, and must come first"
        if grammar.last in seen and not grammar.is_free(part.type, grammar.after_last):
            return f"it comes after {grammar.last}, part {seen[grammar.last]}"
        return None

    def _apply(self, part: Part, rule: Rule, number: int) -> str | None:
        return (
            self._inside(rule.outside)
            or self._need(rule.needs, part)
            or self._close(rule.closes, part, number)
            or self._change(rule, part, number)
        )

    def _inside(self, blocks: tuple[Block, ...]) -> str | None:
        if self._failed:
            return None
        for (block, key), number in self._open.items():
            if block in blocks:
                return f"{_named(block, key)} is still open: part {number} opened it, {block.closer} is missing"
        return None

    def _need(self, block: Block | None, part: Part) -> str | None:
        if block is None:
            return None
        key = _key(block, part)
        if (block, key) in self._open or (not block.closer and key in self.known):
            return None
        if (block, key) in self._closed:
            return f"{_named(block, key)} was closed by part {self._closed[block, key]}"
        there = f'{block.name} "{key}"' if key else block.name
        return f"there is no {there}: {block.opener} must come first"

    def _close(self, block: Block | None, part: Part, number: int) -> str | None:
        problem = self._need(block, part)
        if problem is None and block is not None:
            self._end(block, part, number)
        return problem

    def _change(self, rule: Rule, part: Part, number: int) -> str | None:
        for entry in [entry for entry in self._open if entry[0] in rule.forgets]:
            del self._open[entry]
        if rule.ends is not None:
            self._end(rule.ends, part, number)
        if rule.opens is None:
            return None
        entry = (rule.opens, _key(rule.opens, part))
        if entry in self._open and rule.opens.closer:
            return f"{_named(*entry)} is open already: part {self._open[entry]} opened it"
        self._open[entry] = number
        return None

    def _end(self, block: Block, part: Part, number: int) -> None:
        entry = (block, _key(block, part))
        if self._open.pop(entry, None) is not None:
            self._closed[entry] = number


def _key(block: Block, part: Part) -> str:
    return str(part[block.key]) if block.key else ""


def _named(block: Block, key: str) -> str:
    return f'{block.name} "{key}"' if block.key else f"the {block.name}"
