"""An address that leads nowhere."""

from typing import Any

from reactpy import component, html

from frontend.components.blocks import empty
from frontend.kit.elements import title


@component
def NotFoundPage() -> Any:
    return html.div(
        title("Not found"),
        html.h1({"className": "visually-hidden"}, "Not found"),
        missing("page"),
    )


def missing(what: str) -> Any:
    return empty(
        "circle-help",
        f"There is no such {what}",
        f"This {what} was deleted, belongs to another workspace, or the address is wrong.",
        html.a({"className": "button primary", "href": "/bots"}, "All bots"),
        html.a({"className": "button", "href": "/executions"}, "All executions"),
    )
