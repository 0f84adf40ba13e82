"""Recursive descent over the tokens of an expression."""

from __future__ import annotations

import difflib

from server.bal.expression_lexer import Mistake, Token, tokens_of
from server.bal.expression_nodes import (
    AllOf,
    AnyOf,
    Apply,
    Arithmetic,
    Choice,
    Compare,
    Expr,
    ListOf,
    Literal,
    Negate,
    Not,
    ObjectOf,
    Read,
    Within,
)
from server.bal.functions import FUNCTIONS
from server.bal.vocabulary import FUNCTIONS as FUNCTION_WORDS

MAX_DEPTH = 50
CONSTANTS = {"true": True, "false": False, "null": None}
WORD_OPERATORS = {"or": "||", "and": "&&", "not": "!"}
EQUALITIES = {"==": "==", "===": "==", "!=": "!=", "!==": "!="}
COMPARISONS = EQUALITIES | {mark: mark for mark in ("<", ">", "<=", ">=")}
FORMS = {word.name: word.form for word in FUNCTION_WORDS}
SUMS = ("+", "-")
PRODUCTS = ("*", "/", "%")
# Conditions of analytics are like SQL: capitals and `<>` are at home there.
SQL_WORDS = ("AND", "OR", "NOT", "TRUE", "FALSE", "NULL")


