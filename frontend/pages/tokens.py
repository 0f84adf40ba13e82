"""API tokens: made for a purpose, shown once, ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

from reactpy import component, html, use_state

from frontend.components.blocks import empty
from frontend.components.points import points_left
from frontend.components.settings import ROLES, pager, row_button, settings_page, table, waiting
from frontend.format import moment, plural
from frontend.kit.elements import ago, icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog, OnceDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.connection_dialogs import sent, use_answer
from frontend.pages.members import role_options

HERE = "/settings/tokens"
PAGE = 50
EXPIRY = {"30": "In 30 days", "90": "In 90 days", "365": "In a year", "": "Never"}


@component
def TokensPage() -> Any:
    first: list[str | None] = [None]
    pages, set_pages = use_state(first)
    answer = use_query("api_tokens", {"first": PAGE, "after": pages[-1]})
    if (nothing := waiting(answer)) is not None:
        return settings_page(HERE, "", "", nothing)

    def turn(cursor: str | None) -> None:
        set_pages(pages[:-1] if cursor is None else [*pages, cursor])

    return Tokens(answer, lambda info: pager(info, pages, turn))


@component
def Tokens(answer: Answer, paged: Any) -> Any:
    nothing: dict[str, Any] = {}
    dialog, set_dialog = use_state(nothing)
    data = answer.data or {}
    tokens = data["apiTokens"]
    bots = {bot["id"]: bot["name"] for bot in data["bots"]["nodes"]}

    def opened(what: str, **more: Any) -> Any:
        return lambda _event: set_dialog({"what": what, **more})

    def closed(changed: bool = False, **then: Any) -> None:
        set_dialog(then)
        if changed:
            answer.reload()

    make = html.button(
        {"className": "button primary", "type": "button", "onClick": opened("create")},
        icon("plus"),
        "New token",
    )
    body = (
        _table(tokens["nodes"], bots, opened)
        if tokens["nodes"]
        else empty(
            "key-round",
            "No tokens yet",
            "A token lets a program use the API as you, with as few rights as it needs: scripts, "
            "CI, the baleybots command on another machine.",
            make,
        )
    )
    note = plural(tokens["totalCount"], "token") if tokens["nodes"] else ""
    return settings_page(
        HERE,
        note,
        make if tokens["nodes"] else "",
        body,
        paged(tokens["pageInfo"]),
        _points(data["viewer"]["rateLimit"]),
        _dialog(dialog, data, closed),
    )


def _points(found: dict[str, Any] | None) -> Any:
    """Nothing where nobody counts."""
    if found is None:
        return ""
    attributes = {"className": "muted", "data-points": found["whose"]}
    return html.p({**attributes, "style": {"marginTop": "var(--s4)"}}, points_left(found))


def _table(rows: list[dict[str, Any]], bots: dict[str, str], opened: Any) -> Any:
    lines = [
        html.tr(
            {"key": row["id"], "data-token": row["name"]},
            html.td(
                {"className": "who", "data-label": "Token"},
                html.div(
                    html.span(html.strong(row["name"]), html.code(f"{row['prefix']}…")),
                ),
            ),
            html.td({"data-label": "May"}, _may(row, bots)),
            html.td(
                {"data-label": "Made by"}, row["createdBy"]["name"] or row["createdBy"]["email"]
            ),
            html.td({"data-label": "Last used"}, ago(row["lastUsedAt"]) or _muted("never")),
            html.td({"data-label": "Ends"}, _ends(row["expiresAt"])),
            html.td(
                {"className": "row-actions"},
                row_button("Revoke", opened("revoke", row=row), row["name"], danger=True)
                if row["viewerCan"]["revoke"]
                else "",
            ),
        )
        for row in rows
    ]
    return table(("Token", "May", "Made by", "Last used", "Ends", ""), lines)


def _may(row: dict[str, Any], bots: dict[str, str]) -> Any:
    scopes = row["scopes"]
    what: Any = f"all of {ROLES[row['role']].lower()}"
    if scopes is not None:
        what = html.span({"className": "scopes"}, *[html.code({"key": s}, s) for s in scopes])
    if row["botIds"] is None:
        return what
    names = [bots.get(bot, "a deleted bot") for bot in row["botIds"]]
    return html.span(what, html.small({"className": "muted"}, f" only {', '.join(names)}"))


def _ends(at: str | None) -> Any:
    if at is None:
        return _muted("never")
    if moment(at) <= datetime.now(UTC):
        return html.span({"className": "pill", "data-status": "FAILED"}, "expired")
    return html.span({"title": at}, f"{moment(at):%d %b %Y}")


def _muted(text: str) -> Any:
    return html.span({"className": "muted"}, text)


def _dialog(dialog: dict[str, Any], data: dict[str, Any], closed: Any) -> Any:
    match dialog.get("what"):
        case "create":
            return CreateDialog(data, closed)
        case "made":
            return MadeDialog(dialog, closed)
        case "revoke":
            return RevokeDialog(dialog["row"], closed)
        case _:
            return ""


@component
def CreateDialog(data: dict[str, Any], closed: Any) -> Any:
    client, guard = use_client(), use_guard()
    answer, tell = use_answer()

    async def create(found: dict[str, Any]) -> None:
        given = found["values"]
        values: dict[str, Any] = {"name": given.get("name"), "role": given["role"]}
        if given["limit"] == "some":
            values["scopes"] = given.get("scopes") or []
        if given.get("where") == "some":
            values["botIds"] = given.get("botIds") or []
        if given["expires"]:
            ends = datetime.now(UTC) + timedelta(days=int(given["expires"]))
            values["expiresAt"] = ends.isoformat().replace("+00:00", "Z")
        payload = await client.mutate("create_api_token", values)
        closed(True, what="made", token=payload["token"], name=payload["apiToken"]["name"])

    async def close(_found: dict[str, Any]) -> None:
        closed()

    return FormDialog(
        {
            "title": "New API token",
            "text": "It acts as you, with the rights that you give it here and never more than "
            "your own.",
            "fields": token_fields(data),
            "confirm": "Make the token",
            "answer": answer,
            "onSubmit": sent(guard, tell, create),
            "onClose": guard.js(close),
        }
    )


def token_fields(data: dict[str, Any]) -> list[dict[str, Any]]:
    role = data["viewer"]["role"]
    rights = next(one["rights"] for one in data["roles"] if one["role"] == role)
    scopes = [{"value": r["scope"], "label": r["scope"], "help": r["description"]} for r in rights]
    bots = [{"value": bot["id"], "label": bot["name"]} for bot in data["bots"]["nodes"]]
    some = {"name": "limit", "values": ["some"]}
    fields = [
        {"name": "name", "label": "Name", "type": "text", "required": True, "placeholder": "CI",
         "help": "To tell tokens apart later."},
        {"name": "role", "label": "Role", "type": "choice", "options": role_options(role)},
        {"name": "limit", "label": "It may", "type": "choice", "options": [
            {"value": "all", "label": "all that the role may"},
            {"value": "some", "label": "only what is chosen here"}]},
        {"name": "scopes", "label": "Scopes", "type": "checks", "options": scopes, "when": some,
         "value": []},
    ]  # fmt: skip
    if bots:
        only = {"name": "where", "values": ["some"]}
        fields += [
            {"name": "where", "label": "With", "type": "choice", "options": [
                {"value": "all", "label": "all bots"},
                {"value": "some", "label": "only these bots"}]},
            {"name": "botIds", "label": "Bots", "type": "checks", "options": bots, "when": only,
             "value": []},
        ]  # fmt: skip
    ends = [{"value": days, "label": words} for days, words in EXPIRY.items()]
    return [
        *fields,
        {"name": "expires", "label": "Ends", "type": "choice", "options": ends, "value": "90"},
    ]


@component
def MadeDialog(made: dict[str, Any], closed: Any) -> Any:
    guard = use_guard()

    async def close(_found: dict[str, Any]) -> None:
        closed()

    return OnceDialog(
        {
            "title": f"Token “{made['name']}”",
            "text": "Copy it now and keep it like a password: only its hash is stored, so it is "
            "not shown again. A program sends it as “Authorization: Bearer …”, the command line "
            "reads it from BALEYBOTS_TOKEN.",
            "label": "Token",
            "value": made["token"],
            "onClose": guard.js(close),
        }
    )


@component
def RevokeDialog(row: dict[str, Any], closed: Any) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def revoke(_found: dict[str, Any]) -> None:
        await client.mutate("revoke_api_token", {"tokenId": row["id"]})
        messages.say(f"The token {row['name']} lets nobody in any more.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed()

    return FormDialog(
        {
            "title": f"Revoke “{row['name']}”?",
            "text": "Programs that use it are refused at once. It cannot be brought back.",
            "fields": [],
            "confirm": "Revoke it",
            "danger": True,
            "answer": answer,
            "onSubmit": sent(guard, tell, revoke),
            "onClose": guard.js(close),
        }
    )
