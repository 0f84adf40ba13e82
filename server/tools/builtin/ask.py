"""`ask`: a bot asks a person, and what they answer is the result. Nothing runs meanwhile."""

from __future__ import annotations

from typing import Any

from server.bal.types import (
    AnyType,
    ArrayType,
    EnumType,
    NumberType,
    ObjectType,
    OptionalType,
    StringType,
    TypeField,
    TypeMistake,
    parse_type,
    validate,
)
from server.bal.values import is_object
from server.tools.base import AskPerson, Tool, ToolContext, ToolFailed
from server.workspaces.addressees import addressees

LONGEST_SECONDS = 366 * 24 * 3600
MOST_FIELDS = 50
FAIL = "fail"


async def ask(arguments: dict[str, Any], context: ToolContext) -> Any:
    to = arguments.get("to")
    if to is not None and not await addressees(context.workspace_id, to):
        message = f"Nobody here is meant by `to`: {to!r}. Give a member's address, name or role."
        raise ToolFailed(message, "invalid_arguments")
    fields = _fields(arguments.get("fields"), arguments.get("choices"))
    return AskPerson(
        arguments["message"],
        fields,
        arguments.get("timeout"),
        to,
        _otherwise(arguments.get("on_timeout"), fields),
    )


def _fields(given: Any, choices: list[str] | None) -> ObjectType:
    if given is not None and choices is not None:
        raise ToolFailed("Give either `fields` or `choices`.", "invalid_arguments")
    if choices is not None:
        if not choices:
            raise ToolFailed("`choices` names at least one.", "invalid_arguments")
        return ObjectType((TypeField("answer", EnumType(tuple(choices))),))
    if given is None:
        return ObjectType((TypeField("answer", StringType()),))
    if not is_object(given) or not 0 < len(given) <= MOST_FIELDS:
        message = f"`fields` is an object of 1 to {MOST_FIELDS} names and their types."
        raise ToolFailed(message, "invalid_arguments")
    return ObjectType(tuple(_field(str(name), text) for name, text in given.items()))


def _field(name: str, text: Any) -> TypeField:
    found = parse_type(str(text))
    if isinstance(found, TypeMistake):
        raise ToolFailed(f"`fields.{name}`: {found.message}", "invalid_arguments")
    return TypeField(name, found)


def _otherwise(given: Any, fields: ObjectType) -> tuple[Any, ...]:
    """What counts when nobody answers: nothing, or answers that fit."""
    if given is None or given == FAIL:
        return ()
    answer = given if is_object(given) else {"answer": given}
    issues = validate(fields, answer, strict=True)
    if issues:
        message = f"`on_timeout` is `fail` or answers that fit: {issues[0].message}"
        raise ToolFailed(message, "invalid_arguments")
    return (answer,)


ASK = Tool(
    name="ask",
    description=(
        "Asks a person and gives back what they answer, as an object. `to` is a member's address, "
        "name or role (everybody who decides, when it is left out); `fields` names what to fill "
        "in, each with its type, or `choices` what to choose from; `timeout` in seconds, seven "
        "days by default; `on_timeout` is `fail` or the answers that count then."
    ),
    run=ask,
    input=ObjectType(
        (
            TypeField("message", StringType()),
            TypeField("to", OptionalType(StringType())),
            TypeField("fields", OptionalType(AnyType())),
            TypeField("choices", OptionalType(ArrayType(StringType()))),
            TypeField("timeout", OptionalType(NumberType(minimum=1, maximum=LONGEST_SECONDS))),
            TypeField("on_timeout", OptionalType(AnyType())),
        )
    ),
)
