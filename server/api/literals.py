"""Which of the values that are written out in a document validation has nothing to say about.

What is doubtful is kept, with the brackets around it, as places of tokens; of what fits nothing is.
Nothing is called fitting here that the rules of GraphQL do not."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_nullable_type,
    is_required_input_field,
    is_specified_scalar_type,
)

from server.api.scalars import TEXTS

Kept = Sequence[int]
FITS: Kept = ()
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,4})?")
_FREE = frozenset({"String", "ID"}) | TEXTS
_SHORT = 60


class Strange(Exception):
    """Something stands where nothing of its kind does: for the parser to complain of."""


class Literals:
    """`declared` are the variables that may be used, with their types; `used` those that are."""

    def __init__(self, words: list[str], closes: dict[int, int]) -> None:
        self.words = words
        self.closes = closes
        self.declared: dict[str, str] = {}
        self.used: set[str] = set()

    def past(self, at: int) -> int:
        """Behind what begins here."""
        if self.words[at] == "$":
            return at + 2
        if self.words[at] not in ("(", "[", "{"):
            return at + 1
        return self.closes[at] + 1

    def entries(
        self, at: int, kinds: Mapping[str, Any] | None, required: frozenset[str]
    ) -> tuple[int, Kept]:
        """Names with values, between brackets. No `kinds`: whatever is there will do."""
        words, start, end = self.words, at, self.past(at) - 1
        at += 1
        found: list[tuple[str, int, Kept]] = []
        doubts = False
        while at < end:
            name, begin = words[at], at
            if not name.isidentifier() or words[at + 1] != ":":
                raise Strange
            known = kinds is None or name in kinds
            at, left = self.value(at + 2, kinds[name] if kinds and known else None)
            if not known:
                left = left or self._in_short(begin + 2)
            doubts = doubts or bool(left)
            found.append((name, begin, left))
        if at != end or not self.words[end]:
            raise Strange
        names = Counter(name for name, _, _ in found)
        if not doubts and len(names) == len(found) and required <= names.keys():
            return end + 1, FITS
        if end - start < _SHORT:
            return end + 1, range(start, end + 1)  # a complaint may show it
        kept = [start]
        for name, begin, left in found:
            if left or names[name] > 1 or name in required:
                kind = kinds.get(name) if kinds else None
                kept += (begin, begin + 1, *(left or self._in_short(begin + 2, kind)))
        return end + 1, [*kept, end]

    def value(self, at: int, kind: Any) -> tuple[int, Kept]:
        word = self.words[at]
        if word == "$":
            name = self.words[at + 1]
            self.used.add(name)
            return at + 2, FITS if self._variable_fits(name, kind) else (at, at + 1)
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
            if word == "null":
                return at + 1, (at,)
        if word == "null":
            return at + 1, FITS
        if getattr(kind, "name", "") == "JSON":
            kind = None
        if word == "[" and (kind is None or isinstance(kind, GraphQLList)):
            return self._list(at, None if kind is None else kind.of_type)
        while isinstance(kind, GraphQLList | GraphQLNonNull):
            kind = kind.of_type  # one value stands for a list of one
        if word == "{" and kind is None:
            return self.entries(at, None, frozenset())
        if word == "{" and isinstance(kind, GraphQLInputObjectType) and not kind.is_one_of:
            return self.entries(at, *_fields_of(kind))
        if word in ("[", "{"):
            return self.past(at), self._in_short(at, kind)
        return at + 1, FITS if _fits(word, kind) else (at,)

    def _list(self, at: int, kind: Any) -> tuple[int, Kept]:
        start, end = at, self.past(at) - 1
        at += 1
        kept: list[int] = []
        while at < end:
            at, left = self.value(at, kind)
            kept += left
        if at != end or not self.words[end]:
            raise Strange
        return end + 1, [start, *kept, end] if kept else FITS

    def _in_short(self, at: int, kind: Any = None) -> Kept:
        """Emptied when it is long, unless it must hold something."""
        end, holds = self.past(at), isinstance(get_nullable_type(kind), GraphQLInputObjectType)
        return range(at, end) if holds or end - at <= _SHORT else (at, end - 1)

    def _variable_fits(self, name: str, kind: Any) -> bool:
        declared = self.declared.get(name)
        if declared is None or kind is None:
            return declared is not None
        given, needed = declared.removesuffix("!"), str(kind)
        fits = declared.endswith("!") or not needed.endswith("!")
        needed = needed.removesuffix("!")
        return fits and (given == needed or (given == "String" and needed in TEXTS))


def _fields_of(kind: GraphQLInputObjectType) -> tuple[dict[str, Any], frozenset[str]]:
    fields = kind.fields
    required = frozenset(name for name, one in fields.items() if is_required_input_field(one))
    return {name: one.type for name, one in fields.items()}, required


def _fits(word: str, kind: Any) -> bool:
    """One token, for anything but a list or an object."""
    if isinstance(kind, GraphQLEnumType):
        return word in kind.values
    name = getattr(kind, "name", None)
    if word.startswith('"'):
        return name is None or name in _FREE or ("\\" not in word and _reads(kind, word[1:-1]))
    if word in ("true", "false"):
        return name is None or name == "Boolean"
    if word.isidentifier():
        return name is None
    if _WHOLE.fullmatch(word):
        if name == "Int":
            return -(2**31) <= int(word) < 2**31
        return name in (None, "Float", "ID") or _reads(kind, int(word))
    fits = name in (None, "Float") and _NUMBER.fullmatch(word) is not None
    return fits and math.isfinite(float(word))


def _reads(kind: Any, value: Any) -> bool:
    if not hasattr(kind, "parse_value") or is_specified_scalar_type(kind):
        return False
    try:
        kind.parse_value(value)
    except GraphQLError:
        return False
    return True
