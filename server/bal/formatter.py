"""Canonical text for a text: what `bal fmt` and the editor's Format do."""

from __future__ import annotations

from dataclasses import dataclass

from server.bal.errors import Diagnostic
from server.bal.parser import parse
from server.bal.printer import to_text


@dataclass(frozen=True, slots=True)
class Formatted:
    """`text` is the source itself when mistakes keep it from being formatted."""

    text: str
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        return not any(found.severity == "error" for found in self.diagnostics)


def format_source(source: str) -> Formatted:
    """Formatting twice is formatting once. A text that cannot be read is left alone."""
    parsed = parse(source)
    diagnostics = tuple(parsed.diagnostics)
    if any(found.severity == "error" for found in diagnostics):
        return Formatted(source, diagnostics)
    return Formatted(to_text(parsed.program), diagnostics)
