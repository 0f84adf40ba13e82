"""The workbench for the API. Everything in it is JavaScript: it asks as any program would."""

from typing import Any

from reactpy import component, html

from frontend.components.blocks import page_head, skeleton
from frontend.kit.js import Explorer
from frontend.kit.query import use_query


@component
def ExplorerPage() -> Any:
    answer = use_query("explorer")
    head = page_head(
        "API explorer",
        "Write an operation, send it as yourself and read the schema beside it. What it changes "
        "is really changed.",
    )
    if answer.loading:
        return html.div(head, skeleton("tall-card", 1))
    found = answer.data or {}
    lists = {"bot": "bots", "execution": "executions", "session": "chatSessions"}
    return html.div(head, Explorer({name: _first(found, of) for name, of in lists.items()}))


def _first(found: dict[str, Any], what: str) -> str | None:
    nodes = (found.get(what) or {}).get("nodes", [])
    return nodes[0]["id"] if nodes else None
