"""The frame around every page: sidebar on wide screens, bar at the bottom on a phone.

The bar has room for six: the first places, the bell, the search, and a menu with the rest."""

from typing import Any

from reactpy import component, html, use_scope
from reactpy.types import Component, VdomDict

from frontend.components.person_menu import Place, person_menu
from frontend.components.standing import Standing
from frontend.kit.elements import icon
from frontend.kit.js import Keys, Notifications, ThemeSwitch, WaitingCount
from frontend.kit.messages import MessageHost
from frontend.kit.place import Nav, use_nav
from frontend.kit.query import closed_in, use_query

PLACES = (
    ("/bots", "Bots", "bot"),
    ("/executions", "Executions", "activity"),
    ("/approvals", "Approvals", "hand"),
    ("/queue", "Queue", "list-ordered"),
    ("/incidents", "Incidents", "triangle-alert"),
    ("/connections", "AI connections", "plug"),
    ("/costs", "Costs", "wallet"),
    ("/explorer", "API explorer", "terminal"),
)
IN_THE_BAR = 3


def frame(nav: Nav, page: Component) -> VdomDict:
    return html.div(
        {"className": "app"},
        Sidebar(),
        html.main(_main(nav), Standing(), page),
        MessageHost(),
    )


def bare_frame(nav: Nav, page: Component) -> VdomDict:
    return html.div(
        {"className": "bare"},
        html.main(_main(nav), page),
        MessageHost(),
    )


def _main(nav: Nav) -> dict[str, Any]:
    """The browser looks there whether the page of its address has come."""
    path = nav.place.path
    return {"id": "main", "key": path, "data-path": path, "tabIndex": -1}


def open_places(closed: frozenset[str]) -> tuple[Place, ...]:
    """Without those that the operator has switched off."""
    return tuple(place for place in PLACES if place[0] not in closed)


def here(path: str, place: str) -> bool:
    return path.startswith(place) or (place == "/bots" and path == "/")


@component
def Sidebar() -> Any:
    path, closed = use_nav().place.path, closed_in(use_scope())
    places, answer = open_places(closed), use_query("shell")
    data = answer.data or {}
    bots = (data.get("bots") or {}).get("nodes", [])

    async def opened(_text: str = "") -> None:
        answer.reload()

    return html.aside(
        {"className": "sidebar"},
        html.div(
            {"className": "sidebar-top"},
            html.a(
                {"className": "brand", "href": "/bots", "aria-label": "Baleybots, all bots"},
                icon("mark", "mark"),
                html.span("Baleybots"),
            ),
            Notifications({}),
        ),
        html.button(
            {"className": "goto", "type": "button", "data-layer": "palette"},
            icon("search"),
            html.span("Go to…"),
            html.span({"className": "bar-word", "aria-hidden": "true"}, "Search"),
            html.kbd({"aria-hidden": "true"}, "Ctrl K"),
        ),
        html.nav({"aria-label": "Main"}, html.ul(*_places(path, places))),
        html.div({"className": "sidebar-end"}, person_menu(data, places[IN_THE_BAR:]), _tools()),
        Keys({"bots": bots, "closed": sorted(closed), "onOpen": opened}),
    )


def _places(path: str, places: tuple[Place, ...]) -> list[VdomDict]:
    return [_place(path, *place, wide=n >= IN_THE_BAR) for n, place in enumerate(places)]


def _place(path: str, target: str, name: str, mark: str, wide: bool) -> VdomDict:
    attributes: dict[str, Any] = {"href": target}
    if here(path, target):
        attributes["aria-current"] = "page"
    number: Any = WaitingCount({}) if target == "/approvals" else ""
    where = {"key": target, **({"className": "wide-only"} if wide else {})}
    return html.li(where, html.a(attributes, icon(mark), html.span(name), number))


def _tools() -> VdomDict:
    return html.div(
        {"className": "sidebar-tools"},
        ThemeSwitch({}),
        html.button(
            {
                "className": "icon-button",
                "type": "button",
                "aria-label": "Keyboard shortcuts",
                "title": "Keyboard shortcuts",
                "data-layer": "help",
            },
            icon("keyboard"),
        ),
    )
