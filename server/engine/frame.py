"""Where in the running program a step stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.bal.keys import child_key
from server.bal.plan_steps import AnyStep
from server.engine.memory import Memory


@dataclass(slots=True)
class Frame:
    """`parent` is the key of the container as it runs. Below a round or an item the keys of the
    plan no longer tell steps apart; there `prefix` says what stands before the tail of a key."""

    memory: Memory
    words: dict[str, Any]
    parent: str | None = None
    prefix: str | None = None
    depth: int = 0

    def key_of(self, step: AnyStep) -> str:
        return step.key if self.prefix is None else child_key(self.prefix, step.tail)

    def inside(self, key: str) -> Frame:
        prefix = None if self.prefix is None else key
        return Frame(self.memory, self.words, key, prefix, self.depth + 1)

    def branch(self, key: str) -> Frame:
        """A branch of a parallel block: captures stay in it until the block ends."""
        prefix = None if self.prefix is None else key
        return Frame(self.memory.layer(), self.words, key, prefix, self.depth + 1)

    def round(self, key: str, number: int, words: dict[str, Any]) -> Frame:
        """A round of a loop or a further attempt: sees and writes the captures around it."""
        prefix = f"{key}[{number}]"
        return Frame(self.memory, {**self.words, **words}, key, prefix, self.depth + 1)

    def item(self, key: str, index: int, item: Any) -> Frame:
        words = {**self.words, "item": item, "index": index}
        return Frame(self.memory.layer(), words, key, f"{key}[{index}]", self.depth + 1)

    def knowing(self, key: str, words: dict[str, Any]) -> Frame:
        prefix = None if self.prefix is None else key
        return Frame(self.memory, {**self.words, **words}, key, prefix, self.depth + 1)
