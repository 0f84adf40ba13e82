"""What the arguments of fields and the values of small enums are: one word means the same
wherever it stands. A special one has its own line, or says it itself by
`strawberry.argument(description=…)`."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

ARGUMENTS: dict[str, str] = {
    "first": "How many from the beginning, 0 to 100; 25 when neither `first` nor `last` is given.",
    "after": "Only what stands behind this cursor.",
    "last": "How many from the end, 0 to 100. Not together with `first`.",
    "before": "Only what stands before this cursor.",
    "filter": "Which ones; every field that is given must hold.",
    "orderBy": "How they are sorted: one field and a direction.",
    "input": "Everything that the change needs.",
    "id": "Its id. One of elsewhere and one that never was are answered alike.",
    "ids": "At most 100 ids, of things of any kind.",
    "botId": "The bot's id, `bot_…`.",
    "botIds": "The bots' ids, `bot_…`.",
    "executionId": "The execution's id, `exe_…`.",
    "versionId": "The version's id, `ver_…`.",
    "days": "How many days back, today included: 1 to 366.",
    "period": "How long one step of the count is.",
    "source": "The program, at most 512 KiB.",
    "Execution.modelCalls.stepKey": "Only of this step; of all when absent.",
    "Query.compareBotVersions.oldVersionId": "The version before; the live one when absent.",
    "Query.compareBotVersions.newVersionId": "The version afterwards; the draft when absent.",
    "Query.compareBotVersions.newSource": "A text that is not saved, in place of a version.",
    "Query.previewImport.bundleId": "The bundle that was sent to `/bundles`.",
    "Queue.entries.state": "Which half of the queue.",
    "Queue.entries.botId": "Only of this bot; of all when absent.",
    "Query.bot.name": "Its name, exactly.",
    "Query.balAssist.offset": "Where the cursor stands: code points from the beginning, from 0.",
    "Query.compareBal.old": "The program before, at most 512 KiB.",
    "Query.compareBal.new": "The program afterwards, at most 512 KiB.",
    "Query.editBal.edit": "The edit: an object with its name in `edit` and what it needs.",
    "Query.estimateExecution.input": "What the run would be given.",
    "Query.estimateRerun.fromStep": "As in `rerunExecution`.",
    "Query.estimateRerun.version": "Which program would be run.",
    "Query.estimateRerun.onlyFailed": "As in `rerunExecution`.",
    "Query.queryCost.query": "The text of a GraphQL document.",
    "Query.queryCost.variables": "Its variables, as an object.",
    "Execution.events.after": "Only events with a higher number; 0 for all.",
    "Execution.events.first": "How many, 0 to 100; 25 by default.",
    "Execution.stateAt.seq": "The number of an event of this execution, from 1.",
    "Subscription.chatTokens.sessionId": "The conversation, `cht_…`.",
    "Subscription.chatTokens.executionId": "The execution of the last frame that was heard.",
    "Subscription.chatTokens.after": "Only what it said after this event; 0 for all.",
    "Subscription.executionEvents.after": "Only events with a higher number; 0 for all.",
}

VALUES: dict[str, str] = {
    "BotOrderField.NAME": "By name.",
    "BotOrderField.CREATED_AT": "By when they were made.",
    "BotOrderField.UPDATED_AT": "By when they were last changed.",
    "ExecutionOrderField.CREATED_AT": "By when they were accepted.",
    "SnapshotKind.START": "It was accepted.",
    "SnapshotKind.CHECKPOINT": "A model or a tool has answered.",
    "SnapshotKind.MILESTONE": "It waits or is paused.",
    "SnapshotKind.ERROR": "A step failed, or all of it.",
    "SnapshotKind.COMPLETION": "It was completed.",
    "SnapshotKind.MANUAL": "A person has marked it.",
    "ConversationRole.USER": "A person, or whoever started the execution.",
    "ConversationRole.ASSISTANT": "The bot.",
    "LineKind.SAME": "In both.",
    "LineKind.ADDED": "Only afterwards.",
    "LineKind.REMOVED": "Only before.",
}


def describe(schema: GraphQLSchema) -> None:
    """In place, where nothing is said yet."""
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLEnumType) and not name.startswith("__"):
            for value_name, value in kind.values.items():
                value.description = value.description or VALUES.get(f"{name}.{value_name}")
    for place, name, argument in _arguments(schema):
        if not argument.description:
            argument.description = ARGUMENTS.get(f"{place}.{name}") or ARGUMENTS.get(name)


def _arguments(schema: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLArgument]]:
    for owner, kind in schema.type_map.items():
        if owner.startswith("__") or not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for field_name, field in kind.fields.items():
            for name, argument in field.args.items():
                yield f"{owner}.{field_name}", name, argument
