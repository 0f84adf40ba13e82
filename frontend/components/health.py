"""How the providers did, which repairs help, what the workspace falls back to and what it keeps."""

from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.components.badges import bot_tile
from frontend.format import count, duration, money, plural
from frontend.kit.elements import ago, icon

KINDS = {
    "provider_unavailable": "not reached",
    "provider_failed": "server errors",
    "rate_limited": "too many calls",
    "timeout": "too slow",
    "provider_auth": "key refused",
    "model_unknown": "unknown model",
    "context_too_long": "too long",
    "bad_request": "not accepted",
    "bad_answer": "unreadable answer",
    "content_refused": "refused content",
}
REPAIRS = {
    "retry": "Asked again after a wait",
    "fallback": "Went on with another model",
    "skip": "Passed by",
    "continue": "A value in its place",
    None: "Nothing",
}
CLASSES = {
    "AI": "the model",
    "AUTH": "the key",
    "RATE_LIMIT": "too many calls",
    "TIMEOUT": "too slow",
    "TRANSIENT": "away for a moment",
    "NETWORK": "not reached",
    "SERVER": "a server error",
}
COLUMNS = ("Provider", "Calls", "Failed", "Half, 95%, 99% in", "First word", "Cost")
SPEEDS = ("Provider", "Model", "Answers", "Half began in", "95% began in")
NUMBERS = frozenset({"Calls", "Half, 95%, 99% in", "First word", "Cost"})


def health_table(found: list[dict[str, Any]], kinds: dict[str, Any], names: dict[str, str]) -> Any:
    if not found:
        return ""
    head = [
        html.th({"key": n, "scope": "col", "className": "num" if n in NUMBERS else ""}, n)
        for n in COLUMNS
    ]
    return html.section(
        {"className": "health"},
        html.h2({"className": "section-head"}, "Providers, last 24 hours"),
        html.div(
            {"className": "table-wrap"},
            html.table(
                {"className": "table"},
                html.thead(html.tr(*head)),
                html.tbody(*[row for one in found for row in _provider(one, kinds, names)]),
            ),
        ),
    )


def _provider(one: dict[str, Any], kinds: dict[str, Any], names: dict[str, str]) -> list[VdomDict]:
    """And each of its connections, where there are several."""
    label = kinds.get(one["provider"], {}).get("label", one["provider"])
    rows = [_figures(one, one["provider"], bot_tile(label, None), html.span(label))]
    if len(one["connections"]) > 1:
        rows += [_connection(each, one["provider"], names) for each in one["connections"]]
    return rows


def _connection(each: dict[str, Any], provider: str, names: dict[str, str]) -> VdomDict:
    through = each["connectionId"]
    name = names.get(through, "a deleted connection") if through else "key of the environment"
    return _figures(each, f"{provider}-{through}", html.small("through"), html.span(name))


def _figures(one: dict[str, Any], key: str, *who: Any) -> VdomDict:
    speeds = [duration(one.get(key)) or "–" for key in ("medianMs", "p95Ms", "p99Ms")]
    return html.tr(
        {"key": key, "data-provider": key},
        html.td({"className": "who", "data-label": "Provider"}, html.div(*who)),
        html.td({"className": "num", "data-label": "Calls"}, *_calls(one)),
        html.td({"data-label": "Failed", "className": "failed"}, *_failed(one)),
        html.td({"className": "num", "data-label": COLUMNS[3]}, ", ".join(speeds)),
        html.td(
            {"className": "num", "data-label": "First word"},
            duration(one.get("firstTokenMs")) or "–",
        ),
        html.td({"className": "num", "data-label": "Cost"}, money(one["cost"])),
    )


def speeds_table(found: list[dict[str, Any]], kinds: dict[str, Any]) -> Any:
    """How soon each model begins to answer."""
    rows = [_speed(one, model, kinds) for one in found for model in one["models"]]
    if not rows:
        return ""
    head = [
        html.th({"key": n, "scope": "col", "className": "num" if i > 1 else ""}, n)
        for i, n in enumerate(SPEEDS)
    ]
    return html.section(
        {"className": "health"},
        html.h2({"className": "section-head"}, "First word by model, last 24 hours"),
        html.div(
            {"className": "table-wrap"},
            html.table({"className": "table"}, html.thead(html.tr(*head)), html.tbody(*rows)),
        ),
    )


def _speed(one: dict[str, Any], model: dict[str, Any], kinds: dict[str, Any]) -> VdomDict:
    label = kinds.get(one["provider"], {}).get("label", one["provider"])
    numbers = (
        count(model["answers"]),
        duration(model["firstTokenMs"]) or "–",
        duration(model["firstTokenP95Ms"]) or "–",
    )
    return html.tr(
        {"key": f"{one['provider']}:{model['model']}", "data-model": model["model"]},
        html.td({"data-label": SPEEDS[0]}, label),
        html.td({"data-label": SPEEDS[1]}, html.code(model["model"])),
        *[
            html.td({"key": name, "className": "num", "data-label": name}, number)
            for name, number in zip(SPEEDS[2:], numbers, strict=True)
        ],
    )


