"""What a running program remembers: captures as `$name`, the last result of each entity as `name`.
A branch or an item writes into a layer of its own and sees the layers below it."""

from __future__ import annotations

from collections.abc import Iterable
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

    def take_over(self, layers: Iterable[Memory]) -> None:
        """After a block its captures become visible; the later in written order wins."""
        for layer in layers:
            if layer._own:
                self._own.update(layer._own)
