"""What failed: again and again, how often a repair helped, and each single time."""

from collections import Counter
from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.components.badges import bot_tile
from frontend.format import count, moment, plural
from frontend.kit.elements import ago, icon, worded

Line = dict[str, Any]

CLASSES = {
    "TRANSIENT": "Away for a moment",
    "NETWORK": "A provider not reached",
    "SERVER": "A provider's own error",
    "RATE_LIMIT": "Too many calls",
    "AUTH": "A key was refused",
    "AI": "The model's answer",
    "TOOL": "A tool",
    "DATA": "The form of data",
    "POLICY": "A rule or a person",
    "BUDGET": "A budget",
    "TIMEOUT": "Time was up",
    "WORKER": "Lost workers",
    "PROGRAM": "The program",
    "UNKNOWN": "Not known",
}
CAUGHT = "try"
ACTIONS = {
    "retry": "Tried again",
    "fallback": "Another model",
    "skip": "Went on without it",
    "continue": "Went on with a value",
    "repair": "Asked to mend the answer",
    CAUGHT: "Caught by a try",
}


def class_name(value: str) -> str:
    return CLASSES.get(value, value.replace("_", " ").capitalize())


def action_name(value: str) -> str:
    return ACTIONS.get(value) or value.replace("_", " ").capitalize()


def pattern_card(pattern: Line, bot: str | None, close: Any) -> VdomDict:
    """`bot` is the bot's name; none when it was deleted. `close` opens the form to close all."""
    open_ones = pattern["unresolved"]
    name = bot or "A deleted bot"
    return html.li(
        {
            "className": "card pattern",
            "key": f"{pattern['botId']} {pattern['name']} {pattern['kind']}",
        },
        html.header(
            html.h3(html.code(pattern["name"]), " in ", name),
            html.span({"className": "chip"}, class_name(pattern["failureClass"])),
        ),
        html.p(
            html.strong(f"{count(pattern['count'])} times"),
            html.span({"className": "muted"}, " the last ", ago(pattern["lastAt"])),
        ),
        _bars(pattern["byPeriod"]),
        html.p({"className": "muted"}, html.code(pattern["kind"])),
        html.footer(
            html.a(
                {"href": f"/incidents?bot={pattern['botId']}&class={pattern['failureClass']}"},
                f"{count(open_ones)} open" if open_ones else "Show them",
            ),
            html.button(
                {"className": "button small", "type": "button", "onClick": close}, "Close all…"
            )
            if pattern["viewerCan"]["resolve"]
            else "",
        ),
    )


def _bars(periods: list[Line]) -> VdomDict:
    shown = periods[-28:]
    top = max((period["count"] for period in shown), default=1)
    bars = [
        html.i(
            {
                "key": period["beginsAt"],
                "style": {"height": f"{max(8, round(100 * period['count'] / top))}%"},
                "title": f"{moment(period['beginsAt']):%d %b %H:%M}: {period['count']}",
            }
        )
        for period in shown
    ]
    said = f"Counts over time, {plural(len(shown), 'period')}, at most {top} in one"
    return html.div({"className": "pattern-bars", "role": "img", "aria-label": said}, *bars)


def rates_in_order(rates: list[Line]) -> list[Line]:
    """Class by class, the one that fails most first; in each as they are tried."""
    often: Counter[str] = Counter()
    for rate in rates:
        often[rate["failureClass"]] += rate["count"]
    places = {name: place for place, (name, _) in enumerate(often.most_common())}
    return sorted(
        rates, key=lambda one: (places[one["failureClass"]], one["priority"], -one["count"])
    )


def rate_row(rate: Line) -> VdomDict:
    where = f" at {rate['provider']}" if rate["provider"] else ""
    share = rate["successRate"]
    times = f"{plural(rate['count'], 'time')}, helped {count(rate['healed'])}"
    return html.li(
        {"key": f"{rate['failureClass']} {rate['action']} {rate['provider']}"},
        html.span(
            {"className": "name"},
            f"{action_name(rate['action'])}: {class_name(rate['failureClass'])}",
        ),
        html.span({"className": "sum"}, f"{share:.0f} %"),
        html.span(
            {"className": "share-bar", "aria-hidden": "true"},
            html.i({"style": {"width": f"{share:.1f}%"}}),
        ),
        html.small(f"{times}{where}"),
        html.small(f"priority {rate['priority']}"),
    )


def incident_row(incident: Line, close: Any) -> VdomDict:
    """`close` opens the form to close this one."""
    bot = incident.get("bot") or {}
    closed = incident["resolvedAt"]
    return html.li(
        {"key": incident["id"], "data-closed": "yes" if closed else "no"},
        bot_tile(bot.get("name", "?"), bot.get("icon")),
        html.div(
            html.p(
                html.a(
                    {"href": f"/executions/{incident['executionId']}"},
                    html.code(incident["name"]),
                    f" in {bot.get('name', 'a deleted bot')}",
                ),
                " ",
                html.span({"className": "chip"}, class_name(incident["failureClass"])),
            ),
            html.p(worded(incident["message"])),
            html.p({"className": "muted"}, _done(incident), _closing(incident)),
        ),
        html.span({"className": "muted"}, ago(incident["createdAt"])),
        html.button({"className": "button small", "type": "button", "onClick": close}, "Close…")
        if incident["viewerCan"]["resolve"]
        else "",
    )


def _done(incident: Line) -> Any:
    if not incident["action"]:
        return "No repair was tried."
    mark = icon("circle-check" if incident["healed"] else "circle-x")
    if incident["action"] == CAUGHT:
        ended = "and went on." if incident["healed"] else "and failed after that."
        return html.span(mark, f" The program caught this with try {ended}")
    by_itself = " by itself" if incident["automatic"] else " as a person asked"
    ended = "and that helped." if incident["healed"] else "and that did not help."
    return html.span(mark, f" {action_name(incident['action'])}{by_itself}, {ended}")


def _closing(incident: Line) -> Any:
    if not incident["resolvedAt"]:
        return ""
    note: Any = html.q(incident["note"]) if incident["note"] else ""
    return html.span(
        f" Closed by {incident['resolvedBy']} ", ago(incident["resolvedAt"]), " ", note
    )
