"""Incidents: what fails again and again, whether repairs help, and what nobody has closed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlencode

from reactpy import component, html, use_state

from frontend.components.blocks import empty, notice, page_head, section_row, skeleton
from frontend.components.incidents import (
    CLASSES,
    incident_row,
    pattern_card,
    rate_row,
    rates_in_order,
)
from frontend.format import plural
from frontend.kit.js import Watch
from frontend.kit.place import Nav, use_nav
from frontend.kit.query import Answer, use_query
from frontend.pages.incident_dialogs import CloseDialog, Closing, every, one
from frontend.pages.older_incidents import Older, use_older

Close = Callable[[Closing], Any]
SHOWN = 50
SHOWN_PATTERNS = 6
DAYS = {"HOUR": 2, "DAY": 30, "WEEK": 180, "MONTH": 365}
PERIODS = {"HOUR": "By hour", "DAY": "By day", "WEEK": "By week", "MONTH": "By month"}
STATES = {"open": ("Open", False), "closed": ("Closed", True), "all": ("All", None)}


@component
def IncidentsPage() -> Any:
    nav = use_nav()
    closing, set_closing = use_state(cast(Closing | None, None))
    period = period_of(nav)
    answer = use_query(
        "incidents",
        {"first": SHOWN, "filter": filter_of(nav), "days": DAYS[period], "period": period},
    )
    older = use_older(answer, filter_of(nav))
    bots = use_query("shell")

    def close(what: Closing) -> Any:
        return lambda _event: set_closing(what)

    async def changed(_text: str = "") -> None:
        answer.reload()

    def closed(saved: bool) -> None:
        set_closing(None)
        if saved:
            answer.reload()

    return html.div(
        page_head("Incidents", _note(answer), _periods(nav, period)),
        Watch({"onChange": changed}),
        _body(nav, answer, older, bots, close),
        CloseDialog(closing, closed, key=closing.key) if closing else "",
    )


def period_of(nav: Nav) -> str:
    wanted = (nav.query("by") or "").upper()
    return wanted if wanted in PERIODS else "DAY"


def filter_of(nav: Nav) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    _words, resolved = STATES.get(nav.query("state") or "open", STATES["open"])
    if resolved is not None:
        wanted["resolved"] = resolved
    if bot := nav.query("bot"):
        wanted["botId"] = bot
    if (kind := nav.query("class") or "") in CLASSES:
        wanted["failureClass"] = {"eq": kind}
    for word in ("name", "kind"):
        if value := nav.query(word):
            wanted[word] = {"eq": value}
    return wanted


def _address(nav: Nav, **changes: str | None) -> str:
    query = {**nav.place.query, **changes}
    words = urlencode({name: value for name, value in query.items() if value})
    return f"/incidents?{words}" if words else "/incidents"


def _note(answer: Answer) -> str:
    if answer.data is None:
        return ""
    return "Each is something that failed, with what was done about it and whether that helped."


def _choice(label: str, links: list[Any]) -> Any:
    return html.nav({"className": "segmented", "aria-label": label}, *links)


def _link(target: str, words: str, here: bool) -> Any:
    attributes: dict[str, Any] = {"key": words, "href": target}
    return html.a({**attributes, **({"aria-current": "true"} if here else {})}, words)


def _periods(nav: Nav, period: str) -> Any:
    return _choice(
        "Counted",
        [_link(_address(nav, by=by.lower()), name, by == period) for by, name in PERIODS.items()],
    )


def _body(nav: Nav, answer: Answer, older: Older, bots: Answer, close: Close) -> Any:
    if answer.error and answer.data is None:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return html.div(skeleton("tall-card", 2))
    names = {
        bot["id"]: bot["name"] for bot in (bots.data or {"bots": {"nodes": []}})["bots"]["nodes"]
    }
    healing = answer.data["healing"]
    if (
        not answer.data["incidents"]["nodes"]
        and not healing["rates"]
        and not filter_of(nav).keys() - {"resolved"}
    ):
        return empty(
            "circle-check",
            "Nothing has failed lately",
            "When a step fails, it stands here with its cause, with what was tried by itself and "
            "with what helps.",
            html.a({"className": "button", "href": "/executions"}, "All executions"),
        )
    return html.div(
        _patterns(healing["patterns"], names, close, period_of(nav)),
        _list(nav, answer, older, close),
        _rates(healing),
    )


def _patterns(
    patterns: list[dict[str, Any]], names: dict[str, str], close: Close, period: str
) -> Any:
    if not patterns:
        return ""
    now = datetime.now(UTC)
    cards = [
        pattern_card(pattern, names.get(pattern["botId"]), close(every(pattern)), period, now)
        for pattern in patterns[:SHOWN_PATTERNS]
    ]
    return html.section(
        {"aria-label": "Again and again"},
        html.h2({"className": "section-head"}, "Again and again"),
        html.ul({"className": "patterns"}, *cards),
    )


def _list(nav: Nav, answer: Answer, older: Older, close: Close) -> Any:
    found = (answer.data or {})["incidents"]
    state = nav.query("state") or "open"
    tabs = [
        _link(_address(nav, state=name), words, name == state)
        for name, (words, _resolved) in STATES.items()
    ]
    narrowed: Any = (
        html.a({"className": "button small quiet", "href": "/incidents"}, "Show all of them")
        if filter_of(nav).keys() - {"resolved"}
        else ""
    )
    rows = [
        incident_row(incident, close(one(incident))) for incident in [*found["nodes"], *older.nodes]
    ]
    return html.section(
        {"aria-label": "Incidents"},
        html.div({"className": "filters"}, _choice("State", tabs), narrowed),
        html.ul({"className": "panel incidents"}, *rows)
        if rows
        else html.p({"className": "muted"}, "None here."),
        _more(older, found["totalCount"] - len(rows)),
    )


def _more(older: Older, rest: int) -> Any:
    if older.more is None:
        return ""
    button = html.button(
        {"className": "button", "type": "button", "onClick": older.more}, "Show more"
    )
    note = f"{plural(rest, 'older one')} {'follows' if rest == 1 else 'follow'} after these."
    return html.div({"className": "pager"}, html.span({"className": "muted"}, note), button)


def _rates(healing: dict[str, Any]) -> Any:
    tried = rates_in_order([rate for rate in healing["rates"] if rate["action"]])
    if not tried:
        return ""
    return html.section(
        {"aria-label": "Do repairs help?"},
        section_row("Do repairs help?", "In the order in which they are tried for each failure."),
        html.ul({"className": "panel cost-lines rates"}, *[rate_row(rate) for rate in tried]),
    )
