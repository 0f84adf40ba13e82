"""The scripted model server as the oracle: it knows how often each step of each run was asked for.

A run is known by its input (`run-load-7`), a step by the goal of its entity (`Step 3`)."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.faults.waiting import until
from tests.support.model_server import ModelServer, Received, Reply

_RUN = re.compile(r"run-[a-z0-9]+-\d+")
_STEP = re.compile(r"Step (\d+)")

Special = Reply | Callable[[Received], Reply]


@dataclass(frozen=True)
class Call:
    """`process` is the key that the asking process was given: it says which one it is."""

    run: str
    step: int
    process: str
    received: Received


class Oracle:
    """`pace`: shortest and longest time that a model takes."""

    def __init__(self, seed: int, pace: tuple[float, float] = (0.05, 0.3)) -> None:
        self.models = ModelServer(self._answer)
        self.models.receive = self._receive  # type: ignore[method-assign]
        self.pace = pace
        self.calls: list[Call] = []
        self._random = random.Random(seed)
        self._special: dict[tuple[str, int], list[Special]] = {}
        self._last: Call | None = None
        self._receive_plain = ModelServer.receive

    def at(self, run: str, step: int, *replies: Special) -> None:
        """What this step of this run is answered, one for each time; then as usual."""
        self._special.setdefault((run, step), []).extend(replies)

    async def asked(self, run: str, step: int, times: int = 1, seconds: float = 60) -> Call:
        what = f"{run} asks for step {step} ({times} times)"
        await until(what, lambda: self.count(run, step) >= times, seconds, self.shown)
        return [call for call in self.calls if (call.run, call.step) == (run, step)][times - 1]

    def count(self, run: str, step: int | None = None) -> int:
        return sum(call.run == run and step in (None, call.step) for call in self.calls)

    def counts(self, run: str) -> Counter[int]:
        return Counter(call.step for call in self.calls if call.run == run)

    def of(self, run: str) -> list[Call]:
        return [call for call in self.calls if call.run == run]

    def shown(self) -> str:
        return f"; the last calls: {[(call.run, call.step) for call in self.calls[-12:]]}"

    def _receive(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Received:
        received = self._receive_plain(self.models, path, headers, body)
        said = json.dumps(body.get("messages"))
        run, step = _RUN.search(said), _STEP.search(said)
        assert run is not None, said
        assert step is not None, said
        self._last = Call(run[0], int(step[1]), received.key, received)
        self.calls.append(self._last)
        return received

    def _answer(self, body: dict[str, Any]) -> Reply:
        """Called right after `_receive`, for the same request."""
        call = self._last
        assert call is not None
        waiting = self._special.get((call.run, call.step))
        if waiting:
            special = waiting.pop(0)
            return special(call.received) if callable(special) else special
        return Reply(said(call.run, call.step), delay=self._random.uniform(*self.pace))


def said(run: str, step: int) -> str:
    """What the model answers at this step: it carries the run on to the next one."""
    return f"{run} after step {step}"


def program(steps: int, more: str = "") -> str:
    """A chain; `more` goes into each entity."""
    entities = [f'e{n} {{ "goal": "Step {n} of the work"{more} }}\n' for n in range(1, steps + 1)]
    names = " ".join(f"e{n}" for n in range(1, steps + 1))
    return "".join(entities) + f"chain {{ {names} }}\n"
