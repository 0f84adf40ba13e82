"""Everything that can be said about a program without running it. Never raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.bal.check_catalogue import check_catalogue
from server.bal.check_context import OPEN, Catalogue, Context
from server.bal.check_fallbacks import check_fallbacks
from server.bal.check_flow import check_flow
from server.bal.check_names import check_names
from server.bal.check_properties import check_properties
from server.bal.check_texts import check_texts
from server.bal.check_variables import check_variables
from server.bal.collector import collector_paused
from server.bal.errors import Diagnostic
from server.bal.findings import Findings
from server.bal.lexer import tokenize, without_echoes
from server.bal.nodes import Program
from server.bal.parser import parse_tokens

__all__ = ["OPEN", "Catalogue", "Report", "check"]

Pass = Callable[[Context], None]

# What the text itself says, whether or not the rest could be read.
LOCAL_PASSES: tuple[Pass, ...] = (check_properties, check_texts)
# What needs the whole program.
WHOLE_PASSES: tuple[Pass, ...] = (
    check_names,
    check_variables,
    check_flow,
    check_catalogue,
    check_fallbacks,
)

# With one of these the tree has holes, and what would be said about names would be wrong.
_FATAL = frozenset(
    (
        "unterminated_string",
        "unexpected_character",
        "invalid_number",
        "invalid_escape",
        "unexpected_token",
        "unexpected_eof",
        "reserved_name",
        "empty_program",
    )
)


@dataclass(frozen=True, slots=True)
class Report:
    """`diagnostics` are sorted by position, errors before warnings at the same place."""

    program: Program
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        return not any(one.severity == "error" for one in self.diagnostics)


def check(source: str, catalogue: Catalogue = OPEN) -> Report:
    with collector_paused():
        return _check(source, catalogue)


def _check(source: str, catalogue: Catalogue) -> Report:
    tokens = tokenize(source)
    parsed = parse_tokens(tokens)
    findings = Findings(tokens.lines)
    context = Context(parsed.program, catalogue, findings)
    for run_pass in LOCAL_PASSES:
        run_pass(context)
    if not any(one.kind in _FATAL for one in parsed.diagnostics):
        for run_pass in WHOLE_PASSES:
            if not findings.full:
                run_pass(context)
    found = [*parsed.diagnostics, *without_echoes(findings.found, tokens)]
    found.sort(key=lambda one: (one.span.start, one.severity))
    return Report(parsed.program, tuple(found))
