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
_HIDDEN = frozenset({"__schema", "__type"})
_VALUES = frozenset('"-0123456789$')


@dataclass(slots=True)
class Scope:
    """`heads` are the places of fields with arguments or another name, `bare` the names of those
    without, some of them `twice`; what is below those of one name is one scope too. `definition`
    says in the how-manieth operation or fragment it is."""

    definition: int
    heads: list[int] = field(default_factory=list[int])
    bare: set[str] = field(default_factory=set[str])
    twice: set[str] = field(default_factory=set[str])
    below: dict[str, Scope] = field(default_factory=dict[str, "Scope"])


@dataclass(slots=True)
class Scan:
    """`longest` counts what stands beside each other in one pair of brackets; `depth` counts
    brackets in brackets, `levels` selections in fields, `introspection` the same below `__schema`.
    `words` are the tokens, but for comments, and `starts` their places in the
    text; `closes` says which bracket ends which,
    or that none does. `scopes` say what is answered beside each
    other, but for fragments: in `spreading` are the definitions that are one, or spread one."""

    tokens: int = 0
    depth: int = 0
    aliases: int = 0
    repeats: int = 0
    spreads: int = 0
    directives: int = 0
    longest: int = 0
    pairs: int = 0
    levels: int = 0
    introspection: int = 0
    fields: set[str] = field(default_factory=set[str])
    words: list[str] = field(default_factory=list[str])
    starts: list[int] = field(default_factory=list[int])
    closes: dict[int, int] = field(default_factory=dict[int, int])
    scopes: list[Scope] = field(default_factory=list["Scope"])
    spreading: set[int] = field(default_factory=set[int])


@dataclass(slots=True)
class _Level:
    """Inside one pair of brackets. `chooses`: it is a selection, and no value; then `key` is the
    name under which the latest field is answered, `sizes` says how many fields are below each, and
    `below` how many below all. `fragment` names the fragment that it is the whole of."""

    bracket: str
    place: int
    chooses: bool
    scope: Scope
    names: Counter[str] = field(default_factory=Counter[str])
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    key: str | None = None
    below: int = 0
    held: int = 0
    spreads: list[str] = field(default_factory=list[str])
    fragment: str | None = None
    name: str | None = None
    level: int = 0
    hidden: bool = False


@dataclass(slots=True)
class _Sum:
    """Of one operation or fragment. `uses` are the fragments in it, each with the level where it
    is, and whether that is below `__schema`."""

    aliases: int = 0
    spreads: int = 0
    levels: int = 0
    introspection: int = 0
    uses: list[tuple[str, int, bool]] = field(default_factory=list[tuple[str, int, bool]])


def scan(text: str, most_tokens: int, deepest: int) -> Scan:
    """Goes no further than the first token, or the first level, that is one too many."""
    tokens = list(islice(_TOKENS.finditer(text), most_tokens + 1))
    found = Scan(tokens=len(tokens))
    if found.tokens <= most_tokens:
        told = [one for one in tokens if text[one.start()] != "#"]
        found.words = [one[0] for one in told]
        found.starts = [one.start() for one in told]
        _Counting(found).count(deepest)
    return found


