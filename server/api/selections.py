"""Looks through the selections of a document for what validation has nothing to say about.

A field goes when its type has it, its arguments fit, and what is below it goes. Together with
another one it might be at fault only where both are answered under one name; so it stays when that
name is asked for in two ways anywhere in the document. Where fields of several types meet, below an
interface or a union, only names go that have the same type wherever they are, or are not asked for
twice. So it is in fragments that are spread there, and everywhere once one is on an interface.

What is doubtful stays, with the way to it, and with all that its complaint depends on. Of what is
surely mistaken nothing is looked at below it, and after some mistakes nothing at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from graphql import GraphQLIncludeDirective, GraphQLSkipDirective, OperationType

from server.api.known import Asked, Known
from server.api.literals import FITS, Kept, Literals, Strange
from server.api.scanning import Scan, Scope

_DIRECTIVES = {
    one.name: {name: argument.type for name, argument in one.args.items()}
    for one in (GraphQLIncludeDirective, GraphQLSkipDirective)
}
_COUNTED = 3
_MORE = frozenset("(:@{")
_Names = frozenset[str]
ENOUGH = 12  # mistakes; more of them are not told
MOST = 500  # tokens that are doubtful, or lead to one that is


@dataclass(slots=True)
class Definition:
    """`on` names the type of what is chosen in it; `variables` are its own, each with the places
    of its tokens, and whether nothing is to be said about it."""

    start: int
    body: int
    name: str | None
    on: str
    fragment: bool = False
    directives: Kept = ()
    variables: dict[str, tuple[Kept, bool]] = field(default_factory=dict[str, tuple[Kept, bool]])
    declared: dict[str, str] = field(default_factory=dict[str, str])
    used: set[str] = field(default_factory=set[str])
    spreads: set[str] = field(default_factory=set[str])
    kept: list[int] = field(default_factory=list[int])
    clean: bool = False


class Selections:
    """`apart`: types that may meet are taken not to, until `mixes` knows."""

    def __init__(
        self, known: Known, seen: Scan, below: set[str], *, merging: bool, apart: bool
    ) -> None:
        self.known = known
        self.apart = apart
        self.conditions: dict[str, set[str]] = {name: set() for name in known.meeting}
        self.size = len(seen.words)
        self.words = [*seen.words, "", "", "", ""]  # looking ahead ends somewhere
        self.closes = seen.closes
        self.at = 0
        self.mistakes = 0
        self.spent = 0
        self.counted = 0
        self.cut = False
        self.literals = Literals(self.words, seen.closes)
        self.marked, self.twice = self._marked(seen) if merging else (set[str](), set[str]())
        self.operations: list[Definition] = []
        self.fragments: dict[str, Definition] = {}
        self.doubles: list[Definition] = []
        self.now = Definition(0, 0, None, "")
        self.looked_at: set[str] = set()
        self.needed: set[str] = set()
        self.met: set[str] = set()
        self.below = below
        self.feeds = known.roots.get(OperationType.SUBSCRIPTION)
        named = zip(seen.words, self.words[1:], strict=False)
        mixed = any(word == "on" and name in known.meeting for word, name in named)
        self.uniform = known.uniform if mixed and merging else None
        self._plain: dict[tuple[str, _Names | None], _Names] = {}

    def _marked(self, seen: Scan) -> tuple[set[str], set[str]]:
        """Names that are asked for in two ways in one place, and those that are asked for twice
        there. What a fragment chooses may be in any place, but of operations without one."""
        scopes = seen.scopes
        joined = [one for one in scopes if one.definition in seen.spreading]
        if joined:
            bare = Counter(name for one in joined for name in one.bare)
            twice = {name for name, count in bare.items() if count > 1}
            heads = [place for one in joined for place in one.heads]
            scopes = [*scopes, Scope(0, heads, set(bare), twice)]
        marked: set[str] = set()
        twice = set[str]()
        for scope in scopes:
            twice |= scope.twice
            ways: dict[str, list[str]] = {}
            for place in scope.heads:
                key, way = seen.words[place], self._way(place)
                if key in scope.bare or key in ways:
                    twice.add(key)
                if key in scope.bare or ways.setdefault(key, way) != way:
                    marked.add(key)
        return marked, twice

    def _way(self, place: int) -> list[str]:
        end = place + 3 if self.words[place + 1] == ":" else place + 1
        end = self.literals.past(end) if self.words[end] == "(" else end
        return self.words[place:end]

    def mixes(self) -> bool:
        """Answers of several types may stand in one place."""
        return any(
            len(met) > 1 or not met <= self.known.alike[name]
            for name, met in self.conditions.items()
        )

    def _body(self, one: Definition) -> None:
        literals, outer = self.literals, self.now
        before = literals.declared, literals.used
        alone = one.fragment and len(self.operations) == 1
        literals.declared = self.operations[0].declared if alone else one.declared
        literals.used, self.now, self.at = one.used, one, one.body + 1
        if one.on in self.known.types:
            below = one.fragment and one.name in self.below
            self._chosen(one.body, one.on, self.known.uniform if below else self.uniform)
        else:
            self._mistaken(one.body)
        literals.declared, literals.used = before
        self.spent += len(one.kept)
        self.now = outer

    def _clean(self, name: str) -> bool:
        """Nothing is to be said about what the fragment chooses, nor about what that spreads."""
        one = self.fragments.get(name)
        if one is None:
            return False
        if name not in self.looked_at:
            self.looked_at.add(name)
            self._body(one)
            doubtful = one.kept or one.directives or one.on not in self.known.types
            one.clean = not doubtful and all(name != other.name for other in self.doubles)
        return one.clean

    def _chosen(self, opened: int, parent: str, uniform: _Names | None) -> int:
        """Answers with the place of the bracket that ends it."""
        words, end = self.words, self.closes[opened]
        if uniform is None and not self.apart:
            uniform = self.known.meeting.get(parent)
        plain = self._plain_names(parent, uniform)
        at = opened + 1
        while at < end:
            word = words[at]
            if word in plain and words[at + 1] not in _MORE:
                at += 1
                continue
            self.at = at
            if end < self.size and self._is_enough():
                return end
            if word == "...":
                at = self._spread(at, parent, uniform)
            else:
                at = self._field(at, parent, uniform)
        if at != end or words[end] != "}":
            self.at = at
            raise Strange
        return end

    def _is_enough(self) -> bool:
        kept = self.spent + len(self.now.kept)
        self.cut = self.cut or self.mistakes > ENOUGH or kept > MOST
        return self.cut

    def _plain_names(self, parent: str, uniform: _Names | None) -> _Names:
        found = self._plain.get((parent, uniform))
        if found is None:
            found = self.known.leaves[parent] - self.marked
            found = found if uniform is None else found - (self.twice - uniform)
            self._plain[parent, uniform] = found
        return found

    def _field(self, start: int, parent: str, uniform: _Names | None) -> int:
        words, at = self.words, start + 1
        key = name = words[start]
        if words[at] == ":":
            name, at = words[at + 1], at + 2
        if not (key.isidentifier() and name.isidentifier()):
            raise Strange
        asked = self.known.types[parent].get(name)
        marked = key in self.marked
        told = [*range(start, at)]
        fits = asked is not None and not asked.stays and not marked
        counted = asked is not None and asked.counted
        self.counted += counted
        fits = fits and not (counted and (self.fragments or self.counted >= _COUNTED))
        fits = fits and (uniform is None or name in uniform or key not in self.twice)
        if words[at] == "(":
            end = self.literals.past(at)
            left = self._arguments(at, asked)
            fits = fits and not left
            needed = marked or (asked is not None and bool(asked.required))
            told += range(at, end) if needed and not left else left
            at = end
        elif asked is not None and asked.required:
            fits = False
        at, left = self._directives(at, whole=asked is not None and asked.stays)
        told += left
        below = None if uniform is None else self.known.uniform
        at = self._below(at, told, asked, below, fits and not left)
        self.counted -= counted
        return at

    def _arguments(self, at: int, asked: Asked | None) -> Kept:
        if asked is None:
            self._mention(at, self.closes[at])
            return FITS
        return self.literals.entries(at, asked.arguments, asked.required)[1]

    def _below(
        self, at: int, told: list[int], asked: Asked | None, uniform: _Names | None, fits: bool
    ) -> int:
        kept = self.now.kept
        chooses = self.words[at] == "{"
        if asked is None or chooses != (asked.gives is not None):
            kept += told
            self.mistakes += 1
            return self._mistaken(at) if chooses else at
        if asked.gives is None:
            kept += () if fits else told
            return at
        return self._around(at, told, asked.gives, uniform, fits)

    def _around(self, at: int, told: list[int], on: str, uniform: _Names | None, fits: bool) -> int:
        """`told` and the brackets stay with what stays between them."""
        kept = self.now.kept
        before = len(kept)
        kept += told
        kept.append(at)
        inside = len(kept)
        end = self._chosen(at, on, uniform)
        if fits and len(kept) == inside:
            del kept[before:]
        else:
            kept.append(end)
        return end + 1

    def _mistaken(self, at: int) -> int:
        """Nothing is looked at in these brackets, but it is there."""
        end = self.closes[at]
        if end == self.size:
            self.at = at
            raise Strange
        self.now.kept += (at, end)
        self._mention(at, end)
        return end + 1

    def _mention(self, start: int, end: int) -> None:
        for at in range(start, end):
            after = self.words[at + 1]
            if self.words[at] == "$":
                self.now.used.add(after)
            elif self.words[at] == "...":
                self.now.spreads.add(after)

    def _spread(self, start: int, parent: str, uniform: _Names | None) -> int:
        words, name, at = self.words, self.words[start + 1], start + 2
        if name.isidentifier() and name != "on":
            self.now.spreads.add(name)
            known = self.fragments.get(name)
            if known is not None and (uniform is not None or parent in self.conditions):
                self.met.add(name)
            if known is not None and parent in self.conditions:
                self.conditions[parent].add(known.on)
            end, left = self._directives(at, whole=parent == self.feeds)
            if left or not self._clean(name) or not self._meets(parent, self.fragments[name].on):
                self.needed.add(name)
                self.now.kept += (start, start + 1, *left)
            return end
        on, at = (words[at], at + 1) if name == "on" else (parent, start + 1)
        if parent in self.conditions and on != parent:
            self.conditions[parent].add(on)
        told = [*range(start, at)]
        at, left = self._directives(at, whole=parent == self.feeds)
        told += left
        if words[at] != "{":
            raise Strange
        if on not in self.known.types:
            self.now.kept += told
            self.mistakes += 1
            return self._mistaken(at)
        return self._around(at, told, on, uniform, not left and self._meets(parent, on))

    def _meets(self, parent: str, on: str) -> bool:
        return self.known.overlap(parent, on)

    def _directives(self, at: int, *, whole: bool = False) -> tuple[int, Kept]:
        """Two of one name all stay."""
        words, begin = self.words, at
        kept: list[int] = []
        met: list[str] = []
        while words[at] == "@":
            start, name = at, words[at + 1]
            kinds = _DIRECTIVES.get(name)
            met.append(name)
            at += 2
            doubtful = kinds is None or words[at] != "("
            if words[at] == "(":
                at, left = self.literals.entries(at, kinds or {}, frozenset(kinds or ()))
                doubtful = doubtful or bool(left)
            if doubtful:
                kept += range(start, at)
        return at, range(begin, at) if whole or len(set(met)) < len(met) else kept
