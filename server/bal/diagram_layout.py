"""Where the nodes stand. Every construct is a box of boxes: in a row when one follows the other,
in a column when they stand side by side, in a frame when a container holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from server.bal.diagram_nodes import NODE_HEIGHT, NODE_WIDTH

LEFT: Final = 100
TOP: Final = 100
BETWEEN_RANKS: Final = 100
BETWEEN_ROWS: Final = 40
BETWEEN_MANY_ROWS: Final = 20
MANY: Final = 4
FRAME_SIDE: Final = 40
FRAME_TOP: Final = 60

Places: TypeAlias = dict[str, tuple[int, int, int, int]]
"""x, y, width and height by node."""


@dataclass(frozen=True, slots=True)
class Leaf:
    id: str
    width: int = NODE_WIDTH
    height: int = NODE_HEIGHT

    def place(self, x: int, y: int, places: Places) -> None:
        places[self.id] = (x, y, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Row:
    boxes: Sequence[Box]
    width: int
    height: int

    def place(self, x: int, y: int, places: Places) -> None:
        for box in self.boxes:
            box.place(x, y, places)
            x += box.width + BETWEEN_RANKS


@dataclass(frozen=True, slots=True)
class Column:
    boxes: Sequence[Box]
    width: int
    height: int
    gap: int

    def place(self, x: int, y: int, places: Places) -> None:
        for box in self.boxes:
            box.place(x, y, places)
            y += box.height + self.gap


@dataclass(frozen=True, slots=True)
class Frame:
    id: str
    inner: Box
    width: int
    height: int

    def place(self, x: int, y: int, places: Places) -> None:
        places[self.id] = (x, y, self.width, self.height)
        self.inner.place(x + FRAME_SIDE, y + FRAME_TOP, places)


Box: TypeAlias = Leaf | Row | Column | Frame


def row(boxes: Sequence[Box]) -> Box:
    if len(boxes) == 1:
        return boxes[0]
    width = sum(box.width for box in boxes) + BETWEEN_RANKS * max(len(boxes) - 1, 0)
    return Row(boxes, width, max((box.height for box in boxes), default=0))


def column(boxes: Sequence[Box]) -> Box:
    if len(boxes) == 1:
        return boxes[0]
    gap = BETWEEN_ROWS if len(boxes) < MANY else BETWEEN_MANY_ROWS
    height = sum(box.height for box in boxes) + gap * max(len(boxes) - 1, 0)
    return Column(boxes, max((box.width for box in boxes), default=0), height, gap)


def frame(node_id: str, inner: Box) -> Box:
    width = inner.width + 2 * FRAME_SIDE
    return Frame(node_id, inner, width, inner.height + FRAME_TOP + FRAME_SIDE)


def arrange(boxes: Sequence[Box], links: Iterable[tuple[int, int]]) -> Places:
    """Boxes stand in ranks by the longest way from a box that nothing leads to; without links
    all stand in one row. `links` are pairs of places in `boxes`."""
    places: Places = {}
    links = list(links)
    if boxes and not links:
        row(boxes).place(LEFT, TOP, places)
        return places
    x = LEFT
    for rank in _by_rank(boxes, links):
        stack = column(rank)
        stack.place(x, TOP, places)
        x += stack.width + BETWEEN_RANKS
    return places


def _by_rank(boxes: Sequence[Box], links: list[tuple[int, int]]) -> list[list[Box]]:
    ranks = _ranks(len(boxes), links)
    found: list[list[Box]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for box, rank in zip(boxes, ranks, strict=True):
        found[rank].append(box)
    return [rank for rank in found if rank]


def _ranks(count: int, links: list[tuple[int, int]]) -> list[int]:
    """Where links go round in a circle, the box that is written first leads."""
    following: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for source, target in dict.fromkeys(links):
        if source != target:
            following[source].append(target)
            missing[target] += 1
    ranks, done = [0] * count, [False] * count
    ready = [box for box in range(count) if not missing[box]]
    written = 0
    for _ in range(count):
        if not ready:
            while done[written]:
                written += 1
            ready.append(written)
        box = ready.pop()
        done[box] = True
        for target in following[box]:
            missing[target] -= 1
            if not done[target]:
                ranks[target] = max(ranks[target], ranks[box] + 1)
                if not missing[target]:
                    ready.append(target)
    return ranks