class _Counting:
    def __init__(self, found: Scan) -> None:
        self.found = found
        self.words = [*found.words, ""]
        self.levels: list[_Level] = []
        self.spreading: list[_Level] = []
        self.fragments: dict[str, _Level] = {}
        self.defined: str | None = None
        self.nowhere = Scope(0)
        self.definitions = 0
        self.sum = _Sum()
        self.sums: dict[str, _Sum] = {}
        self.operations: list[_Sum] = []
        self.whole: dict[str, _Sum] = {}

    def count(self, deepest: int) -> None:
        found, levels = self.found, self.levels
        before = ""
        for place, token in enumerate(found.words):
            first = token[0]
            if first in "({[":
                self._open(token, place)
                if len(levels) > deepest:
                    return
            elif first in ")}]":
                self._close(place)
            elif token == "...":
                found.spreads += 1
                self.sum.spreads += 1
                if levels:
                    levels[-1].key = None
            elif token == "@":
                found.directives += 1
            elif first == "_" or first.isalpha():
                self._name(token, before, place)
            elif first == ":" or first in _VALUES:
                self._value(first)
            before = token
        for level in levels:
            found.closes[level.place] = len(found.words)
        for level in self.spreading:
            self._merge(level)
        self._written_out()

    def _open(self, bracket: str, place: int) -> None:
        within = not self.levels or self.levels[-1].chooses
        if not within:
            self._value(bracket)
        level = _Level(bracket, place, bracket == "{" and within, self.nowhere)
        if level.chooses:
            self._choosing(level)
        self.levels.append(level)
        self.found.depth = max(self.found.depth, len(self.levels))

    def _choosing(self, level: _Level) -> None:
        outer = self.levels[-1] if self.levels else None
        self.definitions += outer is None
        level.scope = self._scope(outer)
        if outer is None:
            if self.defined is not None:
                self.found.spreading.add(self.definitions)
            level.fragment, self.defined, self.sum = self.defined, None, _Sum()
            if level.fragment is None:
                self.operations.append(self.sum)
            else:
                self.sums[level.fragment] = self.sum
            return
        begins = outer.key is not None and outer.name in _HIDDEN
        level.hidden = begins or outer.hidden
        level.level = 1 if begins else outer.level + (outer.key is not None)
        if level.hidden:
            self.sum.introspection = max(self.sum.introspection, level.level)
        else:
            self.sum.levels = max(self.sum.levels, level.level)

    def _scope(self, outer: _Level | None) -> Scope:
        if outer is not None and outer.key is None:
            return outer.scope
        scope = None if outer is None else outer.scope.below.get(str(outer.key))
        if scope is None:
            scope = Scope(self.definitions)
            self.found.scopes.append(scope)
            if outer is not None:
                outer.scope.below[str(outer.key)] = scope
        return scope

    def _written_out(self) -> None:
        """A fragment counts wherever it is spread."""
        found, sums = self.found, [self._with_fragments(one) for one in self.operations]
        found.aliases = max(found.aliases, sum(one.aliases for one in sums))
        found.spreads = max(found.spreads, sum(one.spreads for one in sums))
        found.levels = max((one.levels for one in sums), default=0)
        found.introspection = max((one.introspection for one in sums), default=0)

    def _with_fragments(self, own: _Sum) -> _Sum:
        whole = _Sum(own.aliases, own.spreads, own.levels, own.introspection)
        for name, level, hidden in own.uses:
            if name not in self.whole:
                self.whole[name] = _Sum()  # also while it is looked at: it may be in itself
                self.whole[name] = self._with_fragments(self.sums.get(name, _Sum()))
            inner = self.whole[name]
            whole.aliases += inner.aliases
            whole.spreads += inner.spreads
            if hidden:
                whole.introspection = max(whole.introspection, level + inner.levels)
            else:
                whole.levels = max(whole.levels, level + inner.levels)
                whole.introspection = max(whole.introspection, inner.introspection)
        return whole

    def _close(self, place: int) -> None:
        level = self.levels.pop() if self.levels else None
        if level is not None:
            self.found.closes[level.place] = place
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
                self.found.spreading.add(self.definitions)
                self.sum.uses.append((name, level.level, level.hidden))
            return
        if not level.chooses:
            if before != "$":
                self._value(name[0])
            return
        if before != ":":
            self.found.repeats += name in level.names
            level.names[name] += 1
            level.key = name
            after = self.words[place + 1]
            if after == ":" or after == "(":
                level.scope.heads.append(place)
            else:
                if name in level.scope.bare:
                    level.scope.twice.add(name)
                level.scope.bare.add(name)
            if after == ":":
                self.found.aliases += 1
                self.sum.aliases += 1
                return
        level.name = name
        self.found.fields.add(name)
