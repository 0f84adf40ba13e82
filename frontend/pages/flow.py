"""The steps of a bot as a short row: names in order, side by side where they run side by side."""

from typing import Any

ENTITY = "baleybot"
SILENT = {"parallel", "trigger", "output"}  # what runs side by side stands side by side anyway


def flow_of(diagram: Any) -> list[dict[str, Any]]:
    """Ranks of the diagram from left to right; an unknown shape gives no picture."""
    if not isinstance(diagram, dict):
        return []
    ranks: dict[float, list[tuple[float, dict[str, Any]]]] = {}
    for node in diagram.get("nodes", []):
        if node.get("type") in SILENT:
            continue
        place = node.get("position") or {}
        name = (node.get("data") or {}).get("name") or node.get("id", "")
        shown = {"name": name, "kind": node.get("type", ENTITY)}
        ranks.setdefault(place.get("x", 0), []).append((place.get("y", 0), shown))
    steps = [
        [shown for _, shown in sorted(r, key=lambda p: p[0])] for _, r in sorted(ranks.items())
    ]
    return [rank[0] if len(rank) == 1 else {"branches": rank} for rank in steps]
