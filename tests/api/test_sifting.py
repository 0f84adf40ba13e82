"""What is left out of a document before it is validated takes no mistake with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    GraphQLSyntaxError,
    get_introspection_query,
    print_ast,
    validate,
)

from server.api import limits, selections
from server.api.cost import DEEPEST
from server.api.limits import MAX_MISTAKES, MAX_TOKENS
from server.api.reading import read_document
from server.api.scanning import scan
from server.api.schema import schema
from server.api.sifting import Sifted, sifted
from server.api.variables import RULES
from tests.benchmarks.large import TOKENS, entangled, large, two_ways
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
    "subscription {}",
    "{viewer {role @include(if: true) @include(if: true)}}",
    "{viewer {role @skip}}",
    "{bots(first: 1, first: 2) {totalCount}}",
    "{bots(nope: 1) {totalCount}}",
    '{bots(first: "1") {totalCount}}',
    "{bots(filter: {state: {eq: NOPE}}) {totalCount}}",
    '{bots(filter: {text: "a", text: "b"}) {totalCount}}',
    "{bots(orderBy: [{field: NAME}, {field: NAME, direction: NOPE}]) {totalCount}}",
    '{executions(filter: {createdAt: {gte: "yesterday"}}) {totalCount}}',
    "{nodes(ids: [null, 1.5]) {id}}",
    "{execution(id: null) {id}}",
    '{editBal(source: "a", edit: {a: [1e999]}) {__typename}}',
    '{editBal(source: "a", edit: {a: {b: 1, b: 2}}) {__typename}}',
    "query($a: Int, $a: Int) {bots(first: $a) {totalCount}}",
    "query($a: Nope) {bots(first: $a) {totalCount}}",
    "query($a: [Int]) {bots(first: $a) {totalCount}}",
    'query($a: Int = "1") {bots(first: $a) {totalCount}}',
    "query($a: ID) {execution(id: $a) {id}}",
    "query A($a: Int) {bots(first: $a) {totalCount}} query B {bots(first: $a) {totalCount}}",
    "query A($a: Int) {...F} query B {...F} fragment F on Query {bots(first: $a) {totalCount}}",
    "{...F} fragment F on Query {...G} fragment G on Query {...F}",
    '{bot(id: "a") {status: state ... on Node {... on Execution {status}}}}',
    '{bot(id: "a") {...F status: state}} fragment F on Node {... on Execution {status}}',
    '{node(id: "a") {...F ...G}} fragment F on Bot {...H} fragment H on Bot {description} '
    "fragment G on Execution {description: status}",
    '{node(id: "a") {... on Execution {status} ...G}} fragment G on Connection {...H} '
    "fragment H on Connection {status}",
    '{node(id: "a") {...F ...G}} fragment F on Bot {...Nope} fragment G on Execution {id}',
    '{node(id: "a") {... on Bot {...F} ... on Execution {...Nope}}} fragment F on Bot {...Nope}',
    "{...F} fragment F on Query {role} fragment F on Query {role}",
    "{...F} fragment F on Int {role}",
    "query A {viewer {role}} {viewer {role}}",
    "query A @nope {viewer {role}}",
    "{__schema {types {fields {type {fields {type {fields {name}}}}}}}}",
]
RIGHT = [
    "{viewer {role ... {role ... on Viewer @include(if: true) {role}}}}",
    'query($a: Int = 3, $b: String, $c: ID!) {x: bots(first: $a, after: $b, filter: {text: "a", '
    "state: {in: [DRAFT]}}) {nodes {id}} y: execution(id: $c) @skip(if: false) {id}}",
    '{editBal(source: """a "b" c""", edit: {a: [1, -2.5e3, null, {b: E, c: "d"}]}) {__typename}}',
    "{...F} fragment F on Query {viewer {...G}} fragment G on Viewer {role}",
    "query A($a: Int!) {bots(first: $a) {totalCount}} query B {viewer {role}}",
    '{node(id: "a") {id ... on Bot {id icon} ... on Execution {id durationMs}}}',
]
BROKEN = [
    "{viewer {role}",
    "{viewer {role {id}}",
    "{viewer {role}}}",
    "{viewer {role} bots(first: 1 {totalCount}}",
    "{viewer {role} bots(first: ) {totalCount}}",
    "{viewer {role} bots(: 1) {totalCount}} {",
    "{viewer {role} ! bots {totalCount}}",
    "{viewer {role}} nope {role}",
    "{viewer {role}} fragment on on Query {role}",
    "query($a Int) {viewer {role}}",
    "{viewer {é role}}",
    "{viewer @",
    "{viewer {role @skip(",
    "query Q @",
    '{viewer {role} bots(after: "a) {totalCount}}',
]


def left_of(text: str) -> DocumentNode | None:
    left = sifted(SCHEMA, scan(text, MAX_TOKENS, DEEPEST), text)
    assert left.whole
    return read_document(text, MAX_TOKENS, left.gaps) if left.words else None


def mistakes(document: DocumentNode | None) -> list[Any]:
    if document is None:
        return []
    found = validate(SCHEMA, document, RULES, max_errors=MAX_MISTAKES, hide_suggestions=True)
    return [one.formatted for one in found]


@pytest.mark.parametrize("text", MISTAKEN)
def test_the_same_mistakes_at_the_same_places(text: str) -> None:
    expected = mistakes(read_document(text, MAX_TOKENS))
    assert expected
    assert mistakes(left_of(text)) == expected


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_our_own_operations_keep_their_mistakes(path: Any) -> None:
    text = path.read_text()
    assert mistakes(left_of(text)) == mistakes(read_document(text, MAX_TOKENS)) == []
    assert limits.prepare(SCHEMA, text).errors == ()
    at = text.rindex("}", 0, text.rindex("}"))
    text = f"{text[:at]} nope {text[at:]}"
    assert mistakes(left_of(text)) == mistakes(read_document(text, MAX_TOKENS)) != []


@pytest.mark.parametrize("text", RIGHT)
def test_of_what_is_right_nothing_is_left(text: str) -> None:
    assert mistakes(read_document(text, MAX_TOKENS)) == []
    assert left_of(text) is None


def test_a_subscription_may_stand_in_a_fragment() -> None:
    text = "subscription {...F} fragment F on Subscription {metricsTick {queued}}"
    assert mistakes(left_of(text)) == mistakes(read_document(text, MAX_TOKENS)) == []


def test_the_question_for_the_schema_stays_right() -> None:
    assert mistakes(left_of(get_introspection_query())) == []
    assert limits.prepare(SCHEMA, get_introspection_query()).errors == ()


def test_of_a_large_document_only_the_mistake_is_left() -> None:
    rows = "executions {nodes {id status mode bot {id name} usage {cost}}}"
    text = f"{{viewer {{role}} {rows} bots {{nodes {{id {rows} nope}}}} }}"
    left = left_of(text)
    assert left is not None
    assert print_ast(left).split() == "{ bots { nodes { nope } } }".split()


@pytest.mark.parametrize("text", BROKEN)
def test_the_same_complaint_of_what_cannot_be_read(text: str) -> None:
    with pytest.raises(GraphQLSyntaxError) as expected:
        read_document(text, MAX_TOKENS)
    [found] = limits.prepare(SCHEMA, text).errors
    assert (found.message, found.positions) == (expected.value.message, expected.value.positions)


@pytest.mark.parametrize("text", ["type A {a: Int}", "{viewer {role}} extend type Query {a: Int}"])
def test_a_definition_for_the_schema_is_refused_where_it_begins(text: str) -> None:
    [found] = limits.prepare(SCHEMA, text).errors
    assert "cannot define anything" in found.message
    assert found.positions == [text.index(text.split("}} ")[-1])]


def test_a_document_that_is_told_apart_otherwise_than_it_is_read_is_validated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing runs on the word of the first look alone."""
    text = "{viewer {role nope}}"
    nothing = Sifted({0: len(text)}, 0)
    monkeypatch.setattr(limits, "sifted", lambda *_: nothing)
    assert limits.prepare(SCHEMA, text).errors == ()
    short = replace(scan(text, MAX_TOKENS, DEEPEST), tokens=5)
    monkeypatch.setattr(limits, "scan", lambda *_: short)
    assert len(limits.prepare(SCHEMA, text).errors) == 1


