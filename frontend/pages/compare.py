"""An execution and its rerun side by side."""

from typing import Any

from reactpy import component, html

from frontend.components.blocks import notice, skeleton
from frontend.kit.elements import icon, title
from frontend.kit.js import Comparison
from frontend.kit.place import use_nav
from frontend.kit.query import Answer, use_query
from frontend.pages.not_found import missing


@component
def ComparePage() -> Any:
    where = use_nav().parameters
    older = use_query("execution", {"id": where["execution_id"]})
    newer = use_query("execution", {"id": where["other_id"]})
    for answer in (older, newer):
        if answer.error:
            return notice(answer.error, lambda _event, again=answer.reload: again())
    if older.data is None or newer.data is None:
        return html.div(skeleton("head"), skeleton("half", 2))
    if _of(older) is None or _of(newer) is None:
        heading = html.h1({"className": "visually-hidden"}, "Not found")
        return html.div(heading, missing("execution"))
    return _page(_of(older), _of(newer))


def _of(answer: Answer) -> Any:
    return answer.data["execution"] if answer.data else None


def _page(older: dict[str, Any], newer: dict[str, Any]) -> Any:
    name = (newer["bot"] or {}).get("name", "Deleted bot")
    related = (newer.get("forkedFrom") or {}).get("id") == older["id"]
    note = "What the rerun did otherwise." if related else "Two executions side by side."
    return html.div(
        title(f"{name}, comparison"),
        html.header(
            {"className": "page-head"},
            html.div(
                html.nav(
                    {"className": "crumbs", "aria-label": "Where this is"},
                    html.a({"href": "/executions"}, "Executions"),
                    icon("chevron-right"),
                    html.a({"href": f"/executions/{newer['id']}"}, html.code(newer["id"])),
                ),
                html.h1(f"{name}, compared"),
                html.p({"className": "page-note"}, note),
            ),
        ),
        Comparison({"older": older, "newer": newer}),
    )
