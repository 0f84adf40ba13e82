"""One price of a model in a table: the workspace's own, or the shipped one."""

from typing import Any

from reactpy import html

from frontend.format import money


def own_row(node: dict[str, Any], opened: Any, may: bool) -> Any:
    acts = [
        html.button(
            {
                "key": "edit",
                "className": "button small quiet",
                "type": "button",
                "aria-label": f"Edit the price of {node['model']}",
                "onClick": opened("price", model=node["model"], price=node),
            },
            "Edit",
        ),
        html.button(
            {
                "key": "drop",
                "className": "button small quiet",
                "type": "button",
                "aria-label": f"Use the shipped price of {node['model']}",
                "onClick": opened("drop", price=node),
            },
            "Use the shipped one",
        ),
    ]
    mark = html.span({"className": "chip"}, "yours")
    return price_row(node["id"], node["model"], node, mark, acts if may else [])


def shipped_row(model: dict[str, Any], opened: Any, may: bool) -> Any:
    act = html.button(
        {
            "className": "button small quiet",
            "type": "button",
            "aria-label": f"Change the price of {model['id']}",
            "onClick": opened("price", model=model["id"], price=model),
        },
        "Change",
    )
    mark = html.span({"className": "muted"}, "shipped")
    return price_row(model["id"], model["id"], model, mark, [act] if may else [])


def price_row(key: str, name: str, row: dict[str, Any], mark: Any, acts: list[Any]) -> Any:
    def cell(label: str, field: str) -> Any:
        value = row.get(field)
        shown = "" if value is None else money(value)
        return html.td({"className": "num", "data-label": label}, shown)

    return html.tr(
        {"key": key},
        html.td({"className": "who", "data-label": "Model"}, html.code(name)),
        cell("Sent", "inputPrice"),
        cell("Written", "outputPrice"),
        cell("From the cache", "cachedPrice"),
        html.td({"data-label": "Price"}, mark),
        html.td({"className": "row-actions"}, *acts),
    )
