"""A limit of spending and where it stands."""

from decimal import Decimal
from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.format import money
from frontend.kit.elements import icon

THRESHOLDS = (50, 75, 90, 100)
PERIODS = {
    "DAY": "a day",
    "WEEK": "a week",
    "MONTH": "a month",
    "YEAR": "a year",
    "TOTAL": "in all",
}
ACTIONS = {
    "WARN": "Warns and goes on",
    "ASK": "Executions wait for you",
    "STOP": "Stops the step",
}
SCOPES = {
    "WORKSPACE": "The whole workspace",
    "BOT": "One bot",
    "EXECUTION": "Each execution",
    "USER": "One person",
}


def budget_card(budget: dict[str, Any], whose: str, actions: dict[str, Any] | None) -> VdomDict:
    return html.article(
        {"className": "card budget", "key": budget["id"], "data-budget": budget["id"]},
        html.header(
            html.h3(budget["name"] or whose),
            html.span({"className": "chip"}, ACTIONS[budget["action"]]),
        ),
        *_standing(budget),
        html.p({"className": "muted"}, _words(budget, whose)),
        _buttons(budget, actions) if actions else "",
    )


def _words(budget: dict[str, Any], whose: str) -> str:
    return whose if budget["standing"] is None else f"{whose}, {PERIODS[budget['period']]}"


def _standing(budget: dict[str, Any]) -> list[VdomDict]:
    limit = money(budget["limit"])
    standing = budget["standing"]
    if standing is None:
        return [
            html.p(
                {"className": "sums", "key": "sums"},
                html.strong(limit),
                html.span({"className": "muted"}, "for each execution"),
            )
        ]
    percent = float(standing["percent"])
    reserved = Decimal(str(standing["reserved"]))
    held = f", {money(reserved)} set aside for calls under way" if reserved else ""
    return [
        html.p(
            {"className": "sums", "key": "sums"},
            html.strong(money(standing["spent"])),
            html.span({"className": "muted"}, f"of {limit}, {percent:g}%{held}"),
        ),
        meter(percent, f"{money(standing['spent'])} of {limit} spent"),
    ]


def meter(percent: float, label: str) -> VdomDict:
    level = max((t for t in THRESHOLDS if percent >= t), default=0)
    marks = [html.b({"key": str(t), "style": {"left": f"{t}%"}}) for t in THRESHOLDS[:-1]]
    return html.div(
        {
            "key": "meter",
            "className": "meter",
            "role": "meter",
            "aria-valuemin": "0",
            "aria-valuemax": "100",
            "aria-valuenow": f"{min(percent, 100):g}",
            "aria-valuetext": f"{label}, {percent:g}%",
            "aria-label": label,
            "data-level": str(level),
        },
        html.i({"style": {"width": f"{min(percent, 100):g}%"}}),
        *marks,
    )


def _buttons(budget: dict[str, Any], actions: dict[str, Any]) -> VdomDict:
    name = budget["name"]

    def button(word: str, mark: str, what: str) -> VdomDict:
        return html.button(
            {
                "key": what,
                "className": "button small",
                "type": "button",
                "aria-label": f"{word}: {name}",
                "onClick": actions[what](budget),
            },
            icon(mark),
            word,
        )

    correct = button("Correct", "coins", "adjust") if budget["standing"] else ""
    return html.div(
        {"className": "actions"},
        button("Edit", "pen-line", "edit"),
        correct,
        html.span({"className": "spacer"}),
        html.button(
            {
                "key": "delete",
                "className": "icon-button",
                "type": "button",
                "aria-label": f"Delete {name}",
                "title": "Delete",
                "onClick": actions["delete"](budget),
            },
            icon("trash-2"),
        ),
    )
