"""What an editor asks beside the check: help at the cursor, comparisons, and edits of the text."""

from __future__ import annotations

import asyncio

import strawberry
from strawberry.scalars import JSON

from server.api.access import query
from server.api.context import Info
from server.api.errors import UserError, payload_errors, user_errors
from server.api.scalars import BalSource
from server.bal.completion import Known, ToolDoc, complete
from server.bal.definition import definition
from server.bal.diff import describe, diff
from server.bal.edits import EditRefused, apply_edit
from server.bal.hover import hover
from server.bal.parser import Parsed, parse
from server.bal.signature import signature
from server.bal.types import to_json_schema
from server.core.errors import BalInvalid, Invalid, TooLarge
from server.tools.base import Tool
from server.tools.catalogue import catalogue

MAX_SOURCE = 512 * 1024
MAX_COMPLETIONS = 200


@strawberry.type(description="A part of the text. Offsets count code points from 0.")
class BalRange:
    from_: int = strawberry.field(name="from", description="Offset of its first character.")
    to: int = strawberry.field(description="Offset of the first character after it.")


@strawberry.type(description="Something that may stand at the cursor.")
class BalCompletion:
    label: str = strawberry.field(description="What the list shows.")
    kind: str = strawberry.field(
        description="entity, keyword, property, value, tool, model, type, variable, field, …"
    )
    detail: str = strawberry.field(description="A few words beside it: its form or where from.")
    doc: str = strawberry.field(description="What it means.")
    insert: str = strawberry.field(description="What takes the place of the typed text.")
    from_: int = strawberry.field(name="from", description="Where the typed text begins.")
    to: int = strawberry.field(description="Where the typed text ends: the cursor.")


@strawberry.type(description="What the word at the cursor means.")
class BalHover:
    text: str = strawberry.field(description="Markdown.")
    from_: int = strawberry.field(name="from", description="Offset of the word.")
    to: int = strawberry.field(description="Offset of the first character after it.")


@strawberry.type(description="Help at one place of a text that is being written.")
class BalAssist:
    source: strawberry.Private[str]
    offset: strawberry.Private[int]
    known: strawberry.Private[Known]

    @strawberry.field(description=f"What may stand here, at most {MAX_COMPLETIONS}, best first.")
    async def completions(self) -> list[BalCompletion]:
        found = await asyncio.to_thread(complete, self.source, self.offset, self.known)
        return [
            BalCompletion(
                label=item.label,
                kind=item.kind,
                detail=item.detail,
                doc=item.doc,
                insert=item.insert or item.label,
                from_=found.start,
                to=self.offset,
            )
            for item in found.items[:MAX_COMPLETIONS]
        ]

    @strawberry.field(description="What the word here means; null when there is nothing to say.")
    async def hover(self) -> BalHover | None:
        found = await asyncio.to_thread(hover, self.source, self.offset, self.known)
        if found is None:
            return None
        return BalHover(text=found.text, from_=found.span.start, to=found.span.end)

    @strawberry.field(description="Where the entity or variable here is defined; null elsewhere.")
    async def definition(self) -> BalRange | None:
        found = await asyncio.to_thread(definition, self.source, self.offset)
        return None if found is None else BalRange(from_=found.start, to=found.end)

    @strawberry.field(
        description="The tool or function whose arguments are being written: "
        "`{name, doc, parameters: [{name, type, doc, required}], active}`."
    )
    async def signature(self) -> JSON | None:
        found = await asyncio.to_thread(signature, self.source, self.offset, self.known)
        return None if found is None else JSON(found.to_json())


@strawberry.type(description="One difference between two programs.")
class BalChange:
    kind: str = strawberry.field(description="entity_added, model_changed, step_moved, …")
    subject: str = strawberry.field(description="The entity, the block, or the key of the step.")
    sentence: str = strawberry.field(description="The change in words, to be joined with others.")


@strawberry.type(description="What changed from one program to another, spelling aside.")
class BalComparison:
    changes: list[BalChange] = strawberry.field(
        description="Every difference; empty when both mean the same."
    )
    summary: str = strawberry.field(description="All sentences in one; empty without a change.")


@strawberry.type(description="A part of the old text and what takes its place.")
class BalReplacement:
    from_: int = strawberry.field(name="from", description="Offset in the old text.")
    to: int = strawberry.field(description="Offset of the first character that stays.")
    text: str = strawberry.field(description="What stands there now.")


@strawberry.type(description="A text after an edit. Nothing is stored.")
class BalEdit:
    source: BalSource = strawberry.field(
        description="The new text; the old one when it was refused."
    )
    replacements: list[BalReplacement] = strawberry.field(
        description="What changed, in order; every other character is as it was."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type
class BalEditorQueries:
    @query(
        "bots:read",
        "Help at one place of a program: what may stand there, what a word means, where it is "
        "defined. `offset` counts code points. Errors: TOO_LARGE above 512 KiB.",
    )
    async def bal_assist(self, info: Info, source: BalSource, offset: int) -> BalAssist:
        check_size(source, "source")
        tools = await catalogue(info.context.asker.workspace_id)
        models = [found.id for found in await info.context.rooms.gateway.models()]
        known = Known(tuple(map(_tool_doc, tools.tools)), tuple(models))
        return BalAssist(source=source, offset=min(max(0, offset), len(source)), known=known)

    @query(
        "bots:read",
        "What changed between two programs, as data and in words. "
        "Errors: BAL_INVALID when one of them cannot be read, TOO_LARGE above 512 KiB.",
    )
    async def compare_bal(self, old: BalSource, new: BalSource) -> BalComparison:
        return await asyncio.to_thread(_compare, old, new)

    @query(
        "bots:read",
        "Makes one edit of a program without storing it, such as "
        '`{"edit": "set_property", "entity": "writer", "key": "goal", "value": "…"}`: only what '
        "must change does. Errors: TOO_LARGE above 512 KiB; a refused edit says why in `errors`.",
    )
    async def edit_bal(self, source: BalSource, edit: JSON) -> BalEdit:
        check_size(source, "source")
        return await asyncio.to_thread(_edit, source, edit)


def check_size(source: str, name: str) -> None:
    if len(source) > MAX_SOURCE:
        raise TooLarge(f"A program has at most {MAX_SOURCE // 1024} KiB.", path=[name])


def _tool_doc(tool: Tool) -> ToolDoc:
    return ToolDoc(tool.name, tool.description, to_json_schema(tool.input))


def _compare(old: str, new: str) -> BalComparison:
    changes = diff(_read(old, "old").program, _read(new, "new").program)
    return BalComparison(
        changes=[
            BalChange(kind=one.kind, subject=one.subject, sentence=one.sentence) for one in changes
        ],
        summary=describe(changes),
    )


def _read(source: str, name: str) -> Parsed:
    check_size(source, name)
    parsed = parse(source)
    for found in parsed.diagnostics:
        if found.severity == "error":
            where = f"line {found.span.line} of `{name}`"
            raise BalInvalid(f"There is a mistake in {where}: {found.message}", path=[name])
    return parsed


def _edit(source: str, edit: object) -> BalEdit:
    try:
        if not isinstance(edit, dict):
            raise EditRefused('An edit is an object such as {"edit": "delete_step", …}.')
        made = apply_edit(source, edit)
    except EditRefused as refused:
        error = Invalid(refused.message, path=["edit"])
        return BalEdit(source=BalSource(source), replacements=[], errors=user_errors(error))
    return BalEdit(
        source=BalSource(made.text),
        replacements=[
            BalReplacement(from_=one.start, to=one.end, text=one.text) for one in made.replacements
        ],
    )
