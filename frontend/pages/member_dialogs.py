"""Asking somebody in, taking somebody out, handing the workspace over."""

from typing import Any
from urllib.parse import urlsplit

from reactpy import component

from frontend.components.settings import ROLES
from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog, OnceDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import use_client
from frontend.pages.connection_dialogs import sent, use_answer


@component
def InviteDialog(options: list[dict[str, str]], roles: list[dict[str, Any]], closed: Any) -> Any:
    client, guard = use_client(), use_guard()
    answer, tell = use_answer()
    words = {role["role"]: role["description"] for role in roles}

    async def invite(found: dict[str, Any]) -> None:
        values = {name: found["values"].get(name) for name in ("email", "role")}
        payload = await client.mutate("invite_member", values)
        email = payload["invitation"]["email"]
        closed(True, what="link", email=email, link=payload["link"], mailed=payload["mailed"])

    async def close(_found: dict[str, Any]) -> None:
        closed()

    labelled = [
        {**option, "label": f"{option['label']}: {words[option['value']]}"} for option in options
    ]
    chosen = "EDITOR" if any(option["value"] == "EDITOR" for option in options) else None
    role = {"name": "role", "label": "Role", "type": "choice", "options": labelled, "value": chosen}
    email = {"name": "email", "label": "E-mail", "type": "text", "required": True}
    return FormDialog(
        {
            "title": "Invite somebody",
            "text": "They get a link that works once, for this address, for seven days.",
            "fields": [{**email, "placeholder": "ada@example.org"}, role],
            "confirm": "Make the link",
            "answer": answer,
            "onSubmit": sent(guard, tell, invite),
            "onClose": guard.js(close),
        }
    )


@component
def LinkDialog(made: dict[str, Any], closed: Any) -> Any:
    guard = use_guard()

    async def close(_found: dict[str, Any]) -> None:
        closed()

    parts = urlsplit(made["link"])
    mailed = f"It was mailed to {made['email']}. You can also hand it on yourself."
    by_hand = f"This server sends no mail: hand the link on to {made['email']} yourself."
    return OnceDialog(
        {
            "title": f"Invitation for {made['email']}",
            "text": f"{mailed if made['mailed'] else by_hand} It is not shown again.",
            "label": "Link",
            "path": f"{parts.path}?{parts.query}",
            "onClose": guard.js(close),
        }
    )


@component
def RemoveDialog(row: dict[str, Any], invitation: bool, closed: Any) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()
    name = row["email"] if invitation else (row["user"]["name"] or row["user"]["email"])

    async def remove(_found: dict[str, Any]) -> None:
        if invitation:
            await client.mutate("revoke_invitation", {"invitationId": row["id"]})
            messages.say(f"The invitation for {name} is withdrawn.")
        else:
            await client.mutate("remove_member", {"memberId": row["id"]})
            messages.say(f"{name} is not a member any more.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed()

    out = "They are signed out here at once and their tokens end. What they made stays."
    return FormDialog(
        {
            "title": f"Withdraw the invitation for {name}?" if invitation else f"Remove {name}?",
            "text": "Its link works no more." if invitation else out,
            "fields": [],
            "confirm": "Withdraw it" if invitation else "Remove",
            "danger": True,
            "answer": answer,
            "onSubmit": sent(guard, tell, remove),
            "onClose": guard.js(close),
        }
    )


@component
def TransferDialog(row: dict[str, Any], closed: Any) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()
    name = row["user"]["name"] or row["user"]["email"]

    async def transfer(_found: dict[str, Any]) -> None:
        await client.mutate("transfer_workspace", {"memberId": row["id"]})
        messages.say(f"{name} owns the workspace now. You are {ROLES['ADMIN'].lower()}.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed()

    return FormDialog(
        {
            "title": f"Hand the workspace over to {name}?",
            "text": "They become an owner, and you an admin. Only an owner can undo that.",
            "fields": [],
            "confirm": "Hand it over",
            "danger": True,
            "answer": answer,
            "onSubmit": sent(guard, tell, transfer),
            "onClose": guard.js(close),
        }
    )
