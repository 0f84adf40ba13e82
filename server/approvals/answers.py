"""What a person answers to the question of a bot: it has to fit what was asked, and come from
somebody who was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from server.bal.types import (
    EnumType,
    NumberType,
    ObjectType,
    TypeField,
    TypeMistake,
    parse_type,
    validate,
)
from server.bal.values import is_object
from server.core.errors import Denied, Invalid
from server.models.enums import ApprovalStatus
from server.models.tables import Approval
from server.workspaces.access import Viewer
from server.workspaces.addressees import is_meant

if TYPE_CHECKING:
    from server.approvals.service import Answer

Settled = Literal[ApprovalStatus.APPROVED, ApprovalStatus.REJECTED]


def checked_answer(viewer: Viewer, row: Approval, answer: Answer) -> tuple[Settled, Any]:
    """`choose` is short for a question with one field to choose from."""
    asked: dict[str, Any] = row.arguments
    to = asked.get("to")
    if not is_meant(viewer, to):
        raise Denied(f"This is asked of {to}; an owner or an administrator may answer instead.")
    fields = fields_of(asked)
    match answer.verdict:
        case "answer":
            return ApprovalStatus.APPROVED, _fitting(fields, answer.value)
        case "choose" if fields.field("answer") is not None:
            return ApprovalStatus.APPROVED, _fitting(fields, {"answer": answer.action})
        case "reject":
            return ApprovalStatus.REJECTED, None
        case _:
            names = ", ".join(one.name for one in fields.fields or ())
            message = f"This is a question: answer it with {names}, or reject it."
            raise Invalid(message, path=[answer.verdict])


def fields_of(asked: dict[str, Any]) -> ObjectType:
    found: list[TypeField] = []
    for name, text in asked["fields"].items():
        kind = parse_type(text)
        assert not isinstance(kind, TypeMistake)
        found.append(TypeField(name, kind))
    return ObjectType(tuple(found))


def _fitting(fields: ObjectType, given: Any) -> Any:
    """A form gives texts: numbers are read from them."""
    if not is_object(given):
        raise Invalid("Answers are an object: a value for each field.", path=["answer", "values"])
    value = {name: _read(fields.field(str(name)), one) for name, one in given.items()}
    issues = validate(fields, value, strict=True)
    if issues:
        first = issues[0]
        raise Invalid(first.message, path=["answer", "values", *map(str, first.path)])
    return value


def _read(kind: Any, value: Any) -> Any:
    if isinstance(kind, NumberType) and isinstance(value, str):
        try:
            return int(value) if kind.integer else float(value)
        except ValueError:
            return value
    if isinstance(kind, EnumType) and isinstance(value, str):
        return next((one for one in kind.values if one.lower() == value.strip().lower()), value)
    return value
