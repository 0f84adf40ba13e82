"""Who changed what: filtered, with the state before and after side by side."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from reactpy import component, html, use_state

from frontend.components.blocks import empty
from frontend.components.settings import pager, settings_page, waiting
from frontend.kit.elements import ago, icon
from frontend.kit.handlers import message
from frontend.kit.js import Select, TextField
from frontend.kit.place import Nav, use_nav
from frontend.kit.query import use_query

HERE = "/settings/audit"
PAGE = 50
VIA = {"SESSION": "Browser", "TOKEN": "Token", "COMMAND_LINE": "Command line", "SYSTEM": "Server"}
SINCE = {"": "Any time", "1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}
KINDS = {
    "": "Everything",
    "bot": "Bots",
    "bundle": "Bundles",
    "recording": "Recordings",
    "chat": "Conversations",
    "connection": "Connections",
    "budget": "Budgets",
    "price": "Prices",
    "approval": "Approvals",
    "incident": "Incidents",
    "member": "Members",
    "invitation": "Invitations",
    "token": "API tokens",
    "session": "Sessions",
    "user": "Accounts",
    "workspace": "Workspace",
    "secrets": "Secret key",
}
LONGEST = 400


@component
def AuditPage() -> Any:
    nav = use_nav()
    first: list[str | None] = [None]
    pages, set_pages = use_state(first)
    now, _ = use_state(lambda: datetime.now(UTC))
    where = filter_of(nav, now)
    answer = use_query("audit_log", {"first": PAGE, "after": pages[-1], "filter": where})

    def turn(cursor: str | None) -> None:
        set_pages(pages[:-1] if cursor is None else [*pages, cursor])

    nothing = waiting(answer)
    found = (answer.data or {}).get("auditLog", {"nodes": [], "pageInfo": {"hasNextPage": False}})
    return settings_page(
        HERE,
        "Who changed what, when and from where. Entries are never changed or deleted.",
        _downloads(nav, now),
        Filters(nav, lambda: set_pages([None]), key="filters"),
        nothing if nothing is not None else _list(found["nodes"], bool(where)),
        pager(found["pageInfo"], pages, turn),
    )


def filter_of(nav: Nav, now: datetime) -> dict[str, Any]:
    where: dict[str, Any] = {}
    if kind := nav.query("kind"):
        where["subjectKind"] = {"eq": kind}
    if (via := nav.query("via")) in VIA:
        where["via"] = {"eq": via}
    if text := nav.query("text"):
        where["text"] = {"contains": text}
    if since := _since(nav, now):
        where["createdAt"] = {"gte": since}
    return where


def _since(nav: Nav, now: datetime) -> str:
    days = nav.query("since") or ""
    if days not in SINCE or not days:
        return ""
    return (now - timedelta(days=int(days))).isoformat().replace("+00:00", "Z")


@component
def Filters(nav: Nav, reset: Any) -> Any:
    def to(name: str) -> Any:
        @message
        async def picked(found: dict[str, Any]) -> None:
            reset()
            nav.go(HERE, {**nav.place.query, name: found["value"].strip()}, replace=True)

        return picked

    def choice(name: str, label: str, words: dict[str, str]) -> Any:
        options = [{"value": value, "label": text} for value, text in words.items()]
        return Select(
            {
                "label": label,
                "quietLabel": True,
                "value": nav.query(name) or "",
                "options": options,
                "onChange": to(name),
                "key": name,
            }
        )

    return html.div(
        {"className": "filters audit-filters"},
        html.div(
            {"className": "filter", "data-filter": "yes", "key": "text"},
            TextField(
                {
                    "label": "Search names, actions, addresses and reasons",
                    "quietLabel": True,
                    "placeholder": "Search",
                    "icon": "search",
                    "value": nav.query("text") or "",
                    "wait": 300,
                    "onChange": to("text"),
                }
            ),
        ),
        choice("kind", "What", KINDS),
        choice("via", "How", {"": "Any way in", **VIA}),
        choice("since", "When", SINCE),
    )


def _downloads(nav: Nav, now: datetime) -> Any:
    via = (nav.query("via") or "").lower().replace("_", " ")
    given = {"kind": nav.query("kind"), "text": nav.query("text"), "via": via}
    query = {name: text for name, text in (given | {"since": _since(nav, now)}).items() if text}
    tail = f"?{urlencode(query)}" if query else ""

    def link(form: str, name: str) -> Any:
        target = {"href": f"/exports/audit.{form}{tail}", "download": "", "key": form}
        return html.a({**target, "className": "button"}, icon("download"), name)

    return html.span({"className": "actions"}, link("csv", "CSV"), link("jsonl", "JSON lines"))


def _list(rows: list[dict[str, Any]], narrowed: bool) -> Any:
    if rows:
        return html.ol({"className": "panel audit"}, *[_entry(row) for row in rows])
    if narrowed:
        clear = html.a({"className": "button primary", "href": HERE}, "Clear the filter")
        return empty("funnel", "Nothing matches", "Only the filter hides the entries.", clear)
    return empty("scroll-text", "Nothing yet", "Every change will stand here.")


def _entry(row: dict[str, Any]) -> Any:
    changed = changes(row["before"], row["after"])
    way = VIA[row["via"]] + (f", {row['address']}" if row["address"] else "")
    head = (
        html.strong(row["actor"]),
        html.code(row["action"]),
        html.span({"className": "subject"}, row["subject"]),
        html.span({"className": "muted way"}, way),
        html.span({"className": "when"}, ago(row["createdAt"])),
    )
    if not changed and not row["reason"]:
        return html.li({"key": row["id"], "data-action": row["action"]}, html.div(*head))
    reason: Any = html.p({"className": "reason"}, "“", row["reason"], "”") if row["reason"] else ""
    return html.li(
        {"key": row["id"], "data-action": row["action"]},
        html.details(html.summary(*head), reason, _diff(changed) if changed else ""),
    )


def changes(before: Any, after: Any) -> list[tuple[str, str | None, str | None]]:
    """Each part that is not the same, with how it was and how it became; None: it was not there."""
    was, is_now = _parts(before), _parts(after)
    names = list(dict.fromkeys([*was, *is_now]))
    return [(n, was.get(n), is_now.get(n)) for n in names if was.get(n) != is_now.get(n)]


def _parts(value: Any, name: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for key, item in value.items():
            found |= _parts(item, f"{name}.{key}" if name else str(key))
        return found
    if value is None:
        return {}
    if isinstance(value, list):
        text = ", ".join(str(item) for item in value)
    else:
        text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return {name or "value": text if len(text) <= LONGEST else f"{text[:LONGEST]}…"}


def _diff(found: list[tuple[str, str | None, str | None]]) -> Any:
    """A column that would be empty is left out: what is new was nothing before."""
    was = any(old is not None for _, old, _ in found)
    now = any(new is not None for _, _, new in found)
    lines = [
        html.tr(
            {"key": name},
            html.th({"scope": "row"}, name),
            html.td({"className": "was"}, html.del_(old) if old is not None else "") if was else "",
            html.td({"className": "is"}, html.ins(new) if new is not None else "") if now else "",
        )
        for name, old, new in found
    ]
    heads = ["Part", *(["Before"] if was else []), *(["After"] if now else [])]
    head = [html.th({"scope": "col", "key": name}, name) for name in heads]
    return html.table({"className": "diff-table"}, html.thead(html.tr(*head)), html.tbody(*lines))
