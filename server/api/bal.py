"""The language through the API: what the editor asks while somebody types."""

from __future__ import annotations

import asyncio

import strawberry
from strawberry.scalars import JSON

from server.api.access import query
from server.api.bal_editor import BalEditorQueries, check_size
from server.api.context import Info
from server.api.kinds import Severity
from server.api.scalars import BalSource
from server.bal.checker import Catalogue, check
from server.bal.diagram import diagram
from server.bal.errors import Diagnostic
from server.bal.formatter import format_source
from server.llm.abilities import ability_of
from server.tools.catalogue import catalogue


@strawberry.type(description="A remark about a program. Lines and columns count from 1.")
class BalDiagnostic:
    severity: Severity = strawberry.field(description="Whether the program can run with it.")
    kind: str = strawberry.field(description="The word of the language reference for it.")
    message: str = strawberry.field(description="What is wrong.")
    line: int = strawberry.field(description="Line of its first character.")
    column: int = strawberry.field(description="Column of its first character.")
    end_line: int = strawberry.field(description="Line of the first character after it.")
    end_column: int = strawberry.field(description="Column of the first character after it.")
    hint: str | None = strawberry.field(description="How to mend it, when known.")

    @classmethod
    def of(cls, found: Diagnostic) -> BalDiagnostic:
        span = found.span
        return cls(
            severity=Severity(found.severity),
            kind=found.kind,
            message=found.message,
            line=span.line,
            column=span.column,
            end_line=span.end_line,
            end_column=span.end_column,
            hint=found.hint,
        )


@strawberry.type(description="What a program would be, without storing it.")
class BalPreview:
    ok: bool = strawberry.field(description="No error; warnings are allowed.")
    diagnostics: list[BalDiagnostic] = strawberry.field(
        description="Every mistake and remark, in the order of the text."
    )
    formatted: str | None = strawberry.field(
        description="The canonical layout; null while the text cannot be read as a whole."
    )
    diagram: JSON = strawberry.field(
        description="Nodes and edges of the picture, from what could be read: "
        "`{nodes: […], edges: […]}`."
    )


@strawberry.type
class BalQueries(BalEditorQueries):
    @query(
        "bots:read",
        "Checks, formats and draws a program without storing it: every mistake with line, column "
        "and hint. Errors: TOO_LARGE above 512 KiB.",
    )
    async def preview_bal_change(self, info: Info, source: BalSource) -> BalPreview:
        check_size(source, "source")
        tools = await catalogue(info.context.asker.workspace_id)
        return await asyncio.to_thread(_preview, source, tools.names)


def _preview(source: str, tools: frozenset[str]) -> BalPreview:
    """In a thread: a long program keeps a core busy for a while, and the loop must not wait."""
    report = check(source, Catalogue(tools=tools, ability=ability_of))
    formatted = format_source(source)
    return BalPreview(
        ok=report.ok,
        diagnostics=[BalDiagnostic.of(found) for found in report.diagnostics],
        formatted=formatted.text if formatted.ok else None,
        diagram=JSON(diagram(report.program).to_json()),
    )
