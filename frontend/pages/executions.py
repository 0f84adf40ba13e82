"""All executions: newest first, filtered by the address, read again when something changes."""

from typing import Any

from reactpy import component, html, use_state

from frontend.components.blocks import empty, notice, page_head, skeleton
from frontend.components.execution_table import execution_table
from frontend.format import TRIGGERS, plural
from frontend.kit.elements import icon
from frontend.kit.handlers import message
from frontend.kit.js import Now, RowKeys, Select, Watch
from frontend.kit.place import Nav, use_nav
from frontend.kit.query import Answer, use_query
from frontend.pages.bulk_executions import BulkExecutions, may_choose

PAGE_SIZE = 50
MODES = {"LIVE": "Live", "DEMO": "Demo", "RECORDED": "Recorded"}
SPANS = {"PT1H": "Last hour", "P1D": "Last 24 hours", "P7D": "Last 7 days", "P30D": "Last 30 days"}
FAMILIES = {"top": "Without sub-bots", "children": "Only sub-bots"}
GROUPS = {
    "running": ("Running", ["PENDING", "RUNNING", "WAITING", "PAUSED"]),
    "waiting": ("Waiting", ["WAITING", "PAUSED"]),
    "queued": ("Queued", ["PENDING"]),
    "completed": ("Completed", ["COMPLETED"]),
    "failed": ("Failed", ["FAILED", "TIMED_OUT"]),
    "cancelled": ("Cancelled", ["CANCELLED"]),
}


@component
def ExecutionsPage() -> Any:
    nav = use_nav()
    first: list[str | None] = [None]
    pages, set_pages = use_state(first)
    answer = use_query(
        "executions", {"first": PAGE_SIZE, "after": pages[-1], "filter": filter_of(nav)}
    )
    bots = use_query("shell")

    async def changed(_text: str = "") -> None:
        if len(pages) == 1:
            answer.reload()

    def turn(cursor: str | None) -> None:
        set_pages(pages[:-1] if cursor is None else [*pages, cursor])

    total = answer.data["executions"]["totalCount"] if answer.data else None
    nodes = answer.data["executions"]["nodes"] if answer.data else []
    choosing = may_choose(nodes)
    note = "" if total is None else plural(total, "execution")
    return html.div(
        page_head("Executions", note),
        Watch({"onChange": changed}),
        Now({}),
        RowKeys({"rows": "[data-execution] a.cover"}),
        _filters(nav, bots, lambda: set_pages([None])),
        _body(nav, answer, choosing),
        _pager(answer, pages, turn),
        BulkExecutions(nodes, total or 0, filter_of(nav), answer.reload, key="bulk")
        if choosing
        else "",
    )


def filter_of(nav: Nav) -> dict[str, Any]:
    """What the address asks for; a word that it does not know is as good as none."""
    wanted: dict[str, Any] = {}
    if group := GROUPS.get(nav.query("status") or ""):
        wanted["status"] = {"in": group[1]}
    if bot := nav.query("bot"):
        wanted["botId"] = bot
    if (mode := nav.query("mode")) in MODES:
        wanted["mode"] = {"eq": mode}
    if kinds := _kinds(nav.query("trigger"), nav.query("family")):
        wanted["triggerKind"] = {"in": kinds}
    if (since := nav.query("since")) in SPANS:
        wanted["createdAt"] = {"within": since}
    return wanted


def _kinds(trigger: str | None, family: str | None) -> list[str]:
    """A sub-bot is an execution that another bot has started."""
    if family == "children":
        return ["PARENT"]
    if trigger in TRIGGERS:
        return [trigger]
    return [kind for kind in TRIGGERS if kind != "PARENT"] if family == "top" else []


def _address(nav: Nav, **changes: str | None) -> str:
    query = {**nav.place.query, **changes}
    words = "&".join(f"{name}={value}" for name, value in query.items() if value)
    return f"/executions?{words}" if words else "/executions"


def _filters(nav: Nav, bots: Answer, reset: Any) -> Any:
    chosen = nav.query("status") or ""

    def tab(value: str, name: str) -> Any:
        attributes: dict[str, Any] = {"href": _address(nav, status=value or None)}
        if value == chosen:
            attributes["aria-current"] = "true"
        attributes["onClick"] = lambda _event: reset()
        return html.a({**attributes, "key": value or "all"}, name)

    names = {b["id"]: b["name"] for b in bots.data["bots"]["nodes"]} if bots.data else {}
    known = [(value, name) for value, name in nav.place.query.items() if value != "status"]
    picks = (
        ("bot", "Bot", "All bots", names),
        ("since", "Time", "Any time", SPANS),
        ("trigger", "Started by", "However started", TRIGGERS),
        ("mode", "Mode", "All modes", MODES),
        ("family", "Sub-bots", "With sub-bots", FAMILIES),
    )
    clear: Any = html.a({"className": "button quiet", "href": "/executions"}, icon("x"), "Clear")
    return html.div(
        {"className": "filters execution-filters"},
        html.nav(
            {"className": "segmented", "aria-label": "Status"},
            tab("", "All"),
            *[tab(value, name) for value, (name, _) in GROUPS.items()],
        ),
        html.div(
            {"className": "picks"},
            *[_pick(nav, reset, *pick) for pick in picks],
            clear if known else "",
        ),
    )


def _pick(nav: Nav, reset: Any, name: str, label: str, every: str, words: dict[str, str]) -> Any:
    @message
    async def picked(found: dict[str, Any]) -> None:
        reset()
        nav.go("/executions", {**nav.place.query, name: found["value"]})

    options = [{"value": value, "label": word} for value, word in words.items()]
    return Select(
        {
            "key": name,
            "label": label,
            "quietLabel": True,
            "value": nav.query(name) or "",
            "options": [{"value": "", "label": every}, *options],
            "onChange": picked,
        }
    )


def _body(nav: Nav, answer: Answer, choosing: bool) -> Any:
    if answer.error and answer.data is None:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return skeleton("row", 8)
    nodes = answer.data["executions"]["nodes"]
    if nodes:
        return execution_table(nodes, choosing=choosing)
    if filter_of(nav):
        return empty(
            "funnel",
            "Nothing matches this filter",
            "Only the filter hides the executions. Clear it to see all of them.",
            html.a({"className": "button primary", "href": "/executions"}, "Clear the filter"),
        )
    return empty(
        "activity",
        "Nothing has run yet",
        "Open a bot and press Run, or start from one that works.",
        html.a({"className": "button primary", "href": "/bots"}, "Choose a bot to run"),
    )


def _pager(answer: Answer, pages: list[str | None], turn: Any) -> Any:
    info = answer.data["executions"]["pageInfo"] if answer.data else {}
    more = info.get("hasNextPage")
    if len(pages) == 1 and not more:
        return ""

    def button(name: str, cursor: str | None, possible: bool) -> Any:
        return html.button(
            {
                "className": "button small",
                "type": "button",
                "disabled": not possible,
                "onClick": lambda _event: turn(cursor),
            },
            name,
        )

    return html.nav(
        {"className": "pager", "aria-label": "Pages"},
        button("Newer", None, len(pages) > 1),
        html.span(f"Page {len(pages)}"),
        button("Older", info.get("endCursor") or "", bool(more)),
    )
