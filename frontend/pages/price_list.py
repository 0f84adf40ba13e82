"""Prices of models: the workspace's own before the shipped ones, found by name."""

from typing import Any

from reactpy import component, html, use_state

from frontend.components.blocks import add_button, empty, notice, section_row, show_more, skeleton
from frontend.components.prices import own_row, shipped_row
from frontend.format import count, plural
from frontend.kit.handlers import message
from frontend.kit.js import TextField
from frontend.kit.query import Answer
from frontend.kit.rest import Rest, whole

SHOWN, MORE = 40, 100
NAMES = ("Model", "Sent", "Written", "From the cache", "Price", "")
NOTE = "US dollars per million tokens. Your own price stands in the place of the shipped one."


@component
def PriceList(answer: Answer, rest: Rest, opened: Any, may: bool) -> Any:
    """`rest`: own prices behind the first page of them."""
    wanted, set_wanted = use_state("")
    size, set_size = use_state(SHOWN)

    @message
    async def searched(found: dict[str, Any]) -> None:
        set_wanted(found["value"].strip())
        set_size(SHOWN)

    if answer.data is None:
        return notice(answer.error) if answer.error else skeleton("row", 3)
    rows = _rows(answer.data, rest, wanted, opened, may)
    return html.section(
        {"aria-label": "Prices of models"},
        section_row(
            "Prices of models",
            NOTE,
            _search(searched),
            add_button("Set a price", opened("price")) if may else "",
        ),
        notice(rest.error) if rest.error else "",
        _table([row() for row in rows[:size]]) if rows else _none(wanted),
        show_more(
            len(rows) > size,
            lambda _event: set_size(size + MORE),
            f"{count(size)} of {plural(len(rows), 'model')}",
        ),
    )


def _rows(data: dict[str, Any], rest: Rest, wanted: str, opened: Any, may: bool) -> list[Any]:
    """Each makes its row: of thousands only those are made that are shown."""
    mine = whole(data["modelPrices"], rest)
    own = {node["model"] for node in mine}
    shipped = [one for one in data["models"] if one["inputPrice"] and one["id"] not in own]
    word = wanted.lower()
    rows = [
        lambda n=node: own_row(n, opened, may) for node in mine if word in node["model"].lower()
    ]
    rows += [
        lambda m=one: shipped_row(m, opened, may) for one in shipped if word in one["id"].lower()
    ]
    return rows


def _search(searched: Any) -> Any:
    return html.div(
        {"className": "filter"},
        TextField(
            {
                "label": "Find a model",
                "quietLabel": True,
                "placeholder": "Find a model",
                "icon": "search",
                "onChange": searched,
            }
        ),
    )


def _table(rows: list[Any]) -> Any:
    head = [
        html.th({"key": n or "acts", "scope": "col", "className": "num" if 0 < i < 4 else ""}, n)
        for i, n in enumerate(NAMES)
    ]
    return html.div(
        {"className": "table-wrap"},
        html.table({"className": "table"}, html.thead(html.tr(*head)), html.tbody(*rows)),
    )


def _none(wanted: str) -> Any:
    if wanted:
        return empty(
            "search", "No such model", f"No model with a price has “{wanted}” in its name."
        )
    return empty(
        "coins",
        "The shipped prices count",
        "Every model of the big providers has one. Set your own for a model that has none, "
        "or where your contract says otherwise.",
    )
