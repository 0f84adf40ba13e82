"""What is taken out of a document before it is validated takes no mistake with it."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import DocumentNode, get_introspection_query, print_ast, validate

from server.api.cost import Walk
from server.api.limits import MAX_MISTAKES, MAX_TOKENS
from server.api.pruning import pruned
from server.api.reading import read_document
from server.api.schema import schema
from server.api.variables import RULES
from tests.house.files import ROOT

SCHEMA = schema._schema
OURS = sorted((ROOT / "graphql-schema" / "operations").glob("*.graphql"))
MISTAKEN = [
    "{viewer {role nope}}",
    "{viewer {role} executions {nodes {id status bot {id nope name}}} viewer {nope}}",
    "{viewer}",
    "{viewer {role {id}}}",
    "{viewer {role: name role}}",
    "{viewer {role role: name}}",
    "{bots {nodes {id name: id name}}}",
    "{bots {nodes {executions {totalCount} executions(first: 1) {totalCount}}}}",
    "{executions {nodes {id}} executions(first: 1) {nodes {id}}}",
    "{executions {nodes {id}} executions: bots {nodes {id}}}",
    "{viewer {role @nope role}}",
    "query($a: Int) {viewer {role}}",
    "query($a: Int) {executions(first: $b) {nodes {id}}}",
    "{execution {id}}",
    "{...F viewer {role}} fragment F on Query {viewer {role nope}}",
    "{viewer {role}} fragment F on Query {viewer {role}}",
    "{...F} fragment F on Query {viewer {...G}} fragment G on Bot {id}",
    '{node(id: "a") {... on Bot {name} ... on Execution {name: id}}}',
    '{node(id: "a") {... on Bot {description} ... on Template {description}}}',
    '{node(id: "a") {...A ...B}} fragment A on Execution {error {kind}} '
    "fragment B on ApiToken {error: name}",
    '{node(id: "a") {...A ...B}} fragment A on Execution {status} '
    "fragment B on Connection {status}",
    '{bot(id: "a") {id ... on Node {id nope}}}',
    "subscription {executionsChanged {ids} viewerChanged {nope} __typename}",
    "subscription {__typename}",
    "subscription {...F} fragment F on Subscription {__typename}",
    "subscription {executionsChanged {ids} ...F} "
    "fragment F on Subscription {approvalsChanged {ids}}",
    "mutation {startExecution {execution {id}}}",
    "{__schema {types {nope}} viewer {role}}",
    "{__typename {a} viewer {__typename}}",
    "query A {viewer {role}} query A {viewer {role}}",
    "{... on Bot {id} ... on Nope {id} ... {viewer {nope}}}",
]


def left_of(text: str) -> tuple[DocumentNode, DocumentNode]:
    document = read_document(text, MAX_TOKENS)
    walk = Walk(document, frozenset(), {})
    walk.whole()
    return document, pruned(SCHEMA, document, walk.marked)


def mistakes(document: DocumentNode) -> list[Any]:
    found = validate(SCHEMA, document, RULES, max_errors=MAX_MISTAKES, hide_suggestions=True)
    return [one.formatted for one in found]


@pytest.mark.parametrize("text", MISTAKEN)
def test_the_same_mistakes_at_the_same_places(text: str) -> None:
    document, left = left_of(text)
    expected = mistakes(document)
    assert expected
    assert mistakes(left) == expected


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_our_own_operations_keep_their_mistakes(path: Any) -> None:
    text = path.read_text()
    document, left = left_of(text)
    assert mistakes(document) == mistakes(left) == []
    at = text.rindex("}", 0, text.rindex("}"))
    document, left = left_of(f"{text[:at]} nope {text[at:]}")
    assert mistakes(left) == mistakes(document) != []


def test_a_subscription_may_stand_in_a_fragment() -> None:
    document, left = left_of(
        "subscription {...F} fragment F on Subscription {metricsTick {queued}}"
    )
    assert mistakes(left) == mistakes(document) == []


def test_the_question_for_the_schema_is_left_alone() -> None:
    document, left = left_of(get_introspection_query())
    assert mistakes(left) == mistakes(document) == []


def test_of_a_large_document_only_the_mistake_is_left() -> None:
    rows = "executions {nodes {id status mode bot {id name} usage {cost}}}"
    text = f"{{viewer {{role}} {rows} bots {{nodes {{id {rows} nope}}}} }}"
    assert print_ast(left_of(text)[1]).split() == "{ bots { nodes { nope } } }".split()
