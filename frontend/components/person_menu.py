"""Who is signed in and where: the way to the person's other workspaces, to settings, and out."""

from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.kit.elements import icon
from frontend.kit.js import ThemeSwitch

Place = tuple[str, str, str]


def person_menu(data: dict[str, Any], more: tuple[Place, ...] = ()) -> VdomDict:
    """`more`: places that the bar of a phone has no room for; they are hidden where it is wide."""
    viewer = data.get("viewer")
    if viewer is None:
        return html.div({"className": "person"})
    user = viewer.get("user") or {}
    name = user.get("name") or user.get("email") or "Owner"
    place = (viewer.get("workspace") or {}).get("name", "")
    return html.details(
        {"className": "person-menu menu-box"},
        html.summary(
            {"title": "Workspaces, settings, sign out"},
            html.span(
                {"className": "person"},
                html.span({"className": "avatar", "aria-hidden": "true"}, name[:1].upper()),
                html.span(html.strong(name), html.small(place)),
            ),
            html.span({"className": "bar-more"}, icon("ellipsis"), "More"),
            html.span({"className": "visually-hidden"}, ": workspaces, settings, sign out"),
        ),
        html.div(
            {"className": "menu"},
            html.div(
                {"className": "menu-places", "key": "places"},
                *[_link(path, mark, words) for path, words, mark in more],
                html.hr({"key": "line"}),
            ),
            *_places((data.get("workspaces") or {}).get("nodes", []), place),
            html.hr({"key": "line"}),
            _link("/settings/account", "user", "Your account"),
            _link("/settings/members", "settings", "Settings"),
            _sign_out(),
            html.div({"className": "menu-tools", "key": "tools"}, ThemeSwitch({})),
        ),
    )


def _places(rows: list[dict[str, Any]], place: str) -> list[VdomDict]:
    others = [row["workspace"] for row in rows if not row["current"]]
    here = html.span(
        {"className": "here", "key": "here"},
        icon("check"),
        html.span({"className": "menu-name"}, place),
    )
    head = html.span({"className": "menu-head", "key": "head"}, "Workspaces")
    return [head, here, *[_switch(one) for one in others]]


def _switch(place: dict[str, Any]) -> VdomDict:
    """A plain form, so that every tab of the browser begins anew in the other workspace."""
    button = {"type": "submit", "name": "workspace", "value": place["id"], "className": "no-icon"}
    return html.form(
        {"action": "/switch", "method": "post", "key": place["id"]},
        html.button(button, html.span({"className": "menu-name"}, place["name"])),
    )


def _link(path: str, mark: str, name: str) -> VdomDict:
    return html.a({"href": path, "key": path}, icon(mark), name)


def _sign_out() -> VdomDict:
    return html.form(
        {"action": "/signout", "method": "post", "key": "out"},
        html.button({"type": "submit"}, icon("log-out"), "Sign out"),
    )
