"""The people of the workspace, who is asked in, and what each role may."""

from typing import Any

from reactpy import component, html, use_state

from frontend.components.settings import (
    ROLES,
    pager,
    person,
    row_button,
    settings_page,
    table,
    waiting,
)
from frontend.format import plural
from frontend.kit.elements import ago, icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import Select
from frontend.kit.messages import use_messages
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.member_dialogs import InviteDialog, LinkDialog, RemoveDialog, TransferDialog

HERE = "/settings/members"
PAGE = 50


@component
def MembersPage() -> Any:
    first: list[str | None] = [None]
    pages, set_pages = use_state(first)
    who = use_query("shell")
    manages = bool(((who.data or {}).get("viewer") or {}).get("viewerCan", {}).get("manageMembers"))
    answer = use_query(
        "members", {"first": PAGE, "after": pages[-1], "manage": manages}, who.data is not None
    )
    if (empty := waiting(answer)) is not None:
        return settings_page(HERE, "", "", empty)

    def turn(cursor: str | None) -> None:
        set_pages(pages[:-1] if cursor is None else [*pages, cursor])

    return Members(answer, manages, lambda info: pager(info, pages, turn))


@component
def Members(answer: Answer, manages: bool, paged: Any) -> Any:
    nothing: dict[str, Any] = {}
    dialog, set_dialog = use_state(nothing)
    data = answer.data or {}
    people = data["members"]

    def opened(what: str, **more: Any) -> Any:
        return lambda _event: set_dialog({"what": what, **more})

    def closed(changed: bool = False, **then: Any) -> None:
        set_dialog(then)
        if changed:
            answer.reload()

    invite = html.button(
        {"className": "button primary", "type": "button", "onClick": opened("invite")},
        icon("plus"),
        "Invite somebody",
    )
    rows = [
        MemberRow(row, data["viewer"]["role"], opened, answer.reload, key=row["id"])
        for row in people["nodes"]
    ]
    return settings_page(
        HERE,
        plural(people["totalCount"], "person").replace("persons", "people"),
        invite if manages else "",
        table(("Person", "Role", "Last seen", "Here since", ""), rows),
        paged(people["pageInfo"]),
        _invited((data.get("invitations") or {}).get("nodes", []), opened),
        _roles(data["roles"]),
        _dialog(dialog, data, closed),
    )


@component
def MemberRow(row: dict[str, Any], own: str, opened: Any, reload: Any) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    user, can = row["user"], row["viewerCan"]
    name = user["name"] or user["email"]

    async def picked(found: dict[str, Any]) -> None:
        values = {"memberId": row["id"], "role": found["value"]}
        try:
            await client.mutate("change_member_role", values)
            messages.say(f"{name} is {ROLES[found['value']].lower()} from now on.")
        finally:
            reload()

    role: Any = ROLES[row["role"]]
    if can["changeRole"]:
        role = Select(
            {
                "label": f"Role of {name}",
                "quietLabel": True,
                "value": row["role"],
                "options": role_options(own),
                "onChange": guard.js(picked),
            }
        )
    you: Any = html.span({"className": "chip"}, "you") if row["isViewer"] else ""
    seen = ago(row["lastSeenAt"]) or html.span({"className": "muted"}, "never")
    acts: list[Any] = []
    if can["transfer"] and row["role"] != "OWNER":
        acts.append(row_button("Hand over", opened("transfer", row=row), name))
    if can["remove"] and not row["isViewer"]:
        acts.append(row_button("Remove", opened("remove", row=row), name, danger=True))
    return html.tr(
        {"data-member": user["email"]},
        person(user, you),
        html.td({"data-label": "Role", "className": "role"}, role),
        html.td({"data-label": "Last seen"}, seen),
        html.td({"data-label": "Here since"}, ago(row["createdAt"])),
        html.td({"className": "row-actions"}, *acts),
    )


def role_options(own: str) -> list[dict[str, str]]:
    """Nobody gives a role above their own."""
    names = list(ROLES)
    return [{"value": one, "label": ROLES[one]} for one in names[names.index(own) :]]


def _invited(rows: list[dict[str, Any]], opened: Any) -> Any:
    if not rows:
        return ""
    lines = [
        html.tr(
            {"key": row["id"], "data-invitation": row["email"]},
            html.td({"className": "who", "data-label": "For"}, row["email"]),
            html.td({"data-label": "Role"}, ROLES[row["role"]]),
            html.td({"data-label": "By"}, row["invitedBy"]["name"] or row["invitedBy"]["email"]),
            html.td({"data-label": "Made"}, ago(row["createdAt"])),
            html.td(
                {"className": "row-actions"},
                row_button("Withdraw", opened("withdraw", row=row), row["email"], danger=True),
            ),
        )
        for row in rows
    ]
    return html.section(
        html.h2({"className": "section-head"}, "Invited, not here yet"),
        table(("For", "Role", "By", "Made", ""), lines),
        html.p(
            {"className": "muted"},
            "A link works for seven days and was shown once; invite again to make a new one.",
        ),
    )


def _roles(roles: list[dict[str, Any]]) -> Any:
    most = roles[0]["rights"]
    allowed = {role["role"]: {right["scope"] for right in role["rights"]} for role in roles}
    head = [html.th({"scope": "col", "key": r["role"]}, ROLES[r["role"]]) for r in roles]
    lines = [
        html.tr(
            {"key": right["scope"]},
            html.th({"scope": "row"}, right["description"].capitalize(), html.code(right["scope"])),
            *[_mark(right["scope"] in allowed[role["role"]], role["role"]) for role in roles],
        )
        for right in most
    ]
    words = [
        html.li({"key": r["role"]}, html.strong(ROLES[r["role"]]), f" {r['description']}")
        for r in roles
    ]
    return html.details(
        {"className": "roles"},
        html.summary("What each role may"),
        html.ul({"className": "role-words"}, *words),
        html.div(
            {"className": "table-wrap", "tabIndex": 0, "role": "region", "aria-label": "Roles"},
            html.table(
                {"className": "table matrix"},
                html.thead(html.tr(html.th({"scope": "col"}, "May"), *head)),
                html.tbody(*lines),
            ),
        ),
    )


def _mark(allowed: bool, key: str) -> Any:
    word = html.span({"className": "visually-hidden"}, "yes" if allowed else "no")
    return html.td({"key": key, "className": "mark"}, icon("check") if allowed else "–", word)


def _dialog(dialog: dict[str, Any], data: dict[str, Any], closed: Any) -> Any:
    row = dialog.get("row")
    match dialog.get("what"):
        case "invite":
            return InviteDialog(role_options(data["viewer"]["role"]), data["roles"], closed)
        case "link":
            return LinkDialog(dialog, closed)
        case "remove":
            return RemoveDialog(row, False, closed)
        case "withdraw":
            return RemoveDialog(row, True, closed)
        case "transfer":
            return TransferDialog(row, closed)
        case _:
            return ""
