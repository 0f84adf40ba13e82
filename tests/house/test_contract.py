"""`graphql-schema` is the contract: the server gives it, the web app keeps to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from graphql.type import is_enum_type, is_input_object_type, is_interface_type, is_object_type

from server.api.limits import MAX_COST, list_fields, measure_document
from tests.house.files import ROOT

FOLDER = ROOT / "graphql-schema"
OPERATIONS = sorted((FOLDER / "operations").glob("*.graphql"))

# product.md has one word for each idea; these are other words for bot, entity, execution, step.
OTHER_WORDS = {"Workflow", "Flow", "Agent", "Run", "Job", "Task", "Node", "Credential", "Secret"}
ALLOWED = {"Node", "BotRunSettings"}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((FOLDER / "schema.graphql").read_text())


def test_the_committed_schema_is_what_the_server_gives() -> None:
    from server.api.schema import sdl

    assert (FOLDER / "schema.graphql").read_text() == sdl(), (
        "run: baleybots export-schema > graphql-schema/schema.graphql"
    )


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.name)
def test_every_operation_of_the_web_app_is_valid(path: Path, schema: GraphQLSchema) -> None:
    assert [str(error) for error in validate(schema, parse(path.read_text()))] == []


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.name)
def test_every_operation_of_the_web_app_is_within_the_limits(
    path: Path, schema: GraphQLSchema
) -> None:
    cost = measure_document(parse(path.read_text()), list_fields(schema), {"first": 100}).cost
    assert cost <= MAX_COST


def test_everything_in_the_schema_is_described(schema: GraphQLSchema) -> None:
    silent = []
    for name, kind in schema.type_map.items():
        if name.startswith("__") or kind.ast_node is None:
            continue
        if not kind.description:
            silent.append(name)
        if is_object_type(kind) or is_interface_type(kind) or is_input_object_type(kind):
            silent += [f"{name}.{f}" for f, field in kind.fields.items() if not field.description]
        if is_enum_type(kind) and not kind.description:
            silent.append(name)
    assert silent == []


def test_a_type_is_named_with_our_word_for_the_idea(schema: GraphQLSchema) -> None:
    def words(name: str) -> set[str]:
        return set(re.findall(r"[A-Z][a-z]+", name))

    wrong = [name for name in schema.type_map if name not in ALLOWED and words(name) & OTHER_WORDS]
    assert wrong == []


def test_every_list_that_can_grow_is_a_connection(schema: GraphQLSchema) -> None:
    for name, kind in schema.type_map.items():
        # `Connection` alone is one of ours: a way to something outside.
        if is_object_type(kind) and name.endswith("Connection") and name != "Connection":
            assert {"edges", "nodes", "pageInfo", "totalCount"} <= set(kind.fields), name


def test_every_mutation_takes_one_input_and_gives_errors_as_data(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        assert list(field.args) == ["input"], name
        payload = schema.type_map[str(field.type).strip("!")]
        assert is_object_type(payload), name
        assert str(payload.fields["errors"].type) == "[UserError!]!", name


def test_the_explorer_offers_every_shipped_example() -> None:
    offered = (ROOT / "frontend/js/src/explore/examples.js").read_text()
    shipped = [path.name for path in (FOLDER / "examples").glob("*.graphql")]
    assert [name for name in shipped if f"examples/{name}" not in offered] == []