@pytest.mark.parametrize("rich", [False, True], ids=["bare", "rich"])
def test_of_the_largest_documents_little_more_than_the_mistake_is_left(rich: bool) -> None:
    """What is left is what costs: W7 measures it."""
    for name, text in large(SCHEMA, rich=rich).items():
        assert TOKENS - 10 < scan(text, MAX_TOKENS, DEEPEST).tokens <= MAX_TOKENS
        assert limits.prepare(SCHEMA, text).errors, name
        if name != "schema":
            assert sifted(SCHEMA, scan(text, MAX_TOKENS, DEEPEST), text).words < 200, name


def test_of_many_mistakes_the_first_are_told() -> None:
    elsewhere = "status mode steps nodes edges cursor tags icon state source output input label at"
    text = f"{{viewer {{role {elsewhere} {elsewhere}}}}}"
    left = sifted(SCHEMA, scan(text, MAX_TOKENS, DEEPEST), text)
    assert (left.cut, left.words < 30) == (True, True)
    assert mistakes(left_of(text)) == mistakes(read_document(text, MAX_TOKENS))


def test_what_may_be_at_fault_only_together_is_looked_at_by_the_rule_for_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = two_ways(5)
    left = sifted(SCHEMA, scan(text, MAX_TOKENS, DEEPEST), text)
    assert (left.words > limits.FEW, left.cut) == (True, False)
    asked: list[Any] = []
    monkeypatch.setattr(
        limits, "validate", lambda *a, **more: asked.append(a[2]) or validate(*a, **more)
    )
    assert limits.prepare(SCHEMA, text).errors == ()
    assert asked == [limits.MERGING]
    at = text.rindex("8")
    [found] = limits.prepare(SCHEMA, f"{text[:at]}true{text[at + 1 :]}").errors
    assert found.message == "Int cannot represent non-integer value: true"
    [found] = limits.prepare(SCHEMA, f"{text[:-1]} id: icon id}}").errors
    assert "Fields 'id' conflict" in found.message


