"""How a connection is drawn, and the forms that its kind asks for."""

from collections.abc import Callable
from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.components.badges import bot_tile
from frontend.format import count, duration, money, plural
from frontend.kit.elements import ago, icon

STATES = {
    "CONNECTED": ("COMPLETED", "Works"),
    "ERROR": ("FAILED", "Does not work"),
    "UNCONFIGURED": ("PENDING", "Not tested"),
}
SHOWN_USES = 5
Fields = list[dict[str, Any]]


def form_of(kind: dict[str, Any], stored: dict[str, Any] | None = None) -> Fields:
    """The fields of a dialog. A stored secret is not shown; left empty it stays as it is."""
    name = stored["name"] if stored else kind["label"]
    first = {"name": "name", "label": "Name", "type": "text", "value": name, "required": True}
    fields = [first, *[_field(spec, stored) for spec in kind["fields"]]]
    default = {
        "name": "isDefault",
        "label": "Use it where a bot names no model",
        "type": "check",
        "value": bool(stored and stored["isDefault"]),
        "help": "" if stored else "The first connection is used anyway.",
    }
    return [*fields, default]


def _field(spec: dict[str, Any], stored: dict[str, Any] | None) -> dict[str, Any]:
    field = {name: spec[name] for name in ("name", "label", "type", "required", "help")}
    if spec["type"] != "secret":
        kept = (stored or {}).get("settings", {}).get(spec["name"])
        models = (stored or {}).get("models") or []
        suggestions = models[:200] if spec["name"] == "model" else []
        return {**field, "value": "" if kept is None else str(kept), "suggestions": suggestions}
    last = (stored or {}).get("secrets", {}).get(spec["name"])
    if last:
        words = f"Stored, ends with {last.lstrip('…')}. Leave it empty to keep it."
        return {**field, "value": "", "required": False, "help": words, "placeholder": "Unchanged"}
    return {**field, "value": ""}


def values_of(
    kind: dict[str, Any], found: dict[str, Any], stored: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What was filled in, as the server takes it: settings and secrets apart."""
    values = found.get("values") or {}
    settings: dict[str, Any] = {}
    secrets: dict[str, Any] = {}
    for spec in kind["fields"]:
        text = str(values.get(spec["name"]) or "").strip()
        if spec["type"] == "secret":
            if text:
                secrets[spec["name"]] = text
        elif text or stored:
            settings[spec["name"]] = _typed(spec["type"], text)
    return {"settings": settings, "secrets": secrets}


def _typed(kind: str, text: str) -> Any:
    if not text:
        return None
    if kind == "number" and text.removesuffix(".0").isdecimal():
        return int(text.removesuffix(".0"))
    return text


def connection_card(
    row: dict[str, Any], label: str, health: dict[str, Any] | None, actions: dict[str, Any]
) -> VdomDict:
    status, words = STATES.get(row["status"], ("PENDING", row["status"]))
    default: Any = (
        html.span({"className": "chip"}, icon("star"), "default") if row["isDefault"] else ""
    )
    why: Any = html.p({"className": "why"}, row["statusMessage"]) if row["statusMessage"] else ""
    return html.article(
        {"className": "card connection", "key": row["id"], "data-connection": row["id"]},
        html.header(
            bot_tile(label, None),
            html.div(
                html.h2(
                    row["name"],
                    html.span({"className": "pill", "data-status": status}, words),
                    default,
                ),
                html.p({"className": "muted"}, label, *_tested(row)),
            ),
            html.div({"className": "actions"}, *_buttons(row, actions)),
        ),
        why,
        html.dl({"className": "connection-facts"}, *_facts(row, health)),
    )


def _tested(row: dict[str, Any]) -> list[Any]:
    return [" · tested ", ago(row["lastCheckedAt"])] if row.get("lastCheckedAt") else []


def _buttons(row: dict[str, Any], actions: dict[str, Any]) -> list[VdomDict]:
    if not row["viewerCan"]["edit"]:
        return []
    busy = actions["busy"] == row["id"]
    found = [
        ("Test", "loader-circle" if busy else "plug", actions["test"]),
        ("Edit", "pen-line", actions["edit"]),
        *([] if row["isDefault"] else [("Make default", "star", actions["default"])]),
    ]
    plain = [_button(name, mark, act(row), row, busy) for name, mark, act in found]
    delete = html.button(
        {
            "key": "delete",
            "className": "icon-button",
            "type": "button",
            "aria-label": f"Delete {row['name']}",
            "title": "Delete",
            "onClick": actions["delete"](row),
        },
        icon("trash-2"),
    )
    return [*plain, delete]


def _button(name: str, mark: str, act: Callable[..., Any], row: Any, busy: bool) -> VdomDict:
    return html.button(
        {
            "key": name,
            "className": "button small",
            "type": "button",
            "aria-label": f"{name}: {row['name']}",
            "onClick": act,
            "disabled": busy,
        },
        icon(mark, "spin" if mark == "loader-circle" else ""),
        name,
    )


def _facts(row: dict[str, Any], health: dict[str, Any] | None) -> list[VdomDict]:
    keys = ", ".join(row["secrets"].values()) or "none"
    address = row["settings"].get("baseUrl")
    models = row.get("models")
    facts = [
        _fact("Key ends with", html.code(keys)),
        *([_fact("Address", html.code(address))] if address else []),
        _fact("Models", plural(len(models), "model") if models else "not listed"),
        _fact("Used by", _uses(row["usedBy"], bool(row["inFallbacks"]))),
    ]
    return [*facts, *(_health(health) if health else [])]


def _fact(name: str, *value: Any) -> VdomDict:
    return html.div({"key": name}, html.dt(name), html.dd(*value))


def _uses(uses: list[dict[str, Any]], in_fallbacks: bool) -> Any:
    if not uses and not in_fallbacks:
        return "no bot yet"
    parts: list[Any] = ["the fallbacks of this workspace"] if in_fallbacks else []
    for use in uses[:SHOWN_USES]:
        link = html.a(
            {"href": f"/bots/{use['botId']}", "key": use["botId"], "title": use["why"]},
            use["botName"],
        )
        parts += [", ", link] if parts else [link]
    more = len(uses) - SHOWN_USES
    return html.span(*parts, f" and {more} more" if more > 0 else "")


def _health(health: dict[str, Any]) -> list[VdomDict]:
    failed = health["failures"]
    calls = f"{count(health['requests'])}, {f'{count(failed)} failed' if failed else 'none failed'}"
    return [
        _fact("Calls in 24 h", calls),
        _fact("Answers in", speed(health)),
        _fact("Spent in 24 h", money(health["cost"])),
    ]


def speed(health: dict[str, Any]) -> str:
    if health.get("medianMs") is None:
        return "–"
    return f"{duration(health['medianMs'])}, 95% in {duration(health['p95Ms'])}"
