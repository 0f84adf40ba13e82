"""What stands in the queue as a table on wide screens and as cards on a phone (the same markup)."""

from collections.abc import Callable
from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.components.badges import bot_tile, status_pill
from frontend.components.execution_table import DELETED
from frontend.format import TRIGGERS
from frontend.kit.elements import ago, elapsed, icon, left
from frontend.kit.js import Select

PRIORITIES = {9: "9, first", 5: "5, normal", 1: "1, last"}
REASONS = {
    "WORKERS_BUSY": ("Waits for a worker", "Every worker is busy, or one is about to take it."),
    "NO_WORKER": ("No worker is running", "Start one: baleybots worker"),
    "WORKERS_SHORT_OF_MEMORY": (
        "The workers are short of memory",
        "They take nothing new until they hold less.",
    ),
    "BOT_LIMIT": ("The bot's limit", "It runs as many at once as it may."),
    "KEY_LIMIT": ("The limit of its key", "The bot runs as many with this key as it may."),
    "NOT_DUE": ("Not due yet", "It waits for a time, such as that of the next try."),
}
SINCE = {True: "Since", False: "Running for"}
Change = Callable[[str, str], Any]


def queue_table(
    entries: list[dict[str, Any]], waiting: bool, change: Change, cancel: Callable[[Any], Any]
) -> VdomDict:
    names = ("Priority", "Bot", "Why it waits" if waiting else "Status", SINCE[waiting], "")
    head = [html.th({"key": str(n), "scope": "col"}, name) for n, name in enumerate(names)]
    rows = [_row(entry, waiting, change, cancel) for entry in entries]
    return html.div(
        {"className": "table-wrap"},
        html.table({"className": "table queue"}, html.thead(html.tr(*head)), html.tbody(*rows)),
    )


def _row(
    entry: dict[str, Any], waiting: bool, change: Change, cancel: Callable[[Any], Any]
) -> VdomDict:
    execution = entry["execution"]
    since = execution["createdAt"] if waiting else execution["startedAt"]
    age = ago(since) if waiting else elapsed(since)
    return html.tr(
        {"key": execution["id"], "data-execution": execution["id"]},
        html.td({"data-label": "Priority"}, _priority(execution, waiting, change)),
        _bot(execution),
        html.td({"data-label": "Why it waits" if waiting else "Status"}, *_why(entry)),
        html.td({"data-label": SINCE[waiting]}, age),
        html.td({"className": "act"}, _cancel(execution, cancel)),
    )


def _priority(execution: dict[str, Any], waiting: bool, change: Change) -> Any:
    now = execution["priority"]
    if not waiting or not execution["viewerCan"]["cancel"]:
        return html.span({"className": "priority"}, str(now))
    options = [
        {"value": str(one), "label": PRIORITIES.get(one, str(one))} for one in range(9, 0, -1)
    ]
    name = (execution["bot"] or DELETED)["name"]
    return html.div(
        {"className": "above"},
        Select(
            {
                "key": f"{execution['id']}{now}",
                "label": f"Priority of this execution of {name}",
                "quietLabel": True,
                "value": str(now),
                "options": options,
                "onChange": change(execution["id"], str(now)),
            }
        ),
    )


def _bot(execution: dict[str, Any]) -> VdomDict:
    bot = execution["bot"] or DELETED
    link = html.a({"href": f"/executions/{execution['id']}", "className": "cover"}, bot["name"])
    kind = execution.get("triggerKind") or ""
    words = [TRIGGERS.get(kind, kind.capitalize())]
    key = execution.get("concurrencyKey")
    chips: list[Any] = []
    if key:
        title = "Of the executions with this key only so many run at once"
        chips = [html.span({"className": "chip key", "title": title}, icon("key-round"), key)]
    about = html.small({"className": "about"}, *words)
    return html.td(
        {"data-label": "Bot", "className": "who"},
        html.div(bot_tile(bot["name"], bot.get("icon")), html.span(link, about), *chips),
    )


def _why(entry: dict[str, Any]) -> list[Any]:
    reason = entry.get("reason")
    if reason is None:
        return [status_pill(entry["execution"]["status"])]
    words, more = REASONS.get(reason, (reason.replace("_", " ").capitalize(), ""))
    until: list[Any] = [", for another ", left(entry["until"])] if entry.get("until") else []
    return [html.span({"className": "reason", "title": more}, words, *until)]


def _cancel(execution: dict[str, Any], cancel: Callable[[Any], Any]) -> Any:
    if not execution["viewerCan"]["cancel"]:
        return ""
    name = (execution["bot"] or DELETED)["name"]
    return html.button(
        {
            "className": "icon-button above",
            "type": "button",
            "aria-label": f"Cancel this execution of {name}",
            "title": "Cancel",
            "onClick": cancel(execution),
        },
        icon("circle-slash"),
    )
