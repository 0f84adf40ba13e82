"""The rules of the schema, each a function from a schema to what breaks it, in words that say what
to do. `test_rules.py` runs them over the committed SDL, and over schemas that break them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    print_ast,
)

Rule = Callable[[GraphQLSchema], Iterator[str]]

# Objects with an id that `node` does not fetch, and why.
NO_NODE = {
    "Blob": "a part of an execution, read at its own address",
    "EmittedEvent": "forgotten after a month; what it woke tells of it",
    "ModelInfo": "its id is what a program writes",
    "Person": "seen through what they did",
    "Template": "shipped with the program, the same everywhere",
    "User": "seen through members",
    "Viewer": "whoever asks",
    "Workspace": "where everything is; the viewer's own",
    "Membership": "a place of the viewer's own",
}
# Lists of objects that are no connection, and what keeps them short.
SHORT_LISTS = {
    "BalAssist.completions": "at most 200",
    "BalComparison.changes": "one program",
    "BalEdit.replacements": "one edit",
    "BalPreview.diagnostics": "one program",
    "Bot.entities": "one program",
    "BotComparison.changes": "one program",
    "Queue.bots": "the first hundred",
    "BotCosts.byTrigger": "the kinds of trigger",
    "BotCosts.byVersion": "cut by its room",
    "BotComparison.lines": "one program",
    "BundleExport.connections": "one bundle",
    "ChatTokens.pieces": "the steps that spoke within a twentieth of a second",
    "Connection.usedBy": "cut by its room",
    "ConnectionKind.fields": "a form",
    "Costs.byBot": "cut by its room",
    "Costs.byConnection": "cut by its room",
    "Costs.byExecution": "cut by its room",
    "Costs.byDay": "the days that were asked for",
    "Costs.byEntity": "cut by its room",
    "Costs.byModel": "the models that were called",
    "Costs.byOperation": "cut by its room",
    "Costs.byProvider": "the providers that were called",
    "ProviderHealth.connections": "the connections that were used",
    "ProviderHealth.models": "cut by its room",
    "Diagnosis.actions": "a handful of words",
    "Execution.awaitedEvents": "the first thousand",
    "Execution.entities": "one program",
    "ExecutionEstimate.passes": "the budgets that concern one bot",
    "Execution.forks": "at most 100",
    "Execution.snapshots": "at most 1000 and what people have marked",
    "Execution.steps": "the steps of one run, capped by the engine",
    "ExecutionEventBatch.gaps": "holes in one batch",
    "Execution.modelCalls": "the calls of one run, capped by the engine",
    "ImportPreview.items": "one bundle",
    "ImportPreview.missingConnections": "one bundle",
    "Step.modelCalls": "the calls of one step, capped by the engine",
    "Step.issues": "what the checker found in one answer",
    "FailurePattern.byPeriod": "the days that were asked for",
    "HealingReport.patterns": "cut by its room",
    "HealingReport.rates": "classes times actions",
    "Query.nodes": "as long as the list of ids, at most 100",
    "Query.templates": "shipped",
    "Query.models": "what the providers list",
    "Query.connectionKinds": "the kinds there are",
    "Query.providerHealth": "a row for a provider",
    "Query.botTags": "the tags that are in use, cut by its room",
    "Query.roles": "the roles there are",
    "RoleInfo.rights": "the rights there are",
    "Query.openCircuits": "a row for a provider",
}
PAGE = ("first", "after", "last", "before")
# Contract: events go forwards only, by their number.
OTHER_PAGES = {"Execution.events": ("after", "first")}
SCALARS = {
    "BalSource", "BigInt", "Boolean", "Cron", "Cursor", "DateTime", "Decimal", "Duration", "Float",
    "ID", "Int", "JSON", "String", "TimeZone",
}  # fmt: skip
CODES = {
    "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "INVALID_INPUT", "BAL_INVALID", "CONFLICT",
    "ALREADY_DECIDED", "INVALID_STATE", "IDEMPOTENCY_MISMATCH", "LIMIT_REACHED", "RATE_LIMITED",
    "BUDGET_EXCEEDED", "TOO_LARGE", "UNAVAILABLE", "UPSTREAM_FAILED", "INTERNAL",
}  # fmt: skip
# A change that needs no `expectedVersion`, and why.
NO_VERSION: dict[str, str] = {}
# Nodes with which nothing can be done.
NOTHING_TO_DO = {
    "BudgetNotice": "says what happened",
    "AuditEntry": "is never changed",
    "ModelCall": "says what happened",
}
DRY_RUNS = {
    "saveBotDraft": "previewBalChange",
    "startExecution": "estimateExecution",
    "importBots": "previewImport",
    "importBundle": "previewImport",
    "createTrigger": "previewSchedule",
}
SCOPE = re.compile(
    r"Needs scope `([a-z]+:[a-z]+)`\.|For everybody who is signed in\."
    r"|For people, and for tokens that are not narrowed to scopes or bots\."
    r"|For people who are signed in(, not for tokens|; a token needs scope `[a-z]+:[a-z]+`)\."
)
VERB_NOUN = re.compile(r"[a-z]+([A-Z][a-z]+)+")
REMOVAL = re.compile(r"Use .+\. Removal on \d{4}-\d{2}-\d{2}\.")
MONEY = re.compile(
    r"cost|price(?!d)|spent|amount|reserved|^limit$|^low$|^high$|^left$", re.IGNORECASE
)


# --- walking --------------------------------------------------------------------------------


def named(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLNamedType]]:
    for name, kind in schema.type_map.items():
        if not name.startswith("__") and kind.ast_node is not None:
            yield name, kind


def fields(schema: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLField]]:
    for name, kind in named(schema):
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in kind.fields.items():
                yield name, field_name, field


def objects(schema: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    yield from (kind for _, kind in named(schema) if isinstance(kind, GraphQLObjectType))


def nodes(schema: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    yield from (kind for kind in objects(schema) if any(i.name == "Node" for i in kind.interfaces))


def roots(schema: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLField]]:
    for root in ("Query", "Mutation", "Subscription"):
        kind = schema.type_map.get(root)
        if isinstance(kind, GraphQLObjectType):
            yield from ((root, name, field) for name, field in kind.fields.items())


def mutations(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLField]]:
    yield from ((name, field) for root, name, field in roots(schema) if root == "Mutation")


def input_of(field: GraphQLField) -> GraphQLInputObjectType | None:
    given = field.args.get("input")
    kind = None if given is None else get_named_type(given.type)
    return kind if isinstance(kind, GraphQLInputObjectType) else None


def is_page(kind: GraphQLNamedType) -> bool:
    return kind.name.endswith("Connection") and kind.name != "Connection"


def is_payload(kind: GraphQLNamedType) -> bool:
    return kind.name.endswith("Payload")


# --- the rules ------------------------------------------------------------------------------


def rule_1_ids(schema: GraphQLSchema) -> Iterator[str]:
    """Global ids: `node(id: ID!): Node` and `nodes(ids: [ID!]!)`; what has an id is a Node."""
    asked = schema.query_type.fields if schema.query_type is not None else {}
    for name, wanted in (("node", "(id: ID!) Node"), ("nodes", "(ids: [ID!]!) [Node]!")):
        field = asked.get(name)
        shape = field and f"({', '.join(f'{a}: {x.type}' for a, x in field.args.items())})"
        if field is None or f"{shape} {field.type}" != wanted:
            yield f"Query.{name} is {wanted}"
    for kind in objects(schema):
        has_id = "id" in kind.fields and str(kind.fields["id"].type) == "ID!"
        is_node = any(one.name == "Node" for one in kind.interfaces)
        if has_id and not is_node and kind.name not in NO_NODE:
            yield f"{kind.name} has an id: make it a Node, or say in NO_NODE why not"


def rule_2_lists(schema: GraphQLSchema) -> Iterator[str]:
    """A list that can grow is a connection with edges, nodes, pageInfo and totalCount."""
    for owner, name, field in fields(schema):
        place, kind = f"{owner}.{name}", get_named_type(field.type)
        if is_page(kind):
            wanted = OTHER_PAGES.get(place, PAGE)
            if tuple(one for one in field.args if one in PAGE) != wanted:
                yield f"{place} takes {', '.join(wanted)}"
            continue
        if not is_list_type(get_nullable_type(field.type)) or is_leaf_type(kind):
            continue
        schema_owner = schema.type_map[owner]
        inside = is_page(schema_owner) and name in ("edges", "nodes")
        errors = kind.name == "UserError"
        if not inside and not errors and place not in SHORT_LISTS and not is_payload(schema_owner):
            yield f"{place} can grow: make it a connection, or say in SHORT_LISTS why it is short"
    for kind in objects(schema):
        if is_page(kind):
            yield from _page_faults(schema, kind)


def _page_faults(schema: GraphQLSchema, kind: GraphQLObjectType) -> Iterator[str]:
    held = kind.name.removesuffix("Connection")
    wanted = {
        "edges": f"[{held}Edge!]!",
        "nodes": f"[{held}!]!",
        "pageInfo": "PageInfo!",
        "totalCount": "Int!",
    }
    found = {name: str(field.type) for name, field in kind.fields.items()}
    for name, shape in wanted.items():
        if found.get(name) != shape:
            yield f"{kind.name}.{name} is {shape}"
    edge = schema.type_map.get(f"{held}Edge")
    if not isinstance(edge, GraphQLObjectType) or not {"cursor", "node"} <= set(edge.fields):
        yield f"{held}Edge has cursor and node"
    elif str(edge.fields["cursor"].type) != "Cursor!":
        yield f"{held}Edge.cursor is a Cursor!"


def rule_3_filters(schema: GraphQLSchema) -> Iterator[str]:
    """Filters are inputs of comparators; an id, a yes or no and a searched text stand alone.
    Order is a list of enums."""
    for owner, name, field in fields(schema):
        for arg_name, arg in field.args.items():
            kind = get_named_type(arg.type)
            if arg_name == "filter" and not kind.name.endswith("Filter"):
                yield f"{owner}.{name}(filter:) takes a …Filter"
            if arg_name == "orderBy":
                yield from _order_faults(f"{owner}.{name}", arg.type)
    for name, kind in named(schema):
        if isinstance(kind, GraphQLInputObjectType) and name.endswith("Filter"):
            for field_name, given in kind.fields.items():
                inner = get_named_type(given.type).name
                plain = inner in ("ID", "Boolean") or (field_name == "text" and inner == "String")
                if not inner.endswith("Comparator") and not plain:
                    yield f"{name}.{field_name} is a comparator, not {given.type}"
                if is_non_null_type(given.type):
                    yield f"{name}.{field_name} may be left out"


def _order_faults(place: str, kind: object) -> Iterator[str]:
    order = get_named_type(kind)  # type: ignore[call-overload]
    if not is_list_type(get_nullable_type(kind)) or not isinstance(order, GraphQLInputObjectType):  # type: ignore[call-overload]
        yield f"{place}(orderBy:) is a list of {{field, direction}}"
        return
    kinds = {name: get_named_type(one.type) for name, one in order.fields.items()}
    if set(kinds) != {"field", "direction"} or kinds["direction"].name != "OrderDirection":
        yield f"{order.name} has field and direction: OrderDirection"
    elif not isinstance(kinds["field"], GraphQLEnumType):
        yield f"{order.name}.field is an enum"


def rule_4_mutations(schema: GraphQLSchema) -> Iterator[str]:
    """`verbNoun(input: VerbNounInput!): VerbNounPayload!` with nullable entities and `errors`."""
    for name, field in mutations(schema):
        noun = name[0].upper() + name[1:]
        if not VERB_NOUN.fullmatch(name):
            yield f"{name} is called by a verb and a noun"
        found = {arg: str(one.type) for arg, one in field.args.items()}
        if found != {"input": f"{noun}Input!"}:
            yield f"{name} takes (input: {noun}Input!)"
        if str(field.type) != f"{noun}Payload!":
            yield f"{name} answers {noun}Payload!"
        payload = get_named_type(field.type)
        for inner, one in getattr(payload, "fields", {}).items():
            if inner == "errors" and str(one.type) != "[UserError!]!":
                yield f"{payload.name}.errors is [UserError!]!"
            entity = isinstance(get_nullable_type(one.type), GraphQLObjectType)
            if inner != "errors" and is_non_null_type(one.type) and entity:
                yield f"{payload.name}.{inner} is null when it did not work"
        if "errors" not in getattr(payload, "fields", {}):
            yield f"{payload.name} has errors"


def rule_4_errors(schema: GraphQLSchema) -> Iterator[str]:
    """UserError is `{code, message, path}`, and there is one enum of codes."""
    error = schema.type_map.get("UserError")
    wanted = {"code": "ErrorCode!", "message": "String!", "path": "[String!]!"}
    found = {n: str(f.type) for n, f in getattr(error, "fields", {}).items()}
    if not isinstance(error, GraphQLInterfaceType) or found != wanted:
        yield f"UserError is an interface of {wanted}"
    more = {"BalError": {"line", "column"}, "BudgetError": {"limit", "spent"}}
    more["ConflictError"] = {"currentVersion"}
    for name, extra in more.items():
        if not extra <= set(getattr(schema.type_map.get(name), "fields", {})):
            yield f"{name} has {', '.join(sorted(extra))}"
    codes = schema.type_map.get("ErrorCode")
    missing = CODES - set(getattr(codes, "values", {}))
    if missing:
        yield f"ErrorCode only grows: {', '.join(sorted(missing))} must stay"
    others = [n for n, k in named(schema) if isinstance(k, GraphQLEnumType) and n.endswith("Code")]
    if others != ["ErrorCode"]:
        yield f"there is one enum of codes, not {', '.join(others)}"


def rule_6_versions(schema: GraphQLSchema) -> Iterator[str]:
    """`expectedVersion` where something is changed, `idempotencyKey` where work is started."""
    for name, field in mutations(schema):
        given = input_of(field)
        held = set() if given is None else set(given.fields)
        changes = name.startswith(("update", "save"))
        if changes and "expectedVersion" not in held and name not in NO_VERSION:
            yield f"{name} takes expectedVersion, or say in NO_VERSION why not"
        answers = getattr(get_named_type(field.type), "fields", {})
        scoped = "Needs scope `executions:run`" in (field.description or "")
        starts = scoped and ("execution" in answers or not answers)
        if starts and "idempotencyKey" not in held:
            yield f"{name} starts work: it takes idempotencyKey"


def rule_7_one_of(schema: GraphQLSchema) -> Iterator[str]:
    """What is one of several is a @oneOf input; `decideApproval` is flat, as the contract says."""
    decide = schema.type_map.get("DecideApprovalInput")
    found = {n: str(f.type) for n, f in getattr(decide, "fields", {}).items()}
    for name in ("approve", "reject", "modify"):
        if not found.get(name) or found[name].endswith("!"):
            yield f"DecideApprovalInput.{name} may be left out"
    trigger = schema.type_map.get("CreateTriggerInput")
    if isinstance(trigger, GraphQLInputObjectType):
        kinds = [get_named_type(f.type) for f in trigger.fields.values()]
        if not any(getattr(kind, "is_one_of", False) for kind in kinds):
            yield "CreateTriggerInput holds a @oneOf input of the kinds"


def rule_8_events(schema: GraphQLSchema) -> Iterator[str]:
    """Events: an interface with its kinds, a connection, and batches on the live feed."""
    event = schema.type_map.get("Event")
    if not isinstance(event, GraphQLInterfaceType):
        yield "Event is an interface"
        return
    if len(schema.get_possible_types(event)) < 20:
        yield "Event has a type for each kind of event"
    if str(event.fields["seq"].type) != "Int!":
        yield "Event.seq is Int!"
    batch = schema.type_map.get("ExecutionEventBatch")
    wanted = {"lastSeq": "Int!", "caughtUp": "Boolean!", "done": "Boolean!", "events": "JSON!"}
    found = {n: str(f.type) for n, f in getattr(batch, "fields", {}).items()}
    if not wanted.items() <= found.items():
        yield f"ExecutionEventBatch has {wanted}"


def rule_9_subscriptions(schema: GraphQLSchema) -> Iterator[str]:
    """`executionEvents(executionId, after)` replays, then follows; the others as they come."""
    held = schema.subscription_type.fields if schema.subscription_type is not None else {}
    events = held.get("executionEvents")
    found = {} if events is None else {n: str(a.type) for n, a in events.args.items()}
    if found.get("executionId") != "ID!" or found.get("after", "").strip("!") != "Int":
        yield "executionEvents takes (executionId: ID!, after: Int = 0)"
    elif events is not None and _default(events.args["after"]) != "0":
        yield "executionEvents begins with 0"
    if "executionsChanged" not in held:
        yield "executionsChanged is there"


def _default(argument: GraphQLArgument) -> str:
    node = argument.ast_node
    return print_ast(node.default_value) if node is not None and node.default_value else ""


def rule_13_deprecations(schema: GraphQLSchema) -> Iterator[str]:
    """A deprecation says what to use and when it goes: "Use X. Removal on YYYY-MM-DD."."""
    for place, reason in _deprecations(schema):
        if reason and not REMOVAL.fullmatch(reason):
            yield f'{place}: write "Use X. Removal on YYYY-MM-DD."'


def _deprecations(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for owner, name, field in fields(schema):
        yield f"{owner}.{name}", field.deprecation_reason
        for arg_name, arg in field.args.items():
            yield f"{owner}.{name}({arg_name}:)", arg.deprecation_reason
    for owner, kind in named(schema):
        if isinstance(kind, GraphQLInputObjectType):
            for name, given in kind.fields.items():
                yield f"{owner}.{name}", given.deprecation_reason
        if isinstance(kind, GraphQLEnumType):
            for name, value in kind.values.items():
                yield f"{owner}.{name}", value.deprecation_reason


def rule_14_scalars(schema: GraphQLSchema) -> Iterator[str]:
    """Instants are DateTime, money is Decimal, cursors are Cursor, programs are BalSource."""
    for name, kind in named(schema):
        if isinstance(kind, GraphQLScalarType) and name not in SCALARS:
            yield f"{name} is no scalar of ours: add it to SCALARS with its form"
        if isinstance(kind, GraphQLEnumType):
            for value in kind.values:
                if not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", value):
                    yield f"{name}.{value} is written UPPER_SNAKE"
    for place, name, kind in _values(schema):
        if re.search(r"(At|^at)$", name) and kind not in ("DateTime", "DateComparator", "JSON"):
            yield f"{place} is a DateTime, not {kind}"
        if kind in ("Float", "Int", "BigInt", "String") and MONEY.search(name):
            if name not in ("limit", "left") or kind == "Float":
                yield f"{place} is money: a Decimal, not {kind}"
        if name in ("after", "before", "cursor", "endCursor", "startCursor") and kind == "String":
            yield f"{place} is a Cursor"
        program = place.startswith(("Bot", "Bal", "CreateBot", "SaveBot", "Template", "Query."))
        if name == "source" and kind == "String" and program:
            yield f"{place} is a BalSource"


def _values(schema: GraphQLSchema) -> Iterator[tuple[str, str, str]]:
    """Each plain value: of a field, an argument, a field of an input."""
    for owner, name, field in fields(schema):
        yield f"{owner}.{name}", name, get_named_type(field.type).name
        for arg_name, arg in field.args.items():
            yield f"{owner}.{name}({arg_name}:)", arg_name, get_named_type(arg.type).name
    for owner, kind in named(schema):
        if isinstance(kind, GraphQLInputObjectType):
            for name, given in kind.fields.items():
                yield f"{owner}.{name}", name, get_named_type(given.type).name


def rule_15_nulls(schema: GraphQLSchema) -> Iterator[str]:
    """What stands in a list is never null (but for a miss of `nodes`), and no id is."""
    for owner, name, field in fields(schema):
        place, listed = f"{owner}.{name}", get_nullable_type(field.type)
        if name == "id" and str(field.type) != "ID!":
            yield f"{place} is ID!"
        if is_list_type(listed) and not is_non_null_type(listed.of_type) and place != "Query.nodes":
            yield f"{place}: what stands in the list is never null"


def rule_16_permissions(schema: GraphQLSchema) -> Iterator[str]:
    """Each thing says what the viewer can do with it; each root field says what it needs."""
    others = [kind for kind in objects(schema) if kind.name in ("Viewer", "Costs")]
    for kind in [*nodes(schema), *others]:
        can = kind.fields.get("viewerCan")
        if can is None:
            if kind.name not in NOTHING_TO_DO:
                yield f"{kind.name} has viewerCan, or say in NOTHING_TO_DO why not"
            continue
        answers = get_named_type(can.type)
        if not isinstance(answers, GraphQLObjectType) or any(
            str(field.type) != "Boolean!" for field in answers.fields.values()
        ):
            yield f"{kind.name}.viewerCan answers with yes or no"
    for root, name, field in roots(schema):
        if not SCOPE.search(field.description or ""):
            yield f"{root}.{name} names the scope that it needs"
        if root == "Mutation" and "Errors: " not in (field.description or ""):
            yield f"{root}.{name} names its errors"


def rule_17_uploads(schema: GraphQLSchema) -> Iterator[str]:
    """Files do not go through GraphQL."""
    yield from (f"{name}: files have an address of their own" for name, _ in named(schema)
                if name in ("Upload", "File"))  # fmt: skip


def rule_18_dry_runs(schema: GraphQLSchema) -> Iterator[str]:
    """What has consequences can be tried without them."""
    asked = schema.query_type.fields if schema.query_type is not None else {}
    changes = {name for name, _ in mutations(schema)}
    for change, dry_run in DRY_RUNS.items():
        if change in changes and dry_run not in asked:
            yield f"{change} has a dry run: Query.{dry_run}"
    if "queryCost" not in asked:
        yield "a query can be priced: Query.queryCost"


def rule_0_words(schema: GraphQLSchema) -> Iterator[str]:
    """Everything has a description; numbers say what they count."""
    for place, text in _descriptions(schema):
        if not (text or "").strip():
            yield f"{place} has no description"
    for owner, name, field in fields(schema):
        kind = get_named_type(field.type).name
        about = f"{field.description} {schema.type_map[owner].description}"
        if kind == "Decimal" and "US dollars" not in about:
            yield f"{owner}.{name} says in which money"
        if kind in ("Float", "Int", "BigInt") and re.search(r"(?i)(duration|rate|size)$", name):
            if not re.search(r"(?i)second|percent|bytes|per ", about):
                yield f"{owner}.{name} says in which unit"


def _descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for owner, kind in named(schema):
        yield owner, kind.description
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{owner}.{name}", one.description) for name, one in kind.fields.items())
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{owner}.{name}", one.description) for name, one in kind.values.items())
    for owner, name, field in fields(schema):
        yield f"{owner}.{name}", field.description
        for arg_name, arg in field.args.items():
            yield f"{owner}.{name}({arg_name}:)", arg.description


RULES: tuple[Rule, ...] = (
    rule_0_words,
    rule_1_ids,
    rule_2_lists,
    rule_3_filters,
    rule_4_mutations,
    rule_4_errors,
    rule_6_versions,
    rule_7_one_of,
    rule_8_events,
    rule_9_subscriptions,
    rule_13_deprecations,
    rule_14_scalars,
    rule_15_nulls,
    rule_16_permissions,
    rule_17_uploads,
    rule_18_dry_runs,
)
