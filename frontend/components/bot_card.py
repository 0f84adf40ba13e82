"""One bot on the list: what it does, how its last runs went, what they cost."""

from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.components.badges import bot_tile, state_pill, status_pill
from frontend.components.recent import recent_bars
from frontend.format import ENDED, duration, plural, spent
from frontend.kit.elements import ago, elapsed, icon

SHOWN_ENTITIES = 4


def bot_card(bot: dict[str, Any]) -> VdomDict:
    runs = bot["executions"]["nodes"]
    return html.article(
        {"className": "card bot-card", "key": bot["id"], "data-bot": bot["id"]},
        html.header(
            bot_tile(bot["name"], bot.get("icon")),
            html.h2(html.a({"href": f"/bots/{bot['id']}", "className": "cover"}, bot["name"])),
            state_pill(bot["state"]),
            _box(bot),
        ),
        html.p({"className": "bot-text"}, _words(bot)),
        _entities(bot["entities"], bot.get("tags") or []),
        html.footer(*_last(bot, runs), recent_bars(runs)),
    )


def _box(bot: dict[str, Any]) -> VdomDict:
    """The bar of chosen bots listens for it and says whether it is checked."""
    return html.button(
        {
            "className": "pick",
            "type": "button",
            "role": "checkbox",
            "aria-checked": "false",
            "aria-label": f"Choose {bot['name']}",
            "title": "Choose (x)",
            "data-select": bot["id"],
        },
        icon("check"),
    )


def _words(bot: dict[str, Any]) -> str:
    if bot.get("description"):
        return bot["description"]
    goals = [entity["goal"] for entity in bot["entities"] if entity.get("goal")]
    return goals[0] if goals else "Nothing written yet."


def _entities(entities: list[dict[str, Any]], tags: list[str]) -> VdomDict:
    shown = [
        html.li({"key": entity["name"], "title": _entity_words(entity)}, entity["name"])
        for entity in entities[:SHOWN_ENTITIES]
    ]
    more = len(entities) - SHOWN_ENTITIES
    rest: Any = html.li({"key": "more"}, f"+{more}") if more > 0 else ""
    words = [_tag(name) for name in tags]
    models = sorted({entity["model"] for entity in entities if entity.get("model")})
    model: Any = _model(models) if models else ""
    return html.ul({"className": "chips", "aria-label": "Entities"}, *shown, rest, model, *words)


def _tag(name: str) -> VdomDict:
    return html.li({"key": f"tag {name}", "className": "model tag"}, icon("tag"), html.span(name))


def _model(models: list[str]) -> VdomDict:
    short = models[0].split("/")[-1].split(":", 1)[-1]
    more = f" +{len(models) - 1}" if len(models) > 1 else ""
    return html.li(
        {"key": "model", "className": "model", "title": ", ".join(models)},
        icon("cpu"),
        html.span(short + more),
    )


def _entity_words(entity: dict[str, Any]) -> str:
    return entity.get("model") or "Default model"


def _last(bot: dict[str, Any], runs: list[dict[str, Any]]) -> list[VdomDict]:
    """Two lines: how the last run ended and when, what it took and how many there were."""
    total = html.span({"key": "total", "className": "total"}, plural(bot["executionCount"], "run"))
    if not runs:
        return [html.p({"key": "last", "className": "last"}, "Never run")]
    last = runs[0]
    start = last.get("startedAt") or last["createdAt"]
    live = last["status"] not in ENDED
    facts = [] if live else [duration(last.get("durationMs")), spent(last.get("usage"))]
    return [
        html.p(
            {"key": "last", "className": "last"},
            status_pill(last["status"]),
            elapsed(start) if live else ago(start),
        ),
        html.p(
            {"key": "took", "className": "took"}, " · ".join(fact for fact in facts if fact), total
        ),
    ]
