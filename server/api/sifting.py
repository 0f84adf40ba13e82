"""Finds in the tokens of a document what validation can have nothing to say about, so that only
the rest is parsed and validated: a document of 2,000 tokens with one mistake is refused as soon as
a small one. `selections.py` says what that is; here the document is taken apart in operations and
fragments, and what is to be left of each is put together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLList, GraphQLNonNull, GraphQLSchema, OperationType

from server.api.known import Known, known_of
from server.api.literals import Strange
from server.api.scanning import Scan
from server.api.selections import ENOUGH, MOST, Definition, Selections

_OPERATIONS = {one.value: one for one in OperationType}
_OF_SCHEMAS = frozenset("directive enum extend input interface scalar schema type union".split())


class NotExecutable(Exception):
    """A type, or something else that only a schema may say, is defined at this token."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


@dataclass(frozen=True, slots=True)
class Sifted:
    """`gaps` are the parts of the text that go: where each begins, and ends. `whole`: everything
    was looked at; else what is left ends with what the parser has to complain of, and when it does
    not, nothing is known. `words`: how many tokens are left. `cut`: not all that should be, because
    there is too much of it, but mistakes that are found in it are mistakes."""

    gaps: dict[int, int]
    words: int
    whole: bool = True
    cut: bool = False


def sifted(schema: GraphQLSchema, seen: Scan, text: str, *, merging: bool = True) -> Sifted:
    """`merging`: with what is doubtful only because it is answered together with something else.
    Raises NotExecutable."""
    sifting, left, whole = _sifted(known_of(schema), seen, merging)
    left = [place for place in left if place < sifting.size]  # some looked for more than there is
    return Sifted(_gaps(text, seen, left), len(left), whole, sifting.cut)


def _sifted(known: Known, seen: Scan, merging: bool) -> tuple[_Sifting, list[int], bool]:
    """Once more when several types are found below an interface or union, and while there is a
    fragment that is found to be spread there, by then too late."""
    below, apart = set[str](), merging
    while True:
        sifting = _Sifting(known, seen, below, merging=merging, apart=apart)
        try:
            left = sifting.whole()
        except (Strange, IndexError):
            return sifting, sifting.begun(), False
        known_enough = not sifting.mixes() if apart else sifting.met <= below
        if not merging or known_enough or sifting.uniform is not None:
            return sifting, left, True
        if apart:
            apart, below = False, sifting.met
        else:
            below = below | (sifting.met if not below else sifting.fragments.keys())


def _gaps(text: str, seen: Scan, left: list[int]) -> dict[int, int]:
    ends = [0, *(seen.starts[place] + len(seen.words[place]) for place in left)]
    starts = [*(seen.starts[place] for place in left), len(text)]
    return {end: start for end, start in zip(ends, starts, strict=True) if end != start}


