"""Empty states, notices, skeletons and heads: what every page is made of."""

from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.kit.elements import icon, title


def page_head(heading: str, note: Any = "", *actions: Any) -> VdomDict:
    return html.header(
        {"className": "page-head"},
        title(heading),
        html.div(html.h1(heading), html.p({"className": "page-note"}, note)),
        html.div({"className": "actions"}, *actions),
    )


def notice(text: str, retry: Any = None) -> VdomDict:
    button: Any = (
        html.button({"className": "button small", "type": "button", "onClick": retry}, "Try again")
        if retry
        else ""
    )
    return html.div(
        {"className": "note", "role": "alert"}, icon("triangle-alert"), html.p(text), button
    )


def empty(mark: str, heading: str, text: str, *actions: Any) -> VdomDict:
    return html.section(
        {"className": "empty"},
        html.span({"className": "empty-mark", "aria-hidden": "true"}, icon(mark)),
        html.h2(heading),
        html.p(text),
        html.div({"className": "actions"}, *actions),
    )


def skeleton(kind: str, number: int = 1) -> VdomDict:
    boxes = [html.div({"className": f"skeleton {kind}", "key": str(n)}) for n in range(number)]
    return html.div({"className": f"skeletons {kind}s", "aria-busy": "true"}, *boxes)


def section_row(heading: str, note: str, *actions: Any) -> Any:
    words = html.div(html.h2(heading), html.p(note))
    return html.div({"className": "section-row"}, words, *actions)


def show_more(possible: bool, on_click: Any, note: str = "") -> Any:
    if not possible:
        return ""
    button = html.button(
        {"className": "button", "type": "button", "onClick": on_click}, "Show more"
    )
    return html.div({"className": "pager"}, button, html.span(note))


def add_button(word: str, on_click: Any) -> Any:
    return html.button(
        {"className": "button", "type": "button", "onClick": on_click}, icon("plus"), word
    )
