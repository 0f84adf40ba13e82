"""Documents for the schema, made by chance: valid ones that are grown from its types, with all that
the language has, and the same with a few of their tokens changed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

_LITERALS = {
    "Int": ("0", "7", "-3", "2147483647"),
    "Float": ("1", "0.5", "-2.5e3", "12345678901234567890"),
    "Boolean": ("true", "false"),
    "String": ('""', '"text"', r'"a\u00e9\n"', '"""a "b" c"""', '"😀"'),
    "ID": ('"id"', "12", '"""id"""'),
    "DateTime": ('"2026-11-03T09:30:00Z"', r'"2026-11-03T09:30:00\u005a"'),
    "Decimal": ('"0.25"', r'"\u0030.25"'),
    "BigInt": ("9007199254740991", "-1"),
    "Duration": ('"P7D"', '"PT1H30M"'),
    "Cursor": ('"place"', '"""place"""'),
    "BalSource": ('"a"', r'"\u0061"'),
    "JSON": ("1", '"a"', "true", "NAME", "1e3", "null"),
}
_TRICKY = [
    one.split()
    for one in r"""
null | true | false | on | __typename | __schema | __type | id | node | name | nodes | fields | type
1 | -1 | 1.5 | 1e999 | 99999999999 | -0 | "a" | "\u0031" | "\ud83d" | $a | ... F | ! | : | = | error
x : | __x : | = null | = 1 | @include ( if : true ) | @skip ( if : $a ) | @skip | @deprecated
@specifiedBy ( url : "a" ) | @oneOf | @nope | ... { id } | ... on Node { id } | ... on Nope { id }
... on Bot { id name } | ... on Execution { id status } | ... on Int { id } | status | mutation
fragment on on Query { __typename } | fragment Z on Query { __typename } | query Q { __typename }
{ __typename } | subscription { __typename } | ( first : 1 ) | ( first : $a ) | [ $a ] | [ 1 null ]
{ a : 1 a : 2 } | { a : [ $a ] } | "text" query { __typename } | mutation { __typename }
""".strip()
    .replace("\n", "|")
    .split("|")
] + [['"""x"""']]
_SHARED = frozenset(
    "name status state kind error executions bot description version model source".split()
)
_OTHERS = (
    *("NOPE", "null", "true", "1", "-1", "1.5", "1e999", "9" * 25, '"a"', '"""b"""', r'"\u0032"'),
    *("$v0", "[ ]", "[ 1 ]", "[ null ]", "{ }", "{ a : 1 }", "[ $v0 ]", "{ a : [ $v0 ] }"),
)
_SIGNS = "{}()[]:!=@$."
_KEYS = frozenset({"on", "query", "mutation", "subscription", "fragment"})
_BETWEEN = (" ", " ", " ", "\n", ", ", "\r\n", "\ufeff", ' # { " }\n', "")
_OPENED, _CLOSING = frozenset("{(["), frozenset("})]")


def document(schema: GraphQLSchema, seed: int) -> str:
    """The same for the same seed; about every third is unchanged."""
    chance = Random(seed)
    tokens = _Growing(schema, chance).tokens()
    for _ in range(chance.choice((0, 0, 1, 1, 1, 2, 3))):
        tokens = _changed(tokens, chance)
    between = _BETWEEN if chance.random() < 0.1 else (" ",)
    return text_of(tokens, lambda: chance.choice(between))


def text_of(tokens: list[str], between: Any = lambda: " ") -> str:
    return "".join(f"{one}{between() or ' ' * one[-1].isalnum()}" for one in tokens)


class _Growing:
    def __init__(self, schema: GraphQLSchema, chance: Random) -> None:
        self.schema = schema
        self.chance = chance
        self.room = chance.choice((3, 6, 12, 25, 60))
        self.fragments: dict[str, tuple[str, list[str]]] = {}
        self.variables: dict[str, list[str]] = {}
        self.odd = chance.choice((0.05, 0.2, 0.5))
        self.few = chance.randrange(4)
        self.meets = chance.random() < 0.3  # names of several types, a few answers

    def _seldom(self, part: float = 1.0) -> bool:
        return self.chance.random() < self.odd * part

    def tokens(self) -> list[str]:
        kinds = self.chance.choices(
            ("query", "mutation", "subscription"), (6, 2, 2), k=1 + self._seldom() + self._seldom()
        )
        bodies = [self._operation(kind) for kind in kinds]
        made: list[str] = []
        for number, (kind, body) in enumerate(zip(kinds, bodies, strict=True)):
            used = sorted(self._used(body))
            name = [f"Q{number}"] if len(kinds) > 1 or self.chance.random() < 0.5 else []
            head = [kind, *name] if name or used or kind != "query" or self._seldom() else []
            head += ["(", *(t for one in used for t in self.variables[one]), ")"] if used else []
            made += head + body
        for name, (on, body) in self.fragments.items():
            whole = ["fragment", name, "on", on, *body]
            made = whole + made if self._seldom() else made + whole
        return made

    def _used(self, body: list[str]) -> set[str]:
        """Variables, in fragments too."""
        found, left, met = set[str](), [body], set[str]()
        while left:
            one = left.pop()
            found |= {token[1:] for token in one if token[0] == "$"}
            new = {name for name in one if name in self.fragments} - met
            met |= new
            left += [self.fragments[name][1] for name in new]
        return found

    # --- selections -------------------------------------------------------------------------

    def _operation(self, kind: str) -> list[str]:
        root = getattr(self.schema, f"{kind}_type")
        if self.meets and kind == "query":
            return ["{", *self._met(), *self._met(), "}"]
        if kind != "subscription":
            return self._chosen(root, 0)
        name = self.chance.choice(list(root.fields))
        field = ["{", *self._field(root, name, 1), "}"]
        if self._seldom():
            self.fragments[made := f"F{len(self.fragments)}"] = (root.name, field)
            field = ["{", "...", made, *self._directive(), "}"]
        head = ["{", "...", "on", root.name, *self._directive()]
        return [*head, *field, "}"] if self._seldom() else field

    def _met(self) -> list[str]:
        """Several kinds of answers in one place."""
        node: Any = self.schema.type_map["Node"]
        self.room = max(self.room, 12)
        chosen = self._chosen(node, 1)
        one, other = self.chance.sample(self.schema.get_possible_types(node), k=2)
        shared = [
            name
            for name, field in one.fields.items()
            if name in other.fields and is_leaf_type(get_named_type(field.type))
        ]
        name = self.chance.choice(shared)
        for kind in (one, other):
            inner = ["{", name, "}"]
            self.fragments[made := f"F{len(self.fragments)}"] = (kind.name, inner)
            chosen[1:1] = ["...", made]
            chosen[1:1] = ["...", "on", kind.name, *inner] if self._seldom(2) else []
        return ["x1", ":", "node", "(", "id", ":", '"a"', ")", *chosen]

    def _chosen(self, kind: Any, level: int) -> list[str]:
        names = list(getattr(kind, "fields", ()))
        if self.meets:
            names = [name for name in names if name in _SHARED] or names
        tokens: list[str] = []
        for _ in range(self.chance.choice((1, 2, 3, 5))):
            if self.room <= 0:
                break
            if level < 6 and (self._seldom(0.6) or (self.meets and self.chance.random() < 0.4)):
                self.room -= 1
                tokens += self._spread(kind, level)
            elif names:
                tokens += self._field(kind, self.chance.choice(names), level)
        if not tokens or self._seldom(0.3):
            tokens.append("__typename")
        if kind is self.schema.query_type and self._seldom(0.3):
            tokens += ["__schema", *self._chosen(self.schema.type_map["__Schema"], 5)]
        return ["{", *tokens, "}"]

    def _field(self, kind: Any, name: str, level: int) -> list[str]:
        self.room -= 1
        field = kind.fields[name]
        below: Any = get_named_type(field.type)
        if level > 6 and not is_leaf_type(below):
            return ["__typename"]
        alias = [f"x{self.chance.randrange(40)}", ":"] if self._seldom(0.4) else []
        tokens = [*alias, name, *self._arguments(field.args), *self._directive()]
        return tokens if is_leaf_type(below) else tokens + self._chosen(below, level + 1)

    def _directive(self) -> list[str]:
        if not self._seldom(0.3):
            return []
        name = self.chance.choice(("@skip", "@include"))
        kind = GraphQLNonNull(GraphQLBoolean)
        return [name, "(", "if", ":", *self._value(kind, 0), ")"]

    def _spread(self, kind: Any, level: int) -> list[str]:
        on = self._meeting(kind)
        if self.chance.random() < 0.5:
            head = ["..."] if on is kind and self._seldom() else ["...", "on", on.name]
            return [*head, *self._directive(), *self._chosen(on, level + 1)]
        unmade = [] if self._seldom(0.1) else ["{", "__typename", "}"]
        fitting = [
            name
            for name, (known, body) in self.fragments.items()
            if known == on.name and body != unmade
        ]
        if not fitting or self.chance.random() < 0.5:
            name = f"F{len(self.fragments)}"
            self.fragments[name] = (on.name, ["{", "__typename", "}"])  # while it is made
            self.fragments[name] = (on.name, self._chosen(on, level + 1))
            fitting = [name]
        return ["...", self.chance.choice(fitting), *self._directive()]

    def _meeting(self, kind: Any) -> Any:
        found = [kind, *getattr(kind, "interfaces", ())]
        if is_abstract_type(kind) and self.chance.random() < 0.9:
            found = self.schema.get_possible_types(kind)
            found = found[self.few :: 4] if self.meets else found
        return self.chance.choice(found)

    # --- values -----------------------------------------------------------------------------

    def _arguments(self, known: dict[str, Any]) -> list[str]:
        given: list[str] = []
        for name, one in known.items():
            if is_required_argument(one) or self._seldom():
                given += [name, ":", *self._value(one.type, 0, one.default_value is not None)]
        return ["(", *given, ")"] if given else []

    def _value(self, kind: Any, level: int, defaulted: bool = False) -> list[str]:
        if self._seldom(0.5):
            return self._variable(kind, defaulted)
        if isinstance(kind, GraphQLNonNull):
            return self._literal(kind.of_type, level)
        return ["null"] if self._seldom(0.3) else self._literal(kind, level)

    def _literal(self, kind: Any, level: int) -> list[str]:
        if isinstance(kind, GraphQLList):
            if self._seldom(0.5):
                inner = kind.of_type
                return self._literal(getattr(inner, "of_type", inner), level)
            many = self.chance.choice((0, 1, 2))
            return ["[", *(t for _ in range(many) for t in self._value(kind.of_type, level)), "]"]
        if isinstance(kind, GraphQLEnumType):
            return [self.chance.choice(list(kind.values))]
        if isinstance(kind, GraphQLInputObjectType):
            return ["{", *self._entries(kind, level), "}"]
        if kind.name == "JSON" and level < 3 and self.chance.random() < 0.5:
            inner = [self._value(kind, level + 1) for _ in range(self.chance.choice((0, 1, 2, 30)))]
            if self.chance.random() < 0.5:
                return ["[", *(t for one in inner for t in one), "]"]
            return ["{", *(t for n, one in enumerate(inner) for t in (f"k{n}", ":", *one)), "}"]
        return [self.chance.choice(_LITERALS[kind.name])]

    def _entries(self, kind: GraphQLInputObjectType, level: int) -> Iterator[str]:
        for name, one in kind.fields.items():
            if is_required_input_field(one) or (level < 4 and self._seldom()):
                yield from (name, ":", *self._value(one.type, level + 1))

    def _variable(self, kind: Any, defaulted: bool) -> list[str]:
        """Declared as its place is, or stricter, or with a default that makes up for it."""
        name, declared, default = f"v{len(self.variables)}", str(kind), list[str]()
        inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if kind is not inner and (defaulted or self._seldom()):
            declared = str(inner)
            default = [] if defaulted and self._seldom() else ["=", *self._constant(inner)]
        elif self._seldom():
            declared = f"{inner}!"
        elif self._seldom():
            default = ["=", *self._constant(inner)]
        if self._seldom():
            declared = declared.replace("Cursor", "String").replace("BalSource", "String")
        signs = declared.replace("[", " [ ").replace("]", " ] ").replace("!", " ! ").split()
        self.variables[name] = [f"${name}", ":", *signs, *default]
        return [f"${name}"]

    def _constant(self, kind: Any) -> list[str]:
        odd, self.odd = self.odd, 0.0
        made = self._literal(kind, 0)
        self.odd = odd
        return made


# --- changes --------------------------------------------------------------------------------


def _changed(tokens: list[str], chance: Random) -> list[str]:
    """Mostly so that it can still be read: words for words, brackets with all that is in them."""
    tokens = tokens or ["{"]
    way = chance.choice(
        (
            _dropped,
            _doubled,
            _swapped,
            _replaced,
            _tricky,
            _tricky,
            _grafted,
            _grafted,
            _grown,
            _ended,
            _unsaid,
            _unsaid,
            _revalued,
            _revalued,
        )
    )
    return way(list(tokens), chance)


def _word(tokens: list[str], chance: Random) -> int:
    """Rather one that another can stand for."""
    plain = [at for at, one in enumerate(tokens) if one[0] not in _SIGNS and one not in _KEYS]
    return chance.choice(plain if plain and chance.random() < 0.9 else range(len(tokens)))


def _unsaid(tokens: list[str], chance: Random) -> list[str]:
    """An argument, or all of a field or directive; an entry, an alias, the type of a variable."""
    found = [at for at, one in enumerate(tokens) if one in ":("]
    if not found:
        return tokens
    at = chance.choice(found)
    if tokens[at] == "(":
        return tokens[:at] + tokens[_end(tokens, at) :]
    inner = tokens[at + 1 : at + 2] == ["["] or tokens[at + 1 : at + 2] == ["{"]
    return tokens[: at - 1] + tokens[_end(tokens, at + 1) if inner else at + 2 :]


def _revalued(tokens: list[str], chance: Random) -> list[str]:
    found = [at + 1 for at, one in enumerate(tokens[:-1]) if one == ":"]
    if not found:
        return tokens
    at = chance.choice(found)
    until = _end(tokens, at) if tokens[at] in _OPENED else at + 1
    return [*tokens[:at], *chance.choice(_OTHERS).split(), *tokens[until:]]


def _dropped(tokens: list[str], chance: Random) -> list[str]:
    at = _word(tokens, chance) if chance.random() < 0.5 else chance.randrange(len(tokens))
    until = _end(tokens, at) if tokens[at] in _OPENED else at + 1
    until = _end(tokens, until) if chance.random() < 0.3 else until
    return tokens[:at] + tokens[until:]


def _doubled(tokens: list[str], chance: Random) -> list[str]:
    at = _word(tokens, chance)
    until = _end(tokens, at + 1) if chance.random() < 0.7 else at + 1
    return tokens[:until] + tokens[at:]


def _swapped(tokens: list[str], chance: Random) -> list[str]:
    one, other = _word(tokens, chance), _word(tokens, chance)
    tokens[one], tokens[other] = tokens[other], tokens[one]
    return tokens


def _replaced(tokens: list[str], chance: Random) -> list[str]:
    anywhere = chance.random() < 0.2
    at = chance.randrange(len(tokens)) if anywhere else _word(tokens, chance)
    tokens[at] = tokens[_word(tokens, chance)]
    return tokens


def _tricky(tokens: list[str], chance: Random) -> list[str]:
    at = chance.randrange(len(tokens)) if chance.random() < 0.5 else _word(tokens, chance)
    return tokens[:at] + chance.choice(_TRICKY) + tokens[at + chance.choice((0, 1)) :]


def _grafted(tokens: list[str], chance: Random) -> list[str]:
    """What is in one pair of brackets comes into another, instead or besides."""
    opened = [at for at, one in enumerate(tokens) if one == chance.choice(("{", "{", "("))]
    if not opened:
        return tokens
    one, other = chance.choice(opened), chance.choice(opened)
    inside = tokens[one + 1 : _end(tokens, one) - 1]
    behind = _end(tokens, other) - 1 if chance.random() < 0.4 else other + 1
    return tokens[: other + 1] + inside + tokens[behind:]


def _grown(tokens: list[str], chance: Random) -> list[str]:
    """One name is called otherwise everywhere."""
    one, other = tokens[_word(tokens, chance)], tokens[_word(tokens, chance)]
    return [other if token == one else token for token in tokens]


def _ended(tokens: list[str], chance: Random) -> list[str]:
    return tokens[: chance.randrange(len(tokens))]


def _end(tokens: list[str], at: int) -> int:
    """Behind the brackets that open here, if some do."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += (tokens[place] in _OPENED) - (tokens[place] in _CLOSING)
        if depth <= 0:
            return place + 1 if tokens[place] in _CLOSING else at
    return len(tokens)