def test_more_of_it_than_can_be_compared_is_refused_with_words_that_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selections, "MOST", 300)
    text = two_ways(5)
    [found] = limits.prepare(SCHEMA, text).errors
    assert (found.extensions or {})["code"] == "LIMIT_REACHED"
    assert "Split the request" in found.message
    [found] = limits.prepare(SCHEMA, text.replace("{bots", "{nope bots")).errors
    assert found.message == "Cannot query field 'nope' on type 'Query'."


def test_what_hangs_together_is_refused_for_what_it_is() -> None:
    """What it costs, W7 measures."""
    told = {name: limits.prepare(SCHEMA, text).errors for name, text in entangled(SCHEMA).items()}
    words = {name: errors[0].message.split("'")[0] for name, errors in told.items()}
    assert words == {
        "field": "Cannot query field ",
        "conflict": "Fields ",
        "value": "Int cannot represent non-integer value: true",
        "names": "Fields ",
        "too many": limits.too_entangled().message,
        "types": "Fields ",
    }


def test_operations_without_fragments_do_not_meet() -> None:
    one = "query A {bots(first: 1) {nodes {id executions(first: 1) {totalCount}}}}"
    other = "query B {bots(first: 2) {nodes {id executions(first: 2) {totalCount}}}}"
    third = "query C {...F} fragment F on Query {viewer {role}}"
    assert left_of(one + other + third) is None


def test_one_type_below_an_interface_meets_no_other() -> None:
    text = '{node(id: "a") {id ...F}} fragment F on Bot {name executions {nodes {bot {name}}}}'
    assert left_of(text) is None
    text += " query B {nodes(ids: 1) {... on Execution {bot {name}}}}"
    assert left_of(text.replace("{node", "query A {node", 1)) is not None


@pytest.mark.parametrize(
    "field",
    [
        "...F @skip(if: true)",
        "... @skip(if: true) {...F}",
        "... on Subscription @include(if: true) {...F}",
    ],
)
def test_what_a_subscription_follows_is_never_left_out(field: str) -> None:
    text = f"subscription {{{field}}} fragment F on Subscription {{metricsTick {{queued}}}}"
    expected = mistakes(read_document(text, MAX_TOKENS))
    assert "must not use" in expected[0]["message"]
    assert mistakes(left_of(text)) == expected
