"""Hostile documents against the gate alone: refused before any resolver, and quickly."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from server.api import limits
from server.api.errors import tidy
from server.api.gated import GatedSchema
from server.api.limits import Gate
from server.api.rates import Bill

REFUSED_WITHIN = 0.1  # seconds of work


@strawberry.type
class ThingConnection:
    @strawberry.field
    def nodes(self) -> list[Thing]:
        return []


@strawberry.type
class Thing:
    @strawberry.field
    def self(self) -> Thing:
        return Thing()

    @strawberry.field
    def name(self) -> str:
        return "x"

    @strawberry.field
    def things(self, first: int | None = None) -> ThingConnection:
        return ThingConnection()


@strawberry.type
class Query(Thing):
    pass


@dataclass
class Asked:
    introspection: bool = True
    seconds: float | None = None
    streaming: bool = False

    def begin(self, fields: frozenset[str], plans: Any) -> None:
        """Nothing is remembered here."""

    def charge(self, points: int) -> Bill:
        return Bill(points)


class Schema(GatedSchema):
    def process_errors(self, errors: list[Any], execution_context: Any = None) -> None:
        tidy(errors, "req_1")


SCHEMA = Schema(Query, extensions=[Gate], config=StrawberryConfig(disable_field_suggestions=True))


async def refused(document: str, *, introspection: bool = True, **variables: Any) -> str | None:
    """The code of the refusal; None when the document ran."""
    start = time.process_time()
    result = await SCHEMA.execute(document, variables, context_value=Asked(introspection))
    assert time.process_time() - start < (REFUSED_WITHIN if result.errors else 1)
    if not result.errors:
        return None
    assert result.data is None
    assert sum(len(error.message) for error in result.errors) < 16 * 1024
    return str((result.errors[0].extensions or {})["code"])


def nested(depth: int) -> str:
    return "{" + "self{" * (depth - 1) + "name" + "}" * depth


async def test_ordinary_documents_run() -> None:
    assert await refused("{name things(first: 5) {nodes {name}}}") is None


@pytest.mark.parametrize("depth", [limits.MAX_DEPTH + 2, 30, 200, 650])
async def test_too_deep(depth: int) -> None:  # S16
    assert await refused(nested(depth)) == "LIMIT_REACHED"


async def test_deep_enough() -> None:
    assert await refused(nested(limits.MAX_DEPTH)) is None


async def test_depth_through_fragments() -> None:  # S16
    chain = "".join(f"fragment F{i} on Thing {{self{{...F{i + 1}}}}}" for i in range(20))
    assert await refused("{...F0}" + chain + "fragment F20 on Thing {name}") == "LIMIT_REACHED"


async def test_fragments_that_spread_each_other_twice_are_not_expanded() -> None:  # S16
    """Written out, this document would have 2^60 fields."""
    pairs = "".join(f"fragment F{i} on Thing {{...F{i + 1} ...F{i + 1}}}" for i in range(60))
    start = time.process_time()
    await refused("{...F0}" + pairs + "fragment F60 on Thing {a: name}")
    assert time.process_time() - start < 0.5


async def test_fragments_that_spread_themselves() -> None:  # S16
    document = "{...F} fragment F on Thing {self{...F}}"
    assert await refused(document) == "INVALID_INPUT"


@pytest.mark.parametrize("count", [limits.MAX_ALIASES + 1, 100, 1_000])
async def test_too_many_aliases(count: int) -> None:  # S17
    document = "{" + " ".join(f"a{i}: name" for i in range(count)) + "}"
    assert await refused(document) == "LIMIT_REACHED"


async def test_aliases_in_fragments_count_each_time() -> None:  # S17
    spread = "{" + "...F " * 16 + "} fragment F on Thing {a: name b: name}"
    assert await refused(spread) == "LIMIT_REACHED"


@pytest.mark.parametrize(
    "document",
    [
        "{" + "name " * 8_000 + "}",
        "{name " + "@skip(if: false) " * 2_000 + "}",
    ],
)
async def test_too_many_tokens(document: str) -> None:  # S20
    assert await refused(document) == "LIMIT_REACHED"


async def test_a_megabyte_of_text() -> None:  # S20
    assert await refused("{name} #" + "x" * 2**20) == "TOO_LARGE"


async def test_lists_in_lists_cost_too_much() -> None:  # S19
    inner = "things(first: $n) {nodes {things {nodes {name}}}}"
    document = "query($n: Int) {things(first: $n) {nodes {" + inner + "}}}"
    assert await refused(document, n=100) == "LIMIT_REACHED"
    assert await refused(document, n=10**6) == "LIMIT_REACHED"
    assert await refused(document, n=2) is None


async def test_many_unknown_fields_get_a_short_answer_without_guesses() -> None:  # S20
    names = " ".join(f"nam{i}" for i in range(900))
    result = await SCHEMA.execute("{" + names + "}", context_value=Asked())
    assert result.errors
    assert len(result.errors) <= 25
    assert "Did you mean" not in str(result.errors)


async def test_introspection_can_be_switched_off() -> None:  # S22
    document = "{__schema {types {name}}}"
    assert await refused(document) is None
    assert await refused(document, introspection=False) == "FORBIDDEN"


async def test_the_whole_introspection_fits() -> None:
    from graphql import get_introspection_query

    assert await refused(get_introspection_query(input_value_deprecation=True)) is None


async def test_endless_introspection_does_not() -> None:  # S16
    inner = "fields{type{" * 20 + "name" + "}}" * 20
    assert await refused("{__schema{types{" + inner + "}}}") == "LIMIT_REACHED"


@pytest.mark.parametrize(
    "document", ["{", "query {", "}", "\x00", "{name", "mutation {x}", "{bad}"]
)
async def test_broken_documents_have_a_code(document: str) -> None:
    assert await refused(document) == "INVALID_INPUT"


async def test_an_operation_that_is_not_there() -> None:
    result = await SCHEMA.execute("{", context_value=Asked(), operation_name="Other")
    assert result.errors