def _calls(one: dict[str, Any]) -> list[Any]:
    cached = one.get("cached")
    return [count(one["requests"]), html.small(f" +{count(cached)} cached") if cached else ""]


def _failed(one: dict[str, Any]) -> list[Any]:
    kinds = sorted((one.get("failuresByKind") or {}).items(), key=lambda item: -item[1])
    words = [f"{number} {KINDS.get(kind, kind.replace('_', ' '))}" for kind, number in kinds]
    if one.get("leftAlone"):
        words.append(f"left alone {plural(one['leftAlone'], 'time')}")
    said = ", ".join(words) or "none"
    if not one.get("lastError"):
        return [said]
    return [said, html.small({"className": "why"}, ago(one["lastErrorAt"]), ": ", one["lastError"])]


def repairs_table(rates: list[dict[str, Any]], kinds: dict[str, Any]) -> Any:
    """Only what happened to models; the rest stands where failures are looked at."""
    found = [one for one in rates if one["provider"]]
    if not found:
        return ""
    names = ("Provider", "What failed", "What was done", "Times", "Helped")
    head = [html.th({"key": n, "scope": "col"}, n) for n in names]
    rows = [_repair(one, kinds) for one in found]
    return html.section(
        {"className": "health"},
        html.h2({"className": "section-head"}, "What helps when a model fails, last 30 days"),
        html.div(
            {"className": "table-wrap"},
            html.table({"className": "table"}, html.thead(html.tr(*head)), html.tbody(*rows)),
        ),
    )


def _repair(one: dict[str, Any], kinds: dict[str, Any]) -> VdomDict:
    label = kinds.get(one["provider"], {}).get("label", one["provider"])
    failed = CLASSES.get(one["failureClass"], one["failureClass"].lower().replace("_", " "))
    rate = f"{count(one['healed'])} of {count(one['count'])} ({one['successRate']:g}%)"
    return html.tr(
        {"key": f"{one['provider']}-{one['failureClass']}-{one['action']}"},
        html.td({"data-label": "Provider"}, label),
        html.td({"data-label": "What failed"}, failed),
        html.td({"data-label": "What was done"}, REPAIRS.get(one["action"], one["action"])),
        html.td({"className": "num", "data-label": "Times"}, count(one["count"])),
        html.td({"data-label": "Helped"}, rate),
    )


def fallbacks_card(found: dict[str, Any], on_edit: Any) -> VdomDict:
    chain: list[Any] = []
    for name in found["models"]:
        chain += (
            [icon("arrow-right"), html.code({"key": name}, name)]
            if chain
            else [html.code({"key": name}, name)]
        )
    nothing = "None. When a model fails for good and its bot names no fallback, the step fails."
    remarks = [html.p({"className": "why", "key": text}, text) for text in found["warnings"]]
    return html.section(
        {"className": "card answering"},
        html.header(
            html.div(
                html.h2("Fallbacks of this workspace"),
                html.p(
                    {"className": "muted"},
                    "Tried in this order where a bot names none of its own.",
                ),
            ),
            _edit(on_edit),
        ),
        html.p({"className": "chain"}, *chain)
        if chain
        else html.p({"className": "muted"}, nothing),
        *remarks,
    )


def _edit(on_edit: Any) -> Any:
    if on_edit is None:
        return ""
    return html.button(
        {"className": "button small", "type": "button", "onClick": on_edit},
        icon("pen-line"),
        "Edit fallbacks",
    )


def cache_card(found: dict[str, Any], on_clear: Any) -> VdomDict:
    kept = found["answers"]
    words = (
        f"{plural(kept, 'answer')} kept ({_size(found['bytes'])}), "
        f"which answered {plural(found['hits'], 'question')} at no cost."
        if kept
        else 'Nothing is kept. "cache": 3600 on an entity gives equal questions the same answer '
        "for an hour."
    )
    clear: Any = (
        html.button(
            {"className": "button small", "type": "button", "onClick": on_clear},
            icon("trash-2"),
            "Forget them",
        )
        if kept and on_clear is not None
        else ""
    )
    return html.section(
        {"className": "card answering"},
        html.header(
            html.div(html.h2("Equal questions"), html.p({"className": "muted"}, words)), clear
        ),
    )


def _size(size: int) -> str:
    return f"{size / 1024:,.0f} KiB" if size < 1024 * 1024 else f"{size / 1024 / 1024:,.1f} MiB"
