"""What the pages of the settings share: their tabs, a pager, the words of a role."""

from collections.abc import Callable
from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.components.blocks import notice, page_head, skeleton
from frontend.kit.elements import icon
from frontend.kit.query import Answer

TABS = (
    ("/settings/members", "Members", "users"),
    ("/settings/tokens", "API tokens", "key-round"),
    ("/settings/account", "Your account", "user"),
    ("/settings/audit", "Audit log", "scroll-text"),
    ("/settings/limits", "Limits", "scale"),
    ("/settings/workspace", "Workspace", "settings"),
)
ROLES = {
    "OWNER": "Owner",
    "ADMIN": "Admin",
    "EDITOR": "Editor",
    "OPERATOR": "Operator",
    "VIEWER": "Viewer",
}


def settings_page(current: str, note: str, action: Any, *content: Any) -> VdomDict:
    name = next(name for path, name, _ in TABS if path == current)
    return html.div(
        {"className": "settings"},
        html.nav({"className": "tabs", "aria-label": "Settings"}, *_tabs(current)),
        page_head(name, note, *([action] if action else [])),
        *content,
    )


def _tabs(current: str) -> list[VdomDict]:
    found: list[VdomDict] = []
    for path, name, mark in TABS:
        attributes: dict[str, Any] = {"href": path, "key": path}
        if path == current:
            attributes["aria-current"] = "page"
        found.append(html.a(attributes, icon(mark), name))
    return found


def waiting(answer: Answer) -> Any:
    """What stands in the place of a list that is not there yet; None when it is."""
    if answer.data is not None:
        return None
    if answer.error:
        return notice(answer.error, lambda _event: answer.reload())
    return skeleton("row", 5)


def pager(info: dict[str, Any], pages: list[str | None], turn: Callable[[str | None], None]) -> Any:
    """`turn` takes the cursor of the next page, None to go back one."""
    if len(pages) == 1 and not info["hasNextPage"]:
        return ""

    def button(name: str, cursor: str | None, possible: bool) -> Any:
        attributes = {"className": "button small", "type": "button", "disabled": not possible}
        return html.button({**attributes, "onClick": lambda _event: turn(cursor)}, name)

    return html.nav(
        {"className": "pager", "aria-label": "Pages"},
        button("Back", None, len(pages) > 1),
        html.span(f"Page {len(pages)}"),
        button("Further", info.get("endCursor") or "", bool(info["hasNextPage"])),
    )


def table(names: tuple[str, ...], rows: list[Any]) -> VdomDict:
    head = [html.th({"key": name or "actions", "scope": "col"}, name) for name in names]
    return html.div(
        {"className": "table-wrap"},
        html.table({"className": "table"}, html.thead(html.tr(*head)), html.tbody(*rows)),
    )


def person(user: dict[str, Any], remark: Any = "") -> VdomDict:
    name = user["name"] or user["email"]
    return html.td(
        {"className": "who", "data-label": "Person"},
        html.div(
            html.span({"className": "avatar", "aria-hidden": "true"}, name[:1].upper()),
            html.span(html.strong(name), remark, html.small({"className": "muted"}, user["email"])),
        ),
    )


def row_button(word: str, on_click: Any, name: str, danger: bool = False) -> VdomDict:
    kind = "button small danger-text" if danger else "button small"
    attributes = {"className": kind, "type": "button", "aria-label": f"{word}: {name}"}
    return html.button({**attributes, "onClick": on_click}, word)
