"""An entity's call as a question to a model, and the model's answer as a value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from server.bal.plan import EntityPlan
from server.bal.types import Issue, ObjectType, Type, parse_type, to_json_schema, validate
from server.bal.values import is_list, is_object, json_text, look_into, text_of
from server.engine.host import EntityCall, StepFailed
from server.engine.turns import ModelFailure
from server.llm.images import taken_out
from server.llm.mending import mended
from server.llm.messages import ChatRequest, Message, ModelAnswer, Reasoning, ToolSpec
from server.llm.structured import NoJson, read_json

NO_INPUT = "(There is no input.)"
MOST_ISSUES_TOLD = 10

_CUT_OFF = (
    "The model reached its limit of tokens, so what it wrote is cut off. Give the entity more "
    "maxTokens, or ask for less."
)

Chat = Callable[[ChatRequest], Awaitable[ModelAnswer]]


class SchemaMismatch(StepFailed):
    """Strict: the answer does not fit the output block, also after it was asked for once more.
    `raw` is what the model wrote."""

    def __init__(self, entity: str, issues: list[Issue], raw: str = "") -> None:
        super().__init__(
            "schema_mismatch",
            f"The answer does not fit the output block: {_told(issues)}",
            entity=entity,
        )
        self.raw = raw


async def settled_answer(
    call: EntityCall, request: ChatRequest, answer: ModelAnswer, chat: Chat
) -> object:
    """The value of an answer that calls no tool. One that does not fit is asked for once more;
    after that only strict mode fails, else the better of the two is kept as it is."""
    value = _value(call, answer)
    issues = issues_of(call, value)
    if not issues:
        return value
    try:
        again = await chat(repair_request(request, answer, issues))
    except ModelFailure:
        return fitting(call, value, answer.text)
    better = _value(call, again)
    if not call.strict and _worth(call, better) < _worth(call, value):
        return value
    return fitting(call, better, again.text)


def request_for(
    call: EntityCall, history: tuple[Message, ...] = (), tools: tuple[ToolSpec, ...] = ()
) -> ChatRequest:
    """`history` is the conversation so far; an entity that does not inherit it never sees it."""
    entity = call.entity
    inherited = history if entity.history == "inherit" else ()
    earlier = [replace(message, part="history") for message in inherited]
    context: tuple[Message, ...] = ()
    if call.context is not None:
        beside, seen = taken_out(call.context)
        said = f"Context:\n{json_text(beside)}"
        context = (Message("user", said, part="context", images=seen),)
    value, seen = taken_out(call.input)
    given = text_of(value)
    asked = Message("user", given if given.strip() else NO_INPUT, part="input", images=seen)
    return ChatRequest(
        messages=(Message("system", entity.goal, part="system"), *earlier, *context, asked),
        model=entity.model,
        tools=tools,
        output_schema=_schema(entity),
        temperature=entity.temperature,
        max_tokens=entity.max_tokens,
        reasoning=_reasoning(entity.reasoning),
        timeout=entity.timeout,
        cache_seconds=entity.cache,
    )


def read_answer(call: EntityCall, answer: ModelAnswer) -> object:
    """Free text as it is; with an output block JSON in the answer becomes the object."""
    value = _value(call, answer)
    return value if output_type(call.entity) is None else fitting(call, value, answer.text)


def fitting(call: EntityCall, value: object, raw: str = "") -> object:
    """The value itself; strict, only when it fits the output block."""
    issues = issues_of(call, value) if call.strict else []
    if issues:
        raise SchemaMismatch(call.entity.name, issues, raw)
    return value


def repair_request(request: ChatRequest, answer: ModelAnswer, issues: list[Issue]) -> ChatRequest:
    cut = " It was cut off: be shorter." if answer.finish_reason == "length" else ""
    asked = (
        f"That does not fit: {_told(issues)}.{cut} Answer again, with nothing but the JSON value."
    )
    said = Message("assistant", answer.text or "(nothing)")
    messages = (*request.messages, said, Message("user", asked))
    return replace(request, messages=messages, repair=True)


def issues_of(call: EntityCall, value: object) -> list[Issue]:
    """Where the value does not fit the output block. Not strict, these are only recorded."""
    wanted = output_type(call.entity)
    return [] if wanted is None else validate(wanted, look_into(value), strict=call.strict)


def marks_of(call: EntityCall, value: object, answer: ModelAnswer | None) -> list[dict[str, Any]]:
    """What whoever reads the answer should know. Half a text is a text, and marked."""
    found = [issue.to_json() for issue in issues_of(call, value)]
    if answer is not None and answer.finish_reason == "length":
        found.append({"path": [], "code": "cut_off", "message": _CUT_OFF})
    return found


def output_type(entity: EntityPlan) -> Type | None:
    return None if entity.output is None else _type(entity.output)


@lru_cache(maxsize=1024)
def _type(text: str) -> Type | None:
    found = parse_type(text)
    return found if isinstance(found, ObjectType) else None


def _schema(entity: EntityPlan) -> dict[str, object] | None:
    """An empty block wants an object of any form, which needs no schema."""
    wanted = output_type(entity)
    if not isinstance(wanted, ObjectType) or not wanted.fields:
        return None
    return dict(to_json_schema(wanted, strict=True))


def _value(call: EntityCall, answer: ModelAnswer) -> object:
    if output_type(call.entity) is None:
        return answer.text
    value = _structure(answer.text)
    schema = _schema(call.entity)
    return value if schema is None or value is answer.text else mended(value, schema)


def _worth(call: EntityCall, value: object) -> tuple[bool, int]:
    return is_object(value), -len(issues_of(call, value))


def _structure(text: str) -> object:
    found = look_into(text)
    if not isinstance(found, str):
        return found
    try:
        value: object = read_json(text)
    except NoJson:
        return text
    return value if is_object(value) or is_list(value) else text


def _reasoning(said: bool | str | None) -> Reasoning | None:
    match said:
        case "low" | "medium" | "high" | bool():
            return said
        case _:
            return None


def _told(issues: list[Issue]) -> str:
    return "; ".join(_issue_text(issue) for issue in issues[:MOST_ISSUES_TOLD])


def _issue_text(issue: Issue) -> str:
    where = ".".join(str(part) for part in issue.path)
    return f"{where}: {issue.message}" if where else issue.message
