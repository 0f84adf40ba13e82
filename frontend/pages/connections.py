"""AI connections: keys of providers, tested before they are kept, and how the providers do."""

from typing import Any

from reactpy import component, html, use_state

from frontend.components.badges import bot_tile
from frontend.components.blocks import notice, page_head, skeleton
from frontend.components.connections import connection_card
from frontend.components.health import health_table, repairs_table, speeds_table
from frontend.format import plural
from frontend.kit.elements import icon
from frontend.kit.handlers import use_guard
from frontend.kit.messages import use_messages
from frontend.kit.place import use_nav
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.connection_acts import Answering, use_card_acts
from frontend.pages.connection_dialogs import ConnectionDialog, DeleteDialog, FallbacksDialog


@component
def ConnectionsPage() -> Any:
    answer = use_query("connections", {"first": 100})
    health = use_query("provider_health")
    repairs = use_query("provider_repairs")
    if answer.error and answer.data is None:
        return html.div(
            page_head("AI connections"), notice(answer.error, lambda _event: answer.reload())
        )
    if answer.data is None:
        return html.div(page_head("AI connections"), skeleton("tall-card", 2))
    return Desk(answer, health, repairs)


@component
def Desk(answer: Answer, health: Answer, repairs: Answer) -> Any:
    asked = use_nav().query("connection")
    first: dict[str, Any] = {"what": "edit", "id": asked} if asked else {}
    dialog, set_dialog = use_state(first)
    acts = use_card_acts(answer)
    data = answer.data or {}
    rows = data["connections"]["nodes"]
    kinds = {kind["name"]: kind for kind in data["connectionKinds"] if kind["family"] == "ai"}
    names = {row["id"]: row["name"] for row in rows}
    asked_of = (health.data or {}).get("providerHealth", [])

    def opened(what: str, **more: Any) -> Any:
        return lambda _event: set_dialog({"what": what, **more})

    def closed(changed: bool) -> None:
        set_dialog({})
        if changed:
            answer.reload()
            health.reload()

    acts["edit"] = lambda row: opened("edit", id=row["id"])
    acts["delete"] = lambda row: opened("delete", id=row["id"])
    return html.div(
        _head(len(rows), opened("add")),
        Circuits(health, names),
        _list(rows, kinds, _by_connection(asked_of), acts) if rows else _first(kinds, opened),
        Answering(health, opened("fallbacks")),
        health_table(asked_of, kinds, names),
        speeds_table(asked_of, kinds),
        repairs_table(((repairs.data or {}).get("healing") or {}).get("rates", []), kinds),
        _dialog(dialog, rows, kinds, closed),
        _fallbacks_dialog(dialog, health, closed),
    )


def _by_connection(asked_of: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["connectionId"]: one for of in asked_of for one in of["connections"]}


def _head(number: int, add: Any) -> Any:
    """Without a connection the page itself offers to add the first one."""
    if not number:
        return page_head("AI connections")
    attributes = {"className": "button primary", "type": "button", "onClick": add}
    button = html.button(attributes, icon("plus"), "Add connection")
    return page_head("AI connections", plural(number, "connection"), button)


def _fallbacks_dialog(dialog: dict[str, Any], health: Answer, closed: Any) -> Any:
    if dialog.get("what") != "fallbacks" or health.data is None:
        return ""
    return FallbacksDialog(health.data["modelFallbacks"]["models"], closed)


def _list(
    rows: list[dict[str, Any]], kinds: dict[str, Any], seen: dict[str, Any], actions: Any
) -> Any:
    cards = [
        connection_card(
            row,
            kinds.get(row["kind"], {}).get("label", row["kind"]),
            seen.get(row["id"]),
            actions,
        )
        for row in rows
    ]
    return html.div({"className": "connections"}, *cards)


def _first(kinds: dict[str, Any], opened: Any) -> Any:
    cards = [
        html.li(
            {"key": kind["name"]},
            html.button(
                {
                    "className": "card",
                    "type": "button",
                    "onClick": opened("add", kind=kind["name"]),
                },
                bot_tile(kind["label"], None),
                html.span(html.strong(kind["label"]), html.small(kind["help"])),
            ),
        )
        for kind in kinds.values()
    ]
    return html.section(
        {"className": "first-connection"},
        html.h2("Connect the first provider"),
        html.p(
            "Choose who answers your bots. The key is tested at once, kept encrypted, and only its "
            "last four characters are shown again. Until then the demo model answers, at no cost."
        ),
        html.ul({"className": "providers"}, *cards),
    )


@component
def Circuits(health: Answer, names: dict[str, str]) -> Any:
    """Providers that are left alone after failing again and again."""
    client, guard, messages = use_client(), use_guard(), use_messages()
    data = health.data or {}
    found = [one for one in data.get("openCircuits", []) if one["state"] != "closed"]

    def reset(one: dict[str, Any]) -> Any:
        async def clicked() -> None:
            names = ("provider", "model", "connectionId")
            await client.mutate("reset_circuit", {name: one[name] for name in names})
            messages.say(f"{one['provider']} is asked again from the next call on.")
            health.reload()

        return guard.click(clicked)

    return html.fragment(*[_circuit(one, names, reset(one)) for one in found])


def _circuit(one: dict[str, Any], names: dict[str, str], on_click: Any) -> Any:
    name = names.get(one["connectionId"])
    through = f" through “{name}”" if name else ""
    wait = max(0, round(one["retryIn"]))
    return html.div(
        {"className": "circuit", "key": f"{one['provider']}-{one['model']}-{one['connectionId']}"},
        icon("triangle-alert"),
        html.div(
            html.strong(f"{one['provider']}:{one['model']} is left alone for now"),
            html.p(
                f"It failed {one['failures']} times in a row{through} "
                f"and is tried again in {wait} s. ",
                one["why"] or "",
            ),
        ),
        html.button(
            {"className": "button small", "type": "button", "onClick": on_click},
            icon("refresh-cw"),
            "Ask again now",
        ),
    )


def _dialog(dialog: dict[str, Any], rows: Any, kinds: dict[str, Any], closed: Any) -> Any:
    row = next((row for row in rows if row["id"] == dialog.get("id")), None)
    match dialog.get("what"):
        case "add":
            return ConnectionDialog(None, kinds, dialog.get("kind"), closed)
        case "edit" if row is not None and row["viewerCan"]["edit"] and row["kind"] in kinds:
            return ConnectionDialog(row, kinds, row["kind"], closed)
        case "delete" if row is not None:
            return DeleteDialog(row, closed)
        case _:
            return ""
