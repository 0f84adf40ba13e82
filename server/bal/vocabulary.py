"""The words of the language, each with the sentence an editor shows for it. One place for them.

`to_json()` is the same table for editors that are not written in Python.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

WordKind = Literal[
    "keyword", "property", "setting", "type", "function", "scope", "trigger", "output", "action"
]


@dataclass(frozen=True, slots=True)
class Word:
    """`form` is how it is written (`loop("until": "…", "max": 5) { … }`)."""

    name: str
    kind: WordKind
    doc: str
    form: str = ""
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


def _keyword(name: str, form: str, doc: str) -> Word:
    return Word(name, "keyword", doc, form)


def _property(
    name: str, form: str, doc: str, aliases: tuple[str, ...] = (), values: tuple[str, ...] = ()
) -> Word:
    return Word(name, "property", doc, form, aliases, values)


def _setting(name: str, form: str, doc: str, values: tuple[str, ...] = ()) -> Word:
    return Word(name, "setting", doc, form, (), values)


STEP_KEYWORDS: Final[tuple[Word, ...]] = (
    _keyword("chain", "chain { a b }", "Runs the steps one after the other; each gets the value of "
             "the one before."),
    _keyword("parallel", "parallel { a b }", "Runs all branches at once on the same input; the "
             "result is an object with one field per branch."),
    _keyword("if", 'if ("result.score > 5") { a } else { b }', "Runs the first block when the "
             "condition holds, else the other one. Without else the value passes through."),
    _keyword("else", "else { b }", "The block that runs when the condition does not hold."),
    _keyword("loop", 'loop ("until": "result.score > 8", "max": 3) { a }', "Runs the body at least "
             "once, again until the condition holds, at most max times."),
    _keyword("map", "map result.items { a }", "Runs the body once per item of a list; the result "
             "is the list of results in order."),
    _keyword("select", "select { title: result.title }", "Builds a new object from paths of the "
             "current value."),
    _keyword("merge", 'merge { text: "branch_0.text" }', "Builds one object from the results of a "
             "parallel block."),
    _keyword("with", "writer with { tone: \"short\" }", "Hands a step more context beside its "
             "input."),
    _keyword("try", "try (\"retries\": 2) { a } catch { b }", "Runs the body again when it fails, "
             "then the catch block, and the finally block always."),
    _keyword("catch", "catch { b }", "Runs when the body of try failed; what went wrong is in "
             "`error`."),
    _keyword("finally", "finally { c }", "Runs after try in any case; its value is dropped."),
    _keyword("when", 'when judge { "pass": a "fail": b }', "Older form of if: runs the entity and "
             "goes on by its verdict."),
    _keyword("run", 'run("today\'s news")', "The input that is used when the caller gives none."),
    _keyword("route", 'route (classifier) { "bug": fixer "default": helper }', "Runs the "
             "classifier and goes on with the arm that its answer names."),
    _keyword("gate", 'gate ("result.ok") { a }', "Runs the block only when the condition holds."),
    _keyword("filter", 'filter ("item.score > 5") { }', "Keeps the items of a list where the "
             "condition holds."),
    _keyword("processor", 'processor ("total") { "sum(result.prices)" }', "Computes a value "
             "without a model."),
    _keyword("use", "use send_notification with { title: \"Done\" }", "Calls a tool without a "
             "model; the fields are its arguments."),
    _keyword("on_error", "writer on_error skip", "What happens when this step fails: stop, skip, "
             "pause, or continue with a value."),
)  # fmt: skip

TOP_LEVEL_KEYWORDS: Final[tuple[Word, ...]] = (
    _keyword("defaults", 'defaults { "model": "openai:gpt-4o" }', "Settings that hold for all "
             "entities of the program; stands first."),
    _keyword("analytics", 'analytics { "track": [ … ] }', "What is measured over all runs of the "
             "program."),
)  # fmt: skip

LITERALS: Final[tuple[str, ...]] = ("true", "false", "null")

RESERVED: Final[frozenset[str]] = frozenset(
    "chain parallel if else loop map select merge with run try catch finally when true false null"
    .split()
)  # fmt: skip
"""Never names of entities."""

CONTEXTUAL: Final[frozenset[str]] = frozenset(("route", "gate", "filter", "processor"))
"""Keywords only when a parenthesis follows."""

ENTITY_PROPERTIES: Final[tuple[Word, ...]] = (
    _property("description", '"description": "Writes the weekly letter"', "Shown to people only."),
    _property("icon", '"icon": "📝"', "Shown to people only."),
    _property("goal", '"goal": "Summarise the input in three sentences"', "The instruction. Every "
              "entity needs one."),
    _property("model", '"model": "openai:gpt-4o-mini"', "The model, as provider:model or a bare "
              "model name."),
    _property("fallbacks", '"fallbacks": ["anthropic:claude-sonnet-4-5"]', "Models that are tried "
              "in this order when the first one is not available."),
    _property("tools", '"tools": ["web_search"]', "Tools that the entity may call by itself."),
    _property("can_request", '"can_request": ["send_mail"]', "Tools that it may use only after a "
              "person approves.", ("canRequest", "needsApproval")),
    _property("input", '"input": { "topic": "string" }', "The fields that the entity reads."),
    _property("output", '"output": { "title": "string" }', "The fields of the answer, each with "
              "its type. Without it the answer is free text."),
    _property("history", '"history": "none"', "Whether the earlier conversation is passed on.",
              (), ("inherit", "none")),
    _property("temperature", '"temperature": 0.7', "From 0 (always alike) to 2 (loose)."),
    _property("maxTokens", '"maxTokens": 2000', "The longest answer, in tokens, from 1.",
              ("max_tokens",)),
    _property("reasoning", '"reasoning": "low"', "How long the model may think before it answers.",
              (), ("true", "false", "low", "medium", "high")),
    _property("stopWhen", '"stopWhen": "stepCount:5"', "When the tool loop ends; 25 steps by "
              "default.", ("stop_when",), ("stepCount:5", "hasToolResult:NAME", "noToolCalls")),
    _property("retries", '"retries": 2', "How often a failed model call is tried again, 0 to 10."),
    _property("timeout", '"timeout": 60', "Seconds for one call, 1 to 86,400."),
    _property("budget", '"budget": 0.05', "US dollars for one call, above 0."),
    _property("cache", '"cache": 3600', "Seconds for which an equal question is answered the same, "
              "at no cost; up to 2,592,000 (30 days)."),
    _property("idempotent", '"idempotent": false', "false: the call is not repeated after a crash.",
              (), ("true", "false")),
    _property("on_tool_error", '"on_tool_error": "pause"', "What follows when a tool of its fails: "
              "the model is told (tell), or the run waits for a person with the diagnosis (pause).",
              ("onToolError",), ("tell", "pause")),
    _property("output_to", '"output_to": ["storage", "email:me@example.com"]', "Where the result "
              "is delivered.", ("outputTo",)),
    _property("analytics", '"analytics": { "track": [ … ] }', "What is measured over all runs of "
              "this entity."),
    _property("trigger", '"trigger": "schedule:daily@9am"', "What starts the bot; a text, a list "
              "of texts, or an object.", ("triggers",)),
)  # fmt: skip
"""In the order of the canonical text."""

DEFAULTS_PROPERTIES: Final[tuple[Word, ...]] = (
    _property("model", '"model": "openai:gpt-4o-mini"', "The model of entities that name none."),
    _property("fallbacks", '"fallbacks": ["anthropic:claude-sonnet-4-5"]', "Models that are tried "
              "in this order."),
    _property("queue", '"queue": "nightly"', "The queue in which runs wait."),
    _property("timeout", '"timeout": 120', "Seconds for one call."),
    _property("budget", '"budget": 0.10', "US dollars for one call."),
    _property("strict", '"strict": true', "Answers must fit their output block.",
              (), ("true", "false")),
)  # fmt: skip

ANALYTICS_PROPERTIES: Final[tuple[Word, ...]] = (
    _property("track", '"track": [{ "name": "answers", "type": "count" }]', "The metrics, each "
              "with a name and a type: count, average, distribution, trend, percentage, top_n."),
    _property("compare", '"compare": "week_over_week"', "The period that is compared.", (),
              ("day_over_day", "week_over_week", "month_over_month")),
    _property("alert_when", '"alert_when": "error_rate > 5%"', "Tells you when a metric crosses a "
              "line.", ("alertWhen",)),
)  # fmt: skip

SETTINGS: Final[dict[str, tuple[Word, ...]]] = {
    "loop": (
        _setting("until", '"until": "result.score > 8"', "Tested after the body, on its result."),
        _setting("max", '"max": 3', "The largest number of rounds, 1 to 100."),
    ),
    "map": (
        _setting("concurrency", "concurrency: 4", "How many items run side by side; 20 by "
                 "default."),
        _setting("errors", "errors: collect", "What a failing item does: stop, skip or collect.",
                 ("stop", "skip", "collect")),
    ),
    "parallel": (
        _setting("concurrency", "concurrency: 2", "How many branches run side by side; all by "
                 "default."),
        _setting("errors", "errors: wait", "What a failing branch does: stop, wait or collect.",
                 ("stop", "wait", "collect")),
    ),
    "try": (
        _setting("retries", '"retries": 2', "How often the body is tried again."),
        _setting("delay", '"delay": 1000', "Milliseconds between two attempts."),
    ),
}  # fmt: skip

ON_ERROR: Final[tuple[Word, ...]] = (
    Word("stop", "action", "The failure goes on (default)."),
    Word("skip", "action", "The input of the step passes through."),
    Word("pause", "action", "The run waits for a person."),
    Word("continue", "action", "The run goes on with the value given.", 'continue with "…"'),
)

TYPE_WORDS: Final[tuple[Word, ...]] = (
    Word("string", "type", "Text.", "string"),
    Word("boolean", "type", "true or false.", "boolean"),
    Word("any", "type", "Anything.", "any"),
    Word("integer", "type", "A whole number, with a range if you like.", "integer(0, 10)"),
    Word("number", "type", "A number, with a range if you like.", "number(0, 1)"),
    Word("enum", "type", "One of the texts listed.", "enum('low', 'high')"),
    Word("array", "type", "A list; without a type, of texts.", "array<string>"),
    Word("object", "type", "Fields; without braces, free-form.", "object { name: string }"),
    Word("optional", "type", "May be missing; ?T says the same.", "optional(string)"),
)

FUNCTIONS: Final[tuple[Word, ...]] = (
    Word("upper", "function", "The text in capitals.", "upper(text)"),
    Word("lower", "function", "The text in small letters.", "lower(text)"),
    Word("trim", "function", "The text without white space at its ends.", "trim(text)"),
    Word("length", "function", "How many items or characters.", "length(value)"),
    Word("contains", "function", "Whether the text, list or object holds the part.",
         "contains(value, part)"),
    Word("startsWith", "function", "Whether the text begins so.", "startsWith(text, part)"),
    Word("endsWith", "function", "Whether the text ends so.", "endsWith(text, part)"),
    Word("split", "function", "The text cut at the separator, else at white space.",
         "split(text, separator)"),
    Word("join", "function", "The items joined to one text.", "join(list, separator)"),
    Word("replace", "function", "The text with every part replaced.",
         "replace(text, part, other)"),
    Word("round", "function", "Rounded to the number of places, halves away from 0.",
         "round(number, places)"),
    Word("floor", "function", "Rounded down.", "floor(number)"),
    Word("abs", "function", "Without its sign.", "abs(number)"),
    Word("min", "function", "The smallest.", "min(list)"),
    Word("max", "function", "The largest.", "max(list)"),
    Word("sum", "function", "All numbers added; what is none counts as 0.", "sum(list)"),
    Word("first", "function", "The first item.", "first(list)"),
    Word("last", "function", "The last item.", "last(list)"),
    Word("keys", "function", "The names of the fields.", "keys(object)"),
    Word("values", "function", "The values of the fields.", "values(object)"),
    Word("sort", "function", "The list in order, also by a field and backwards.",
         "sort(list, 'field', 'desc')"),
    Word("unique", "function", "The list without repeats, also by a field.",
         "unique(list, 'field')"),
    Word("slice", "function", "A part of a list or text.", "slice(value, start, end)"),
    Word("number", "function", "The value as a number.", "number(value)"),
    Word("text", "function", "The value as text.", "text(value)"),
    Word("json", "function", "The value as JSON text.", "json(value)"),
    Word("parseJson", "function", "The value that the JSON text holds.", "parseJson(text)"),
    Word("date", "function", "The moment as ISO text in UTC.", "date(value)"),
    Word("addTime", "function", "A date moved by an amount.", "addTime(date, 2, 'days')"),
    Word("formatTime", "function", "A date as text, in a time zone.",
         "formatTime(date, 'YYYY-MM-DD HH:mm', 'Europe/Berlin')"),
    Word("coalesce", "function", "The first value that is not null.", "coalesce(a, b)"),
)  # fmt: skip

SCOPE_WORDS: Final[tuple[Word, ...]] = (
    Word("result", "scope", "The value that the step gets."),
    Word("input", "scope", "The value that the run got."),
    Word("item", "scope", "The current item, inside map and filter."),
    Word("index", "scope", "The place of the item from 0, inside map and filter."),
    Word("iteration", "scope", "The round from 1, inside loop."),
    Word("error", "scope", "message, kind and entity of the failure, inside catch."),
    Word("route", "scope", "key and output of the classifier, inside route."),
)

RESERVED_VARIABLES: Final[tuple[Word, ...]] = (
    Word("$user", "scope", "Who started the run.", "$user.name", (), ("id", "name", "email")),
    Word("$trigger", "scope", "What started the run.", "$trigger.kind", (),
         ("kind", "name", "at", "data")),
    Word("$run", "scope", "The run itself.", "$run.cost", (),
         ("id", "cost", "tokens", "duration_ms")),
)  # fmt: skip

TRIGGERS: Final[tuple[Word, ...]] = (
    Word("manual", "trigger", "A person starts it."),
    Word("webhook", "trigger", "A call from outside starts it.", "webhook:orders"),
    Word("schedule", "trigger", "The clock starts it.", "schedule:daily@9am"),
    Word("bb_completion", "trigger", "Another bot that ended starts it.",
         "bb_completion:writer:success", ("other_bb",)),
    Word("db_event", "trigger", "A change in a table starts it.", "db_event:orders:insert"),
    Word("event", "trigger", "A named event starts it.", "event:order.paid"),
)  # fmt: skip

OUTPUT_TARGETS: Final[tuple[Word, ...]] = (
    Word("storage", "output", "Kept in the shared storage."),
    Word("dashboard", "output", "Shown on the dashboard."),
    Word("notification", "output", "A notification to the people of the workspace."),
    Word("webhook", "output", "Sent to an address.", "webhook:https://example.com/hook"),
    Word("email", "output", "Sent by mail, at once or as a digest.", "email:me@example.com"),
)

PROPERTY_ORDER: Final[dict[str, int]] = {
    name: place
    for place, word in enumerate(ENTITY_PROPERTIES)
    for name in (word.name, *word.aliases)
}

CANONICAL_KEY: Final[dict[str, str]] = {
    name: word.name
    for word in (*ENTITY_PROPERTIES, *ANALYTICS_PROPERTIES)
    for name in (word.name, *word.aliases)
}


def canonical_key(key: str) -> str:
    """`maxTokens` for `max_tokens`; an unknown key stays as it is."""
    return CANONICAL_KEY.get(key, key)


def to_json() -> dict[str, Any]:
    """The whole table for an editor: lists of words by family."""
    families: dict[str, tuple[Word, ...]] = {
        "stepKeywords": STEP_KEYWORDS,
        "topLevelKeywords": TOP_LEVEL_KEYWORDS,
        "entityProperties": ENTITY_PROPERTIES,
        "defaultsProperties": DEFAULTS_PROPERTIES,
        "analyticsProperties": ANALYTICS_PROPERTIES,
        "onError": ON_ERROR,
        "typeWords": TYPE_WORDS,
        "functions": FUNCTIONS,
        "scopeWords": SCOPE_WORDS,
        "reservedVariables": RESERVED_VARIABLES,
        "triggers": TRIGGERS,
        "outputTargets": OUTPUT_TARGETS,
    }
    table: dict[str, Any] = {
        name: [_word_json(word) for word in words] for name, words in families.items()
    }
    table["settings"] = {
        keyword: [_word_json(word) for word in words] for keyword, words in SETTINGS.items()
    }
    table["literals"] = list(LITERALS)
    table["reserved"] = sorted(RESERVED)
    table["contextual"] = sorted(CONTEXTUAL)
    return table


def _word_json(word: Word) -> dict[str, Any]:
    data = asdict(word)
    data["aliases"] = list(word.aliases)
    data["values"] = list(word.values)
    return data
