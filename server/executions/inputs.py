"""What a program gets as input, checked before anything is stored."""

from __future__ import annotations

from typing import Any

from server.bal.plan import Plan
from server.bal.types import Issue, validate
from server.bots.programs import input_type
from server.core.errors import Invalid
from server.core.jsontext import NotStorable, check_storable
from server.engine.durable import reserved_of
from server.engine.memory import Memory
from server.engine.store import Unset
from server.engine.walker import default_input

SHOWN = 20


class InputRefused(Invalid):
    """The input does not fit the input block of the program."""

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = tuple(issues)
        told = [_told(issue) for issue in issues[:SHOWN]]
        if len(issues) > SHOWN:
            told.append(f"and {len(issues) - SHOWN} more")
        first = [str(part) for part in issues[0].path]
        super().__init__(
            f"The input does not fit: {'; '.join(one.rstrip('.') for one in told)}.",
            hint="Give what the input block of the first entity asks for.",
            path=["input", *first],
        )


def checked_input(plan: Plan, given: Any, trigger: dict[str, Any]) -> Any:
    value = _default(plan, trigger) if isinstance(given, Unset) else given
    _refuse_unstorable(value)
    wanted = input_type(plan)
    issues = [] if wanted is None else validate(wanted, value)
    if issues:
        raise InputRefused(issues)
    return value


def _refuse_unstorable(value: Any) -> None:
    try:
        check_storable(value)
    except NotStorable as error:
        raise Invalid(f"The input cannot be stored. {error}", path=["input"]) from None


def _default(plan: Plan, trigger: dict[str, Any]) -> Any:
    names = {f"${name}": reserved_of(trigger, name) for name in ("user", "trigger")}
    return default_input(plan, Memory(names))


def _told(issue: Issue) -> str:
    place = ".".join(str(part) for part in issue.path)
    return f"{place}: {issue.message}" if place else issue.message