class ExpressionParser:
    def __init__(self, text: str, *, analytics: bool = False) -> None:
        found = tokens_of(text)
        self.tokens = list(map(_like_sql, found)) if analytics else found
        self.position = 0
        self.depth = 0
        self.analytics = analytics

    def parse(self) -> Expr:
        if self.token.kind == "end":
            raise Mistake("The expression is empty.", 0, self.token.end)
        expr = self.expression()
        self.expect_end()
        return expr

    def parse_path(self) -> Read:
        """The whole text as one path, as in `{{path}}` and in quoted paths."""
        token = self.take()
        if token.kind not in ("name", "variable") or token.value in CONSTANTS:
            raise self.unexpected(token, "A path starts with a name or a $variable.")
        path = self.path_from(token)
        self.expect_end()
        return path

    # --- the levels, loosest first

    def expression(self) -> Expr:
        condition = self.any_of()
        if not self.accept("?"):
            return condition
        self.deeper()
        then = self.expression()
        self.expect(":", "`a ? b : c` needs its `:`.")
        otherwise = self.expression()
        self.depth -= 1
        return Choice(condition, then, otherwise)

    def any_of(self) -> Expr:
        operands = [self.all_of()]
        while self.accept("||"):
            operands.append(self.all_of())
        return operands[0] if len(operands) == 1 else AnyOf(tuple(operands))

    def all_of(self) -> Expr:
        operands = [self.comparison()]
        while self.accept("&&"):
            operands.append(self.comparison())
        return operands[0] if len(operands) == 1 else AllOf(tuple(operands))

    def comparison(self) -> Expr:
        left = self.sum()
        operator = self.comparison_operator()
        if operator is None:
            return left
        compared = Compare(operator, left, self.sum())
        token = self.token
        if self.comparison_operator() is not None:
            message = "Comparisons cannot be chained."
            raise Mistake(message, token.start, token.end, "Join two of them with `&&`.")
        return compared

    def comparison_operator(self) -> str | None:
        token = self.token
        operator = COMPARISONS.get(token.kind)
        if token.kind == "=":
            if not self.analytics:
                raise Mistake("A single `=` does not compare.", token.start, token.end, "Use `==`.")
            operator = "=="
        if token.kind == "<>":
            if not self.analytics:
                raise Mistake("`<>` does not compare.", token.start, token.end, "Use `!=`.")
            operator = "!="
        if operator is not None:
            self.position += 1
        return operator

    def sum(self) -> Expr:
        first = self.product()
        rest: list[tuple[str, Expr]] = []
        while self.token.kind in SUMS:
            rest.append((self.take().kind, self.product()))
        return Arithmetic(first, tuple(rest)) if rest else first

    def product(self) -> Expr:
        first = self.unary()
        rest: list[tuple[str, Expr]] = []
        while self.token.kind in PRODUCTS:
            rest.append((self.take().kind, self.unary()))
        return Arithmetic(first, tuple(rest)) if rest else first

    def unary(self) -> Expr:
        if self.accept("!"):
            self.deeper()
            negated = Not(self.comparison())
            self.depth -= 1
            return negated
        if self.accept("-"):
            self.deeper()
            operand = self.unary()
            self.depth -= 1
            is_number = isinstance(operand, Literal) and type(operand.value) in (int, float)
            return Literal(-operand.value) if is_number else Negate(operand)  # type: ignore[union-attr]
        return self.postfix(self.primary())

    def postfix(self, base: Expr) -> Expr:
        parts = self.parts()
        if not parts:
            return base
        if isinstance(base, Read):
            return Read(base.root, base.parts + parts, base.slot, base.start, self.last_end())
        return Within(base, parts)

    # --- the smallest things

    def primary(self) -> Expr:
        token = self.take()
        match token.kind:
            case "number" | "text":
                return Literal(token.value)
            case "variable":
                return self.path_from(token)
            case "slot":
                return self.slot(token)
            case "name":
                return self.named(token)
            case "(" | "[" | "{":
                self.deeper()
                built = self.bracket(token)
                self.depth -= 1
                return built
            case _:
                raise self.unexpected(token)

    def bracket(self, opening: Token) -> Expr:
        if opening.kind == "[":
            return ListOf(self.items("]"))
        if opening.kind == "{":
            return self.object_of()
        inner = self.expression()
        self.expect(")", "A parenthesis is not closed.")
        return inner

    def slot(self, token: Token) -> Read:
        path = parse_path(token.value)
        if isinstance(path, Mistake):
            hint = "Inside `{{ }}` stands a path such as `result.total`."
            raise Mistake(path.message, token.start, token.end, hint)
        return Read(path.root, path.parts, True, token.start, token.end)

    def named(self, token: Token) -> Expr:
        if token.value in CONSTANTS:
            return Literal(CONSTANTS[token.value])
        if token.value in WORD_OPERATORS:
            raise self.unexpected(token)
        if self.token.kind == "(":
            return self.call(token)
        return self.path_from(token)

    def call(self, name: Token) -> Apply:
        function = FUNCTIONS.get(name.value)
        if function is None:
            raise Mistake(
                f"`{name.value}` is no function.", name.start, name.end, _like(name.value)
            )
        self.position += 1
        self.deeper()
        arguments = self.items(")")
        self.depth -= 1
        if not function.fewest <= len(arguments) <= function.most:
            message = f"`{name.value}` cannot be called with {len(arguments)} values."
            raise Mistake(message, name.start, self.last_end(), f"Write `{FORMS[name.value]}`.")
        return Apply(name.value, arguments)

    def items(self, closing: str) -> tuple[Expr, ...]:
        items: list[Expr] = []
        while not self.accept(closing):
            items.append(self.expression())
            if not self.accept(","):
                self.expect(closing, f"`,` or `{closing}` must follow.")
                break
        return tuple(items)

    def object_of(self) -> ObjectOf:
        entries: dict[str, Expr] = {}
        while not self.accept("}"):
            key = self.take()
            if key.kind not in ("name", "text"):
                raise self.unexpected(key, "A name must stand before each `:`.")
            if key.value in entries:
                raise Mistake(f"`{key.value}` stands here twice.", key.start, key.end)
            self.expect(":", "`:` must follow the name.")
            entries[key.value] = self.expression()
            if not self.accept(","):
                self.expect("}", "`,` or `}` must follow.")
                break
        return ObjectOf(tuple(entries.items()))

    # --- paths

    def path_from(self, root: Token) -> Read:
        parts = self.parts()
        return Read(root.value, parts, False, root.start, self.last_end())

    def parts(self) -> tuple[str | int, ...]:
        parts: list[str | int] = []
        while True:
            if self.accept("."):
                parts.append(self.field())
            elif self.token.kind == "[":
                parts.append(self.index())
            elif self.token.kind == "number" and self.touches():
                token = self.token
                hint = f"Write `[{token.value}]` for a place in a list."
                raise Mistake("A number cannot stand here.", token.start, token.end, hint)
            else:
                return tuple(parts)

    def field(self) -> str:
        token = self.take()
        if token.kind != "name":
            raise self.unexpected(token, "A field name must follow the `.`.")
        if self.token.kind == "(":
            hint = f"Functions stand before their value: `{token.value}(…)`."
            raise Mistake("A field cannot be called.", token.start, self.token.end, hint)
        return token.value

    def index(self) -> str | int:
        opening = self.take()
        negative = self.accept("-")
        token = self.take()
        is_whole = token.kind == "number" and isinstance(token.value, int)
        if not is_whole and (negative or token.kind != "text"):
            message = "Only a whole number or a quoted name can stand in `[ ]`."
            raise Mistake(message, opening.start, token.end)
        self.expect("]", "`]` must follow.")
        return -token.value if negative else token.value

    # --- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.tokens[self.position]
        if token.kind != "end":
            self.position += 1
        return token

    def accept(self, kind: str) -> bool:
        token = self.tokens[self.position]
        found = WORD_OPERATORS.get(token.value, "name") if token.kind == "name" else token.kind
        if found != kind:
            return False
        self.position += 1
        return True

    def expect(self, kind: str, message: str) -> None:
        if not self.accept(kind):
            raise self.unexpected(self.token, message)

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.unexpected(self.token, hint=_misread(self.token))

    def unexpected(
        self, token: Token, message: str | None = None, hint: str | None = None
    ) -> Mistake:
        if message is None:
            ended = token.kind == "end"
            shown = token.value if token.kind in ("name", "variable") else token.kind
            shown = "{{…}}" if token.kind == "slot" else shown
            message = "The expression ends too early." if ended else f"`{shown}` cannot stand here."
        return Mistake(message, token.start, token.end, hint)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            token = self.tokens[self.position - 1]
            message = f"The expression is nested deeper than {MAX_DEPTH} levels."
            raise Mistake(message, token.start, token.end)

    def last_end(self) -> int:
        return self.tokens[self.position - 1].end

    def touches(self) -> bool:
        return self.token.start == self.last_end()


def parse_path(text: str) -> Read | Mistake:
    try:
        return ExpressionParser(text).parse_path()
    except Mistake as mistake:
        return mistake


def _like(name: str) -> str:
    near = difflib.get_close_matches(name, FUNCTIONS, n=1)
    if near:
        return f"Did you mean `{near[0]}`?"
    return "The functions are " + ", ".join(FUNCTIONS) + "."


def _misread(token: Token) -> str | None:
    if token.kind == "=":
        return "Use `==` to compare."
    if token.kind in ("name", "text", "number", "variable"):
        return "An operator such as `==` or `&&` is missing before it."
    return None


def _like_sql(token: Token) -> Token:
    if token.kind == "name" and token.value in SQL_WORDS:
        return Token(token.kind, token.value.lower(), token.start, token.end)
    return token
