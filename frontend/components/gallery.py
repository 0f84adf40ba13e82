"""Bots to start from. One click makes the bot and runs it."""

import re
from collections.abc import Callable
from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.components.badges import bot_tile
from frontend.kit.elements import icon

PEEK_LINES = 7
HIDDEN = re.compile(r'\s*(#|"?(icon|description)"?\s*:)')


def gallery(
    templates: list[dict[str, Any]], on_run: Callable[[dict[str, Any]], Any], busy: str | None
) -> VdomDict:
    cards = [_card(template, on_run(template), busy) for template in templates]
    return html.ul({"className": "gallery"}, *cards)


def _card(template: dict[str, Any], on_click: Any, busy: str | None) -> VdomDict:
    working = busy == template["id"]
    return html.li(
        {"key": template["id"], "className": "card template"},
        bot_tile(template["name"], template.get("icon")),
        html.h3(template["name"]),
        html.p(template["description"]),
        html.pre({"className": "peek", "aria-hidden": "true"}, peek(template["source"])),
        html.button(
            {
                "className": "button",
                "type": "button",
                "onClick": on_click,
                "disabled": busy is not None,
                "aria-label": f"Run now: {template['name']}",
            },
            icon("loader-circle" if working else "play", "spin" if working else ""),
            "Starting" if working else "Run now",
        ),
    )


def peek(source: str) -> str:
    """The first lines of the program: enough to see what a bot is made of."""
    lines = [line for line in source.splitlines() if line.strip() and not HIDDEN.match(line)]
    return "\n".join(lines[:PEEK_LINES])
