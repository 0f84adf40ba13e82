"""Pills, chips and tiles: small signs that say a state or a kind."""

import zlib
from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.format import LABELS
from frontend.kit.assets import icon_names as names
from frontend.kit.elements import icon

STATES = {"DRAFT": "Draft", "ACTIVE": "Active", "PAUSED": "Paused", "ARCHIVED": "Archived"}
HUES = 8

# An emoji is a block where the font lacks it; the usual ones have a drawing of ours.
DRAWN = {
    "refresh": "refresh-cw",
    "translate": "languages",
    "🤖": "bot",
    "📰": "newspaper",
    "📥": "inbox",
    "📧": "mail",
    "✉": "mail",
    "💡": "lightbulb",
    "✍": "pen-line",
    "📝": "pen-line",
    "🔭": "telescope",
    "🔍": "search",
    "🔎": "search",
    "📊": "chart-column",
    "📈": "trending-up",
    "💬": "message-square",
    "🚀": "rocket",
    "⚖": "scale",
    "🌍": "globe",
    "🌐": "globe",
    "📅": "calendar",
    "⏰": "clock",
    "🧪": "flask-conical",
    "🛡": "shield-check",
    "🔧": "wrench",
    "💰": "coins",
    "🏷": "tag",
    "📚": "book-open",
    "📄": "file-text",
    "🧠": "brain",
    "🎯": "target",
    "⚡": "zap",
    "🗞": "newspaper",
    "🔥": "flame",
    "✨": "sparkles",
    "🧭": "compass",
    "🎓": "graduation-cap",
    "🐛": "bug",
    "🌱": "sprout",
    "🧾": "receipt",
    "👀": "eye",
    "📣": "megaphone",
    "🔁": "repeat",
}


def status_pill(status: str) -> VdomDict:
    pulse: Any = html.i({"className": "pulse"}) if status == "RUNNING" else ""
    return html.span(
        {"className": "pill", "data-status": status}, pulse, LABELS.get(status, status.capitalize())
    )


def state_pill(state: str) -> VdomDict:
    return html.span(
        {"className": "pill quiet", "data-state": state}, STATES.get(state, state.capitalize())
    )


def chip(text: str) -> VdomDict:
    return html.span({"className": "chip"}, text)


def bot_tile(name: str, mark: str | None, large: bool = False) -> VdomDict:
    """The face of a bot: its emoji, an icon of ours, or else its initials on its own colour."""
    hue = zlib.crc32(name.encode()) % HUES
    attributes = {
        "className": "tile large" if large else "tile",
        "data-hue": str(hue),
        "aria-hidden": "true",
    }
    drawn = drawing(mark or "")
    return html.span(attributes, icon(drawn) if drawn else (mark or initials(name)))


def drawing(mark: str) -> str | None:
    """The name of our own drawing for an icon that a bot names."""
    plain = mark.replace("\ufe0f", "")
    return plain if plain in names() else DRAWN.get(plain)


def initials(name: str) -> str:
    words = [word for word in name.replace("-", " ").replace("_", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper() or "B"
