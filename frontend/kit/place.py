"""The router: one socket for the whole visit, the address bar and Python in step."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from reactpy import component, create_context, use_context, use_location, use_state
from reactpy.types import Component, Context, VdomDict

from frontend.kit.handlers import message
from frontend.kit.js import NavBridge


@dataclass(frozen=True)
class Place:
    path: str
    query: dict[str, str] = field(default_factory=lambda: {})


@dataclass(frozen=True)
class Nav:
    """Where the visitor is, and the way to send them elsewhere."""

    place: Place
    parameters: dict[str, str]
    go: Callable[..., None]

    def query(self, name: str) -> str | None:
        return self.place.query.get(name)


NavContext: Context[Any] = create_context(None)
Route = tuple[str, Callable[[], Component]]


def use_nav() -> Nav:
    nav = use_context(NavContext)
    assert isinstance(nav, Nav)
    return nav


def place_of(path: str, query: str) -> Place:
    return Place(path or "/", dict(parse_qsl(query.lstrip("?"))))


def match(table: list[Route], path: str) -> tuple[Callable[[], Component], dict[str, str]] | None:
    for pattern, page in table:
        if found := re.fullmatch(pattern, path.rstrip("/") or "/"):
            return page, found.groupdict()
    return None


@component
def Router(
    table: list[Route],
    not_found: Callable[[], Component],
    frame: Callable[[Nav, Component], Component | VdomDict],
) -> Any:
    location = use_location()
    place, set_place = use_state(lambda: place_of(location.path, location.query_string))
    start: dict[str, Any] = {"n": 0}
    order, set_order = use_state(start)

    def go(path: str, query: dict[str, str] | None = None, replace: bool = False) -> None:
        kept = {name: value for name, value in (query or {}).items() if value}
        set_place(Place(path, kept))
        set_order(
            lambda old: {
                "n": old["n"] + 1,
                "path": path,
                "query": urlencode(kept),
                "replace": replace,
            }
        )

    @message
    async def moved(there: dict[str, str]) -> None:
        set_place(place_of(there["path"], there["query"]))

    page, parameters = match(table, place.path) or (not_found, {})
    nav = Nav(place, parameters, go)
    return NavContext(
        NavBridge({"goto": order, "onNavigate": moved, "key": "bridge"}),
        frame(nav, page()),
        value=nav,
    )
