"""The steps of a bot as a short row: names in order, side by side where they run side by side."""

from typing import Any


def flow_of(diagram: Any) -> list[dict[str, Any]]:
    """Ranks of the diagram from left to right; an unknown shape gives no picture."""
    if not isinstance(diagram, dict):
        return []
    nodes = {node["id"]: node for node in diagram.get("nodes", []) if "id" in node}
    ranks: dict[float, list[tuple[float, str]]] = {}
    for node in nodes.values():
        position = node.get("position") or {}
        name = (node.get("data") or {}).get("name") or node["id"]
        ranks.setdefault(position.get("x", 0), []).append((position.get("y", 0), name))
    return [_rank(sorted(rank)) for _, rank in sorted(ranks.items())]


def _rank(rank: list[tuple[float, str]]) -> dict[str, Any]:
    names = [name for _, name in rank]
    return {"name": names[0]} if len(names) == 1 else {"branches": names}
