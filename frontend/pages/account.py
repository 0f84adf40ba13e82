"""One's own account: name and address, password, and where one is signed in."""

from typing import Any

from reactpy import component, html, use_state

from frontend.components.settings import pager, row_button, settings_page, table, waiting
from frontend.kit.elements import ago, icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import Dialog, FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.connection_dialogs import sent, use_answer

HERE = "/settings/account"
PAGE = 50


@component
def AccountPage() -> Any:
    first: list[str | None] = [None]
    pages, set_pages = use_state(first)
    answer = use_query("sessions", {"first": PAGE, "after": pages[-1]})
    if (nothing := waiting(answer)) is not None:
        return settings_page(HERE, "", "", nothing)

    def turn(cursor: str | None) -> None:
        set_pages(pages[:-1] if cursor is None else [*pages, cursor])

    return Account(answer, lambda info: pager(info, pages, turn))


@component
def Account(answer: Answer, paged: Any) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    dialog, set_dialog = use_state("")
    data = answer.data or {}
    user, has_password = data["viewer"]["user"], data["viewer"]["hasPassword"]
    rows = data["sessions"]["nodes"]

    def closed(changed: bool = False) -> None:
        set_dialog("")
        if changed:
            answer.reload()

    def end(row: dict[str, Any]) -> Any:
        async def clicked() -> None:
            await client.mutate("revoke_session", {"sessionId": row["id"]})
            messages.say(f"The session on {row['device']} is over.")
            answer.reload()

        return guard.click(clicked)

    async def end_others(_found: dict[str, Any]) -> None:
        payload = await client.mutate("revoke_other_sessions", {})
        messages.say(f"{payload['ended']} other sessions ended.")
        closed(True)

    async def keep(_found: dict[str, Any]) -> None:
        set_dialog("")

    others = html.button(
        {"className": "button", "type": "button", "onClick": lambda _e: set_dialog("others")},
        icon("log-out"),
        "Sign out everywhere else",
    )
    ask: Any = {
        "profile": lambda: ProfileDialog(user, has_password, closed),
        "password": lambda: PasswordDialog(has_password, closed),
        "others": lambda: Dialog(
            {
                "title": "Sign out everywhere else?",
                "text": "Every session but this one ends at once.",
                "confirm": "Sign out there",
                "onConfirm": guard.js(end_others),
                "onClose": guard.js(keep),
            }
        ),
    }.get(dialog)
    return settings_page(
        HERE,
        user["email"],
        "",
        _cards(user, has_password, set_dialog),
        html.div(
            {"className": "section-row"},
            html.div(html.h2("Where you are signed in"), html.p("Each browser is a session.")),
            others if len(rows) > 1 else "",
        ),
        table(("Device", "Address", "Last seen", "Signed in", ""), [_row(r, end) for r in rows]),
        paged(data["sessions"]["pageInfo"]),
        ask() if ask else "",
    )


def _cards(user: dict[str, Any], has_password: bool, open_dialog: Any) -> Any:
    def card(heading: str, text: str, word: str, what: str) -> Any:
        button = {"className": "button small", "type": "button"}
        return html.article(
            {"className": "card account-card", "key": what},
            html.h2(heading),
            html.p(text),
            html.button({**button, "onClick": lambda _event: open_dialog(what)}, word),
        )

    name = f"{user['name'] or 'No name yet'}, {user['email']}"
    without = "You sign in with one-time links. With a password you need no terminal for that."
    return html.div(
        {"className": "account-cards"},
        card("Name and address", name, "Change", "profile"),
        card(
            "Password",
            "You can sign in with your address and your password." if has_password else without,
            "Change it" if has_password else "Set a password",
            "password",
        ),
    )


def _row(row: dict[str, Any], end: Any) -> Any:
    here: Any = html.span({"className": "chip"}, "this one") if row["current"] else ""
    return html.tr(
        {"key": row["id"], "data-session": row["device"]},
        html.td(
            {"className": "who", "data-label": "Device"}, html.strong(row["device"]), " ", here
        ),
        html.td({"data-label": "Address"}, row["address"] or "unknown"),
        html.td({"data-label": "Last seen"}, ago(row["lastSeenAt"])),
        html.td({"data-label": "Signed in"}, ago(row["createdAt"])),
        html.td(
            {"className": "row-actions"},
            "" if row["current"] else row_button("End", end(row), row["device"], danger=True),
        ),
    )


@component
def ProfileDialog(user: dict[str, Any], has_password: bool, closed: Any) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def save(found: dict[str, Any]) -> None:
        given = found["values"]
        values = {"name": given.get("name"), "email": given.get("email")}
        if given.get("currentPassword"):
            values["currentPassword"] = given["currentPassword"]
        await client.mutate("change_profile", values)
        messages.say("Your account is changed.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed()

    fields: list[dict[str, Any]] = [
        {"name": "name", "label": "Name", "type": "text", "value": user["name"], "required": True},
        {"name": "email", "label": "E-mail", "type": "text", "value": user["email"],
         "required": True, "help": "You sign in with it, and links for a new password go there."},
    ]  # fmt: skip
    if has_password:
        fields.append(
            {"name": "currentPassword", "label": "Present password", "type": "password",
             "help": "Needed for another address."}
        )  # fmt: skip
    return FormDialog(
        {
            "title": "Name and address",
            "fields": fields,
            "confirm": "Save",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


@component
def PasswordDialog(has_password: bool, closed: Any) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def save(found: dict[str, Any]) -> None:
        given = found["values"]
        values = {"newPassword": given.get("newPassword")}
        if has_password:
            values["currentPassword"] = given.get("currentPassword")
        payload = await client.mutate("change_password", values)
        ended = payload["ended"]
        messages.say("The password is set." + (f" {ended} other sessions ended." if ended else ""))
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed()

    new = {"name": "newPassword", "label": "New password", "type": "secret", "required": True}
    new["help"] = "At least 12 characters; several words with no connection are good."
    now = {"name": "currentPassword", "label": "Present password", "type": "password"}
    return FormDialog(
        {
            "title": "Change the password" if has_password else "Set a password",
            "text": "Your other sessions end with it.",
            "fields": [{**now, "required": True}, new] if has_password else [new],
            "confirm": "Set it",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )
