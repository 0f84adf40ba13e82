"""What failed: again and again, how often a repair helped, and each single time."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

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
# Where no step tells of the failure.
WHOLE = "the whole execution"
PERIODS = {"HOUR": 48, "DAY": 30, "WEEK": 26, "MONTH": 12}
ACTIONS = {
    "retry": "Tried again",
    "fallback": "Another model",
    "skip": "Went on without it",
    "continue": "Went on with a value",
    "collect": "Kept its error as its result",
    "edit_and_retry": "Tried again with something else",
    "repair": "Asked to mend the answer",
    CAUGHT: "Caught by a try",
}


def class_name(value: str) -> str:
    return CLASSES.get(value, value.replace("_", " ").capitalize())


def action_name(value: str) -> str:
    return ACTIONS.get(value) or value.replace("_", " ").capitalize()


def pattern_card(
    pattern: Line, bot: str | None, close: Any, period: str, now: datetime
) -> VdomDict:
    """`bot` is the bot's name; none when it was deleted. `close` opens the form to close all."""
    open_ones = pattern["unresolved"]
    name = bot or "A deleted bot"
    return html.li(
        {
            "className": "card pattern",
            "key": f"{pattern['botId']} {pattern['name']} {pattern['kind']}",
        },
        html.header(
            html.h3(_named(pattern["name"]), " in ", name),
            html.span({"className": "chip"}, class_name(pattern["failureClass"])),
        ),
        html.p(
            html.strong(f"{count(pattern['count'])} times"),
            html.span({"className": "muted"}, " the last ", ago(pattern["lastAt"])),
        ),
        _bars(pattern["byPeriod"], period, now),
        html.p({"className": "muted"}, html.code(pattern["kind"])),
        html.footer(
            html.a(
                {"href": _those_of(pattern, period)},
                f"{count(open_ones)} open" if open_ones else "Show them",
            ),
            html.button(
                {"className": "button small", "type": "button", "onClick": close}, "Close all…"
            )
            if pattern["viewerCan"]["resolve"]
            else "",
        ),
    )


def _those_of(pattern: Line, period: str) -> str:
    same = {"bot": pattern["botId"], "name": pattern["name"], "kind": pattern["kind"]}
    return f"/incidents?{urlencode({**same, 'by': period.lower()})}"


def _named(name: str) -> Any:
    return name if name == WHOLE else html.code(name)


def every_period(period: str, now: datetime) -> list[datetime]:
    """When each of those that are shown begins, in UTC, the present one last."""
    at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if period != "HOUR":
        at = at.replace(hour=0)
    if period == "WEEK":
        at -= timedelta(days=at.weekday())
    found = list[datetime]()
    for _ in range(PERIODS[period]):
        at = at.replace(day=1) if period == "MONTH" else at
        found.append(at)
        at -= timedelta(**{"HOUR": {"hours": 1}, "WEEK": {"days": 7}}.get(period, {"days": 1}))
    return found[::-1]


def _bars(periods: list[Line], period: str, now: datetime) -> VdomDict:
    """Also where there was nothing, so that a gap is seen as one."""
    counts = {moment(one["beginsAt"]): one["count"] for one in periods}
    shown = [(at, counts.get(at, 0)) for at in every_period(period, now)]
    top = max(1, *(times for _, times in shown))
    bars = [
        html.i(
            {
                "key": f"{at:%Y%m%d%H}",
                "style": {"height": f"{max(8, round(100 * times / top)) if times else 0}%"},
                "title": f"{_when(at, period)}: {times}",
            }
        )
        for at, times in shown
    ]
    first = _when(shown[0][0], period)
    said = f"Counts by {period.lower()} since {first}, at most {top} in one"
    return html.div(
        html.div({"className": "pattern-bars", "role": "img", "aria-label": said}, *bars),
        html.small({"className": "muted"}, f"By {period.lower()}, {first} until now"),
    )


def _when(at: datetime, period: str) -> str:
    return f"{at:%d %b %H:%M} UTC" if period == "HOUR" else f"{at:%d %b %Y}"


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
                    _named(incident["name"]),
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