class _Sifting(Selections):
    # --- definitions ------------------------------------------------------------------------

    def whole(self) -> list[int]:
        try:
            self._definitions()
        except (Strange, IndexError):
            strange, at = self.now, self.at
            self._bodies()  # what is strange in one of them comes before
            self.now, self.at = strange, at
            raise
        self._bodies()
        return self._left()

    def _definitions(self) -> None:
        at = 0
        while at < self.size:
            self.at = at
            at = self._definition(at)

    def _bodies(self) -> None:
        for one in self.operations:
            self._body(one)
        for name in self.fragments:
            self._clean(name)
        for one in self.doubles:
            self._body(one)

    def begun(self) -> list[int]:
        """What was left of the definition that was looked at, and all from there on."""
        now = self.now
        head = range(now.start, now.body + 1) if self.at > now.body else ()
        return [*head, *(at for at in now.kept if at < self.at), *range(self.at, self.size)]

    def _definition(self, at: int) -> int:
        words = self.words
        if words[at] in _OF_SCHEMAS:
            raise NotExecutable(at)
        if words[at][0] == '"' and words[at + 1] != "{":
            at += 1  # what it is for
        self.now = made = Definition(at, at, None, "")
        if words[at] == "fragment":
            made.fragment, made.name, made.on = True, words[at + 1], words[at + 3]
            if words[at + 2] != "on" or made.name == "on":
                raise Strange
            at += 4
        elif words[at] != "{":
            operation = _OPERATIONS.get(words[at])
            if operation is None or operation not in self.known.roots:
                raise Strange
            made.on = self.known.roots[operation]
            at += 1
            if words[at].isidentifier():
                made.name = words[at]
                at += 1
            if words[at] == "(":
                at = self._variables(at, made)
        else:
            made.on = self.known.roots[OperationType.QUERY]
        begin = at
        while words[at] == "@":
            at = self.literals.past(at + 2) if words[at + 2] == "(" else at + 2
        made.directives, made.body = range(begin, at), at
        if words[at] != "{":
            raise Strange
        if not made.fragment:
            self.operations.append(made)
        elif made.name in self.fragments:
            self.doubles.append(made)
        else:
            self.fragments[str(made.name)] = made
        return self.literals.past(at)

    def _variables(self, at: int, made: Definition) -> int:
        words, end = self.words, self.literals.past(at) - 1
        at += 1
        while at < end:
            start, name = at, words[at + 1]
            if words[at] != "$" or words[at + 2] != ":":
                raise Strange
            at += 3
            begin = at
            while words[at] in ("[", "]", "!") or words[at].isidentifier():
                at += 1
            declared = "".join(words[begin:at])
            kind = self._kind(declared)
            fits = kind is not None and name not in made.variables
            if words[at] == "=":
                at, left = self.literals.value(at + 1, kind)
                fits = fits and not left
            while words[at] == "@":
                fits = False
                at = self.literals.past(at + 2) if words[at + 2] == "(" else at + 2
            if words[at] not in ("$", ")"):
                raise Strange
            if fits:
                made.declared[name] = declared
            places = range(start, at)
            if name in made.variables:
                places = [*made.variables[name][0], *places]
                made.declared.pop(name, None)
            made.variables[name] = (places, fits)
        return end + 1

    def _kind(self, declared: str) -> Any:
        """Nothing, when there is none."""
        inner = declared.removesuffix("!")
        if inner != declared:
            kind = self._kind(inner)
            return kind and GraphQLNonNull(kind)
        if declared.startswith("[") and declared.endswith("]"):
            kind = self._kind(declared[1:-1])
            return kind and GraphQLList(kind)
        return self.known.inputs.get(declared)

    # --- what is left -----------------------------------------------------------------------

    def _left(self) -> list[int]:
        reached = {one.start: self._reach(one) for one in self.operations}
        spread = set[str]().union(*reached.values())
        named_badly = self._named_badly()
        found = [*self.operations, *self.fragments.values(), *self.doubles]
        left: list[int] = []
        for one in sorted(found, key=lambda one: one.start):
            if one.fragment:
                doubtful = not one.clean or one.name not in spread
                stays = one.name in self.needed or (doubtful and not self.cut)
                variables = []
            else:
                variables = self._own_variables(one, reached[one.start])
                stays = bool(one.kept or variables or one.directives) or one.start in named_badly
                if one.on == self.feeds:  # it must choose something
                    stays = bool(one.kept) or not self.cut
            if stays:
                left += self._head(one, variables)
                left += one.kept if one.on not in self.known.types else ()
                if one.on in self.known.types:
                    left += (one.body, *one.kept, self.closes[one.body])
        if len(left) > 2 * MOST:
            self.cut = True
            return []
        return left

    def _reach(self, one: Definition) -> set[str]:
        """Names of the fragments that it spreads, in one another too."""
        found: set[str] = set()
        new = one.spreads
        while new:
            found |= new
            spread = [self.fragments[name].spreads for name in new if name in self.fragments]
            new = set[str]().union(*spread) - found
        return found

    def _own_variables(self, one: Definition, reached: set[str]) -> list[int]:
        if not one.variables:
            return []
        within = [one, *(self.fragments[name] for name in reached if name in self.fragments)]
        asked = {self.words[at + 1] for o in within for at in o.kept if self.words[at] == "$"}
        used = set[str]().union(*(o.used for o in within))
        left: list[int] = []
        for name, (places, fits) in one.variables.items():
            doubtful = not fits or name not in used
            if name in asked or (doubtful and not self.cut):
                left += places
        return sorted(left)

    def _named_badly(self) -> set[int]:
        """Where operations begin that have one name, or none beside others."""
        names = Counter(one.name for one in self.operations)
        if len(self.operations) < 2 or (None not in names and names.total() == len(names)):
            return set()
        bad = [one for one in self.operations if one.name is None or names[one.name] > 1]
        return {one.start for one in [*bad[:ENOUGH], self.operations[0], self.operations[-1]]}

    def _head(self, one: Definition, variables: list[int]) -> list[int]:
        if one.fragment:
            return [*range(one.start, one.start + 4), *one.directives]
        if one.body == one.start:
            return []
        at = one.start + (1 if one.name is None else 2)
        head = [*range(one.start, at)]
        if variables:
            head += (at, *variables, self.closes[at])
        return [*head, *one.directives]
