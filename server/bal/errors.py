"""What can be wrong with a program, as data. Nothing here raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from server.bal.lines import Lines
from server.bal.span import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake or remark. `kind` is one of the words of the language reference;
    `related` points at a second place (the brace that was opened), when there is one."""

    severity: Severity
    kind: str
    message: str
    span: Span
    hint: str | None = None
    related: Span | None = None

    def to_json(self) -> dict[str, Any]:
        span = self.span
        return {
            "severity": self.severity,
            "kind": self.kind,
            "message": self.message,
            "line": span.line,
            "column": span.column,
            "end_line": span.end_line,
            "end_column": span.end_column,
            "hint": self.hint,
        }


def format_diagnostic(diagnostic: Diagnostic, source: str) -> str:
    """The text form: the message, where, the source line with a caret below, and the hint."""
    span = diagnostic.span
    line = Lines(source).text(span.line)
    # A tab is one column; repeating it keeps the caret under its character in every terminal.
    lead = "".join("\t" if mark == "\t" else " " for mark in line[: span.column - 1])
    shown = [diagnostic.message, f"at line {span.line}, column {span.column}", "", f"  {line}"]
    shown.append(f"  {lead}^")
    if diagnostic.hint:
        shown.append(f"hint: {diagnostic.hint}")
    return "\n".join(shown)
