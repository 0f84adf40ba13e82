"""The workspace: its name and time zone, the person's other ones, a new one, leaving."""

from typing import Any
from zoneinfo import available_timezones

from reactpy import component, html, use_state

from frontend.components.settings import ROLES, settings_page, table, waiting
from frontend.kit.elements import icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.connection_dialogs import sent, use_answer

HERE = "/settings/workspace"


@component
def WorkspacePage() -> Any:
    answer = use_query("workspace")
    if (nothing := waiting(answer)) is not None:
        return settings_page(HERE, "", "", nothing)
    return Places(answer)


@component
def Places(answer: Answer) -> Any:
    dialog, set_dialog = use_state("")
    data = answer.data or {}
    place, manages = data["viewer"]["workspace"], data["viewer"]["viewerCan"]["manageMembers"]

    def opened(what: str) -> Any:
        return lambda _event: set_dialog(what)

    def closed(changed: bool = False) -> None:
        set_dialog("")
        if changed:
            answer.reload()

    make = html.button(
        {"className": "button", "type": "button", "onClick": opened("create")},
        icon("plus"),
        "New workspace",
    )
    edit = html.button(
        {"className": "button small", "type": "button", "onClick": opened("edit")}, "Change"
    )
    leave = html.button(
        {"className": "button small danger-text", "type": "button", "onClick": opened("leave")},
        "Leave this workspace",
    )
    rows = [_row(row) for row in data["workspaces"]["nodes"]]
    return settings_page(
        HERE,
        place["name"],
        make,
        html.article(
            {"className": "card account-card"},
            html.h2(place["name"]),
            html.p(f"Time zone {place['timezone']}. You are {ROLES[data['viewer']['role']]} here."),
            html.div({"className": "actions"}, edit if manages else "", leave),
        ),
        html.h2({"className": "section-head"}, "Your workspaces"),
        table(("Workspace", "Your role", ""), rows),
        _dialog(dialog, place, closed),
    )


def _row(row: dict[str, Any]) -> Any:
    place = row["workspace"]
    return html.tr(
        {"key": place["id"], "data-workspace": place["name"]},
        html.td({"className": "who", "data-label": "Workspace"}, html.strong(place["name"])),
        html.td({"data-label": "Your role"}, ROLES[row["role"]]),
        html.td(
            {"className": "row-actions"},
            html.span({"className": "chip"}, "you are here")
            if row["current"]
            else switch_form(place, "Go there", "button small"),
        ),
    )


def switch_form(place: dict[str, Any], word: str, kind: str) -> Any:
    """A plain form: every tab of the browser begins anew in the other workspace."""
    return html.form(
        {"action": "/switch", "method": "post", "key": place["id"]},
        html.button(
            {
                "className": kind,
                "type": "submit",
                "name": "workspace",
                "value": place["id"],
                "aria-label": f"Go to {place['name']}",
            },
            word,
        ),
    )


def _dialog(dialog: str, place: dict[str, Any], closed: Any) -> Any:
    match dialog:
        case "create":
            return PlaceDialog(None, closed)
        case "edit":
            return PlaceDialog(place, closed)
        case "leave":
            return LeaveDialog(place, closed)
        case _:
            return ""


@component
def PlaceDialog(place: dict[str, Any] | None, closed: Any) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def save(found: dict[str, Any]) -> None:
        values = {name: found["values"].get(name) or None for name in ("name", "timezone")}
        if place is None:
            values["name"] = values["name"] or ""
            payload = await client.mutate("create_workspace", values)
            name = payload["membership"]["workspace"]["name"]
            messages.say(f"{name} is there. Go to it from the list.")
        else:
            await client.mutate("change_workspace", values)
            messages.say("The workspace is changed.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed()

    found = place or {"name": "", "timezone": "UTC"}
    zones = sorted(zone for zone in available_timezones() if "/" in zone)
    fields = [
        {"name": "name", "label": "Name", "type": "text", "value": found["name"], "required": True},
        {"name": "timezone", "label": "Time zone", "type": "text", "value": found["timezone"],
         "suggestions": zones, "help": "Such as Europe/Berlin. Schedules use it."},
    ]  # fmt: skip
    return FormDialog(
        {
            "title": "Change the workspace" if place else "New workspace",
            "text": "" if place else "Nothing in it can be seen from another one. You own it.",
            "fields": fields,
            "confirm": "Save" if place else "Make it",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


@component
def LeaveDialog(place: dict[str, Any], closed: Any) -> Any:
    client, guard = use_client(), use_guard()
    answer, tell = use_answer()

    async def leave(_found: dict[str, Any]) -> None:
        await client.mutate("leave_workspace", {"workspaceId": place["id"]})
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed()

    return FormDialog(
        {
            "title": f"Leave {place['name']}?",
            "text": "You cannot come back without an invitation. Your API tokens here end; what "
            "you made stays.",
            "fields": [],
            "confirm": "Leave",
            "danger": True,
            "answer": answer,
            "onSubmit": sent(guard, tell, leave),
            "onClose": guard.js(close),
        }
    )
