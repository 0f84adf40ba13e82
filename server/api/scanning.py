"""A first look at the text of a document, by one regular expression: what is far beyond the limits
is refused before it is parsed, which costs ten times as much.

What the walk over the parsed document counts too is counted no higher here, so that nothing is
refused which that one allows. Directives are counted here alone."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from server.api.cost import pairs_of

# Strings first, so that nothing in one is taken for something else. A character that fits nowhere
# is for the parser to complain of.
_TOKENS = re.compile(
    r'"""(?:[^"\\]+|\\"""|\\|"(?!""))*(?:""")?|"(?:[^"\\\n\r]+|\\.)*"?|#[^\n\r]*'
    r"|[_A-Za-z][_0-9A-Za-z]*|-?[0-9][-+.0-9Ee]*|\.\.\.|[!$&()\[\]{}:=@|]"
)
ENOUGH = 1_000  # of what is there twice: more of it says nothing new
_NAMED_BEFORE = frozenset({"...", "on", "@"})
_VALUES = frozenset('"-0123456789$')


@dataclass(slots=True)
class Scan:
    """`longest` counts what stands beside each other in one pair of brackets; `depth` counts
    brackets in brackets."""

    tokens: int = 0
    depth: int = 0
    aliases: int = 0
    repeats: int = 0
    spreads: int = 0
    directives: int = 0
    longest: int = 0
    pairs: int = 0
    fields: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class _Level:
    """Inside one pair of brackets. `chooses`: it is a selection, and no value; then `key` is the
    name under which the latest field is answered, `sizes` says how many fields are below each, and
    `below` how many below all. `fragment` names the fragment that it is the whole of."""

    bracket: str
    chooses: bool
    names: Counter[str] = field(default_factory=Counter[str])
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    key: str | None = None
    below: int = 0
    held: int = 0
    spreads: list[str] = field(default_factory=list[str])
    fragment: str | None = None


def scan(text: str, most_tokens: int, deepest: int) -> Scan:
    """Goes no further than the first token, or the first level, that is one too many."""
    tokens = [one[0] for one in islice(_TOKENS.finditer(text), most_tokens + 1)]
    found = Scan(tokens=len(tokens))
    if found.tokens <= most_tokens:
        _Counting(found, tokens).count(deepest)
    return found


class _Counting:
    def __init__(self, found: Scan, tokens: list[str]) -> None:
        self.found = found
        self.tokens = tokens
        self.levels: list[_Level] = []
        self.spreading: list[_Level] = []
        self.fragments: dict[str, _Level] = {}
        self.defined: str | None = None

    def count(self, deepest: int) -> None:
        found, levels = self.found, self.levels
        before = ""
        for place, token in enumerate(self.tokens):
            first = token[0]
            if first in "({[":
                self._open(token)
                if len(levels) > deepest:
                    return
            elif first in ")}]":
                self._close()
            elif token == "...":
                found.spreads += 1
                if levels:
                    levels[-1].key = None
            elif token == "@":
                found.directives += 1
            elif first == "_" or first.isalpha():
                self._name(token, before, place)
            elif first == ":" or first in _VALUES:
                self._value(first)
            before = token
        for level in self.spreading:
            self._merge(level)

    def _open(self, bracket: str) -> None:
        within = not self.levels or self.levels[-1].chooses
        if not within:
            self._value(bracket)
        level = _Level(bracket, bracket == "{" and within)
        if level.chooses and not self.levels:
            level.fragment, self.defined = self.defined, None
        self.levels.append(level)
        self.found.depth = max(self.found.depth, len(self.levels))

    def _close(self) -> None:
        level = self.levels.pop() if self.levels else None
        if level is None or not level.chooses:
            return
        self.found.pairs += pairs_of(level.names, level.sizes)
        if level.spreads:
            self.spreading.append(level)
        if level.fragment is not None:
            self.fragments[level.fragment] = level
        outer = self.levels[-1] if self.levels else None
        if outer is not None:
            size = level.names.total() + level.below
            outer.below += size
            if outer.key is not None:
                outer.sizes[outer.key] = max(outer.sizes.get(outer.key, 0), size)

    def _merge(self, level: _Level) -> None:
        """What stands in the fragments of a selection is answered beside its own."""
        names, sizes = Counter(level.names), dict(level.sizes)
        own = names.total() - len(names)
        for spread in level.spreads:
            fragment = self.fragments.get(spread)
            if fragment is not None and names.total() - len(names) <= ENOUGH:
                names.update(fragment.names)
                sizes.update(fragment.sizes)
        self.found.repeats += names.total() - len(names) - own
        self.found.pairs += pairs_of(names, sizes) - pairs_of(level.names, level.sizes)

    def _value(self, first: str) -> None:
        """Lists hold values; whatever else holds values names each of them before a colon."""
        level = self.levels[-1] if self.levels else None
        if level is not None and not level.chooses and (level.bracket == "[") != (first == ":"):
            level.held += 1
            self.found.longest = max(self.found.longest, level.held)

    def _name(self, name: str, before: str, place: int) -> None:
        level = self.levels[-1] if self.levels else None
        if level is None:
            self.defined = name if before == "fragment" else self.defined
            return
        if before in _NAMED_BEFORE:
            if before == "..." and name != "on":
                level.spreads.append(name)
            return
        if not level.chooses:
            if before != "$":
                self._value(name[0])
            return
        if before != ":":
            self.found.repeats += name in level.names
            level.names[name] += 1
            level.key = name
            if self.tokens[place + 1 : place + 2] == [":"]:
                self.found.aliases += 1
                return
        self.found.fields.add(name)
