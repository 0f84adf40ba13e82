"""What a running program remembers: captures as `$name`, the last result of each entity as `name`.
A branch or an item writes into a layer of its own and sees the layers below it."""

from __future__ import annotations

from typing import Any


class Memory:
    __slots__ = ("_outer", "_own")

    def __init__(self, own: dict[str, Any], outer: Memory | None = None) -> None:
        self._own = own
        self._outer = outer

    def get(self, name: str, /) -> Any:
        layer: Memory | None = self
        while layer is not None:
            if name in layer._own:
                return layer._own[name]
            layer = layer._outer
        return None

    def put(self, name: str, value: Any) -> None:
        self._own[name] = value

    def layer(self, own: dict[str, Any] | None = None) -> Memory:
        return Memory({} if own is None else own, self)

    def take_over(self, gathered: Gathered) -> None:
        """After a block its captures become visible."""
        for name, (_, value) in gathered.found.items():
            self._own[name] = value

    def own(self) -> dict[str, Any]:
        return self._own


class Gathered:
    """What branches or items have captured so far: of one name the later in written order. A map
    over 100,000 items keeps one value per name, not one layer per item."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, Any]] = {}

    def add(self, place: int, layer: Memory) -> None:
        for name, value in layer.own().items():
            earlier = self.found.get(name)
            if earlier is None or earlier[0] <= place:
                self.found[name] = (place, value)
