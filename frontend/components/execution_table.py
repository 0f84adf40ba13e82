"""Executions as a table on wide screens and as a list of cards on a phone (the same markup)."""

from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.components.badges import bot_tile, status_pill
from frontend.format import ENDED, TRIGGERS, count, duration, spent
from frontend.kit.elements import ago, elapsed, icon

HEADINGS = ("Status", "Bot", "Started", "Duration", "Tokens", "Cost", "Trigger")
MODES = {"DEMO": "The demo model answered", "RECORDED": "Recorded answers, at no cost"}
DELETED = {"name": "Deleted bot", "icon": None}
NUMBERS = {"Duration", "Tokens", "Cost"}


def execution_table(
    executions: list[dict[str, Any]], with_bot: bool = True, choosing: bool = False
) -> VdomDict:
    names = [name for name in HEADINGS if with_bot or name not in {"Bot", "Trigger"}]
    slowest = max([entry.get("durationMs") or 0 for entry in executions], default=0)
    head = [
        html.th({"key": name, "scope": "col", "className": "num" if name in NUMBERS else ""}, name)
        for name in names
    ]
    if choosing:
        hidden = html.span({"className": "visually-hidden"}, "Choose")
        head.insert(0, html.th({"key": "box", "scope": "col", "className": "box"}, hidden))
    rows = [_row(entry, with_bot, slowest, choosing) for entry in executions]
    return html.div(
        {"className": "table-wrap"},
        html.table(
            {"className": "table" if with_bot else "table compact"},
            html.thead(html.tr(*head)),
            html.tbody(*rows),
        ),
    )


def _row(entry: dict[str, Any], with_bot: bool, slowest: float, choosing: bool) -> VdomDict:
    cells = [
        *([_box(entry)] if choosing else []),
        _status(entry, cover=not with_bot),
        *([_bot(entry)] if with_bot else []),
        html.td({"data-label": "Started"}, ago(entry.get("startedAt") or entry["createdAt"])),
        _duration(entry, slowest),
        html.td(
            {"className": "num", "data-label": "Tokens"},
            count((entry.get("usage") or {}).get("totalTokens")),
        ),
        html.td({"className": "num", "data-label": "Cost"}, spent(entry.get("usage"))),
    ]
    if with_bot:
        kind = entry.get("triggerKind") or ""
        words = TRIGGERS.get(kind, kind.capitalize())
        cells.append(html.td({"data-label": "Trigger"}, words, *_mode(entry)))
    return html.tr({"key": entry["id"], "data-execution": entry["id"]}, *cells)


def _box(entry: dict[str, Any]) -> VdomDict:
    name = (entry["bot"] or DELETED)["name"]
    return html.td(
        {"className": "box"},
        html.button(
            {
                "className": "pick",
                "type": "button",
                "role": "checkbox",
                "aria-checked": "false",
                "aria-label": f"Choose this execution of {name}",
                "title": "Choose (x)",
                "data-select": entry["id"],
            },
            icon("check"),
        ),
    )


def _status(entry: dict[str, Any], cover: bool) -> VdomDict:
    pill = status_pill(entry["status"])
    if cover:
        pill = html.span(pill, *_mode(entry))
    if not cover:
        return html.td({"data-label": "Status"}, pill)
    link = html.a({"href": f"/executions/{entry['id']}", "className": "cover"}, pill)
    return html.td({"data-label": "Status"}, link)


def _mode(entry: dict[str, Any]) -> list[Any]:
    mode = entry.get("mode") or "LIVE"
    chip = html.span({"className": "chip", "title": MODES.get(mode, "")}, mode.lower())
    return [] if mode == "LIVE" else [" ", chip]


def _bot(entry: dict[str, Any]) -> VdomDict:
    bot = entry["bot"] or DELETED
    error = entry.get("error")
    why: Any = html.small({"className": "why"}, error["message"]) if error else ""
    link = html.a({"href": f"/executions/{entry['id']}", "className": "cover"}, bot["name"])
    return html.td(
        {"data-label": "Bot", "className": "who"},
        html.div(bot_tile(bot["name"], bot.get("icon")), html.span(link, why), *_below(entry)),
    )


def _below(entry: dict[str, Any]) -> list[Any]:
    """Another bot has started it."""
    if entry.get("triggerKind") != "PARENT":
        return []
    words = "Started by another bot, whose execution shows its steps too"
    return [html.span({"className": "chip below", "title": words}, icon("bot"), "sub-bot")]


def _duration(entry: dict[str, Any], slowest: float) -> VdomDict:
    took = entry.get("durationMs")
    if entry["status"] in ENDED or not entry.get("startedAt"):
        words: Any = duration(took)
    else:
        words = elapsed(entry["startedAt"])
    share = round(100 * (took or 0) / slowest) if slowest else 0
    bar: Any = (
        html.i({"className": "share", "style": {"width": f"{share}%"}, "aria-hidden": "true"})
        if share
        else ""
    )
    return html.td({"className": "num took", "data-label": "Duration"}, words, bar)
