"""The rules of the schema over the committed SDL, and each of them over a schema that breaks it."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from graphql import GraphQLSchema, build_schema, find_breaking_changes, parse, validate

from server.api.limits import prepare
from server.api.schema import schema as served
from tests.api import breaks, rules
from tests.house.files import ROOT

FOLDER = ROOT / "graphql-schema"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((FOLDER / "schema.graphql").read_text())


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_schema_keeps_the_rule(schema: GraphQLSchema, rule: rules.Rule) -> None:
    broken = list(rule(schema))
    assert broken == [], f"{rule.__doc__}\n" + "\n".join(broken)


# Each piece breaks one rule; the words after it stand in what the rule says.
BREAKS: list[tuple[rules.Rule, str, str]] = [
    (rules.rule_0_words, '"Q" type Query { a: Int }', "Query.a has no description"),
    (rules.rule_0_words, '"Q" type Query { "A" a(b: Int): Int }', "Query.a(b:) has no description"),
    (rules.rule_0_words, 'type Query { a: E } "E" enum E { X }', "E.X has no description"),
    (rules.rule_0_words, "scalar Decimal type Query { cost: Decimal }", "says in which money"),
    (rules.rule_0_words, '"Q" type Query { "D" duration: Float }', "says in which unit"),
    (rules.rule_1_ids, "type Query { a: Int }", "Query.node is (id: ID!) Node"),
    (rules.rule_1_ids, "type Query { a: A } type A { id: ID! }", "A has an id: make it a Node"),
    (rules.rule_2_lists, "type Query { as: [A!]! } type A { b: Int }", "Query.as can grow"),
    (
        rules.rule_2_lists,
        "type Query { as(first: Int): AConnection } type AConnection { nodes: [Int] }",
        "Query.as takes first, after, last, before",
    ),
    (
        rules.rule_2_lists,
        "type Query { a: AConnection } type AConnection { nodes: [A] } type A { b: Int }",
        "AConnection.totalCount is Int!",
    ),
    (
        rules.rule_3_filters,
        "type Query { a(filter: AFilter): Int } input AFilter { name: String }",
        "AFilter.name is a comparator",
    ),
    (rules.rule_3_filters, "type Query { a(orderBy: String): Int }", "a list of {field, direction"),
    (
        rules.rule_4_mutations,
        "type Query { a: Int } type Mutation { run(id: ID!): Int }",
        "run is called by a verb and a noun",
    ),
    (
        rules.rule_4_mutations,
        "type Query { a: Int } type Mutation { runBot(input: Int!): BotPayload! } "
        "type BotPayload { bot: Bot! } type Bot { name: String }",
        "BotPayload.bot is null when it did not work",
    ),
    (rules.rule_4_errors, "type Query { a: ACode } enum ACode { X }", "one enum of codes"),
    (rules.rule_4_errors, "type Query { a: ErrorCode } enum ErrorCode { X }", "INTERNAL"),
    (
        rules.rule_6_versions,
        "type Query { a: Int } type Mutation { updateBot(input: UpdateBotInput!): Int } "
        "input UpdateBotInput { name: String }",
        "updateBot takes expectedVersion",
    ),
    (
        rules.rule_6_versions,
        'type Query { a: Int } type Mutation { "Starts. Needs scope `executions:run`." '
        "startBot(input: StartBotInput!): Int } input StartBotInput { name: String }",
        "startBot starts work",
    ),
    (
        rules.rule_7_one_of,
        "type Query { a(b: DecideApprovalInput): Int } "
        "input DecideApprovalInput { approve: Int! reject: Int modify: Int }",
        "DecideApprovalInput.approve may be left out",
    ),
    (rules.rule_8_events, "type Query { a: Int }", "Event is an interface"),
    (
        rules.rule_9_subscriptions,
        "type Query { a: Int } type Subscription { executionEvents(executionId: ID!, "
        "after: Int = 1): Int }",
        "begins with 0",
    ),
    (
        rules.rule_13_deprecations,
        'type Query { a: Int @deprecated(reason: "Use b.") }',
        "Removal on YYYY-MM-DD",
    ),
    (rules.rule_14_scalars, "type Query { createdAt: String }", "is a DateTime"),
    (rules.rule_14_scalars, "type Query { costLimit: Float }", "a Decimal, not Float"),
    (rules.rule_14_scalars, "type Query { a: E } enum E { Up }", "UPPER_SNAKE"),
    (rules.rule_14_scalars, "type Query { a: Url } scalar Url", "no scalar of ours"),
    (rules.rule_14_scalars, "type Query { as(after: String): Int }", "is a Cursor"),
    (rules.rule_15_nulls, "type Query { as: [Int]! }", "never null"),
    (rules.rule_15_nulls, "type Query { id: ID }", "Query.id is ID!"),
    (
        rules.rule_16_permissions,
        "interface Node { id: ID! } type Query { a: A } type A implements Node { id: ID! }",
        "A has viewerCan",
    ),
    (rules.rule_16_permissions, '"Q" type Query { "A" a: Int }', "names the scope"),
    (rules.rule_17_uploads, "type Query { a(b: Upload): Int } scalar Upload", "an address of"),
    (
        rules.rule_18_dry_runs,
        "type Query { a: Int } type Mutation { createTrigger: Int }",
        "createTrigger has a dry run: Query.previewSchedule",
    ),
]


@pytest.mark.parametrize(("rule", "sdl", "words"), BREAKS)
def test_a_schema_that_breaks_the_rule_is_told(rule: rules.Rule, sdl: str, words: str) -> None:
    said = list(rule(build_schema(sdl)))
    assert any(words in one for one in said), said


def test_each_rule_was_seen_failing() -> None:
    assert {rule for rule, _, _ in BREAKS} == set(rules.RULES)


def test_what_is_exempt_from_a_rule_is_there(schema: GraphQLSchema) -> None:
    """An exemption that nobody needs any more hides the next mistake."""
    places = {f"{owner}.{name}" for owner, name, _ in rules.fields(schema)}
    known = places | set(schema.type_map) | {name for name, _ in rules.mutations(schema)}
    later = {"Membership", "AuditEntry", "ModelCall"}
    exempt = {*rules.NO_NODE, *rules.SHORT_LISTS, *rules.NO_VERSION, *rules.NOTHING_TO_DO}
    assert exempt - known <= later


# --- what breaks a client -------------------------------------------------------------------


def test_no_break_is_undeclared(schema: GraphQLSchema) -> None:
    """Against the SDL of the last landing. Declare a break with its reason in
    graphql-schema/breaks.txt, or take it back."""
    found = {breaks.line_of(change) for change in find_breaking_changes(breaks.landed(), schema)}
    assert breaks.undeclared(found) == [], "declare it in graphql-schema/breaks.txt, with its why"
    declared = breaks.declared()
    stale = [one for one in declared if not any(fnmatchcase(line, one) for line in found)]
    assert stale == [], "this is no break any more: take its line away"
    assert [line for line, why in declared.items() if len(why) < 10] == []


def test_a_break_is_noticed() -> None:
    text = breaks.LANDED.read_text()
    changed = build_schema(text.replace("  draftVersion: Int!", "  countedChanges: Int!", 1))
    (found,) = find_breaking_changes(breaks.landed(), changed)
    assert breaks.line_of(found) == "FIELD_REMOVED Field Bot.draftVersion was removed."


# --- leniency -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        "query($a: String) { bots(after: $a) { totalCount } }",
        "query($a: Cursor) { bots(after: $a) { totalCount } }",
        "query($a: String!) { previewBalChange(source: $a) { ok } }",
        "mutation($a: String!) { createBot(input: {source: $a}) { bot { id } } }",
    ],
)
def test_a_text_of_ours_takes_a_variable_that_is_a_string(document: str) -> None:
    assert prepare(served._schema, document).errors == ()


@pytest.mark.parametrize(
    "document",
    [
        "query($a: String) { previewBalChange(source: $a) { ok } }",
        "query($a: Int) { bots(after: $a) { totalCount } }",
        "query($a: String) { bots(filter: $a) { totalCount } }",
        "query($a: String) { costs(days: $a) { total { cost } } }",
    ],
)
def test_other_variables_must_fit(document: str) -> None:
    assert prepare(served._schema, document).errors != ()
    assert validate(served._schema, parse(document)) != []
