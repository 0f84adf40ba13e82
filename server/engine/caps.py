"""What an execution may use in all its takings together: a retry gives nothing back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from server.core.money import to_decimal_text
from server.engine.host import StepFailed
from server.engine.store import Claimed

STEP_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Caps:
    """`seconds` of working time; tokens, nano-dollars and calls 0: no limit."""

    seconds: float = 3600.0
    steps: int = 1_000_000
    calls: int = 10_000
    tokens: int = 0
    cost_nano: int = 0


def inherited(caps: Caps, left: Mapping[str, int]) -> Caps:
    """What its parent had left bounds an execution, too."""
    return replace(
        caps,
        tokens=_narrower(caps.tokens, left.get("tokens", 0)),
        cost_nano=_narrower(caps.cost_nano, left.get("costNano", 0)),
    )


class Spent:
    """What was used so far, this taking and the executions that it started included."""

    __slots__ = ("calls", "caps", "children", "cost_nano", "tokens", "worked_ms")

    def __init__(self, caps: Caps, claimed: Claimed | None = None) -> None:
        self.caps = caps
        self.children: tuple[int, int] = (0, 0)
        self.calls = 0
        self.tokens = claimed.tokens if claimed else 0
        self.cost_nano = claimed.cost_nano if claimed else 0
        self.worked_ms = claimed.worked_ms if claimed else 0

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.caps.seconds - self.worked_ms / 1000)

    def add(self, tokens: int, cost_nano: int) -> None:
        self.tokens += tokens
        self.cost_nano += cost_nano

    @property
    def limited(self) -> bool:
        """Whether anybody has to know what children have used."""
        return bool(self.caps.tokens or self.caps.cost_nano)

    def left(self) -> dict[str, int]:
        """For a child; what has no limit is not in it. Nothing left: raises."""
        self._check()
        given = {
            "tokens": self.caps.tokens and self.caps.tokens - self._all_tokens,
            "costNano": self.caps.cost_nano and self.caps.cost_nano - self._all_cost_nano,
        }
        return {name: value for name, value in given.items() if value}

    def before_call(self) -> None:
        """Raises when nothing more may leave."""
        self.calls += 1
        self._check()

    @property
    def _all_tokens(self) -> int:
        return self.tokens + self.children[0]

    @property
    def _all_cost_nano(self) -> int:
        return self.cost_nano + self.children[1]

    def _check(self) -> None:
        caps, tokens, cost_nano = self.caps, self._all_tokens, self._all_cost_nano
        if caps.calls and self.calls > caps.calls:
            raise _over(f"The run makes more than {caps.calls} calls.")
        if caps.tokens and tokens >= caps.tokens:
            raise _over(f"The run used {tokens} tokens; its limit is {caps.tokens}.")
        if caps.cost_nano and cost_nano >= caps.cost_nano:
            used, limit = to_decimal_text(cost_nano), to_decimal_text(caps.cost_nano)
            raise _over(f"The run cost {used} US dollars; its limit is {limit}.")


def _narrower(one: int, other: int) -> int:
    """0 is no limit."""
    return min(one, other) if one and other else one or other


def _over(message: str) -> StepFailed:
    return StepFailed("budget_exceeded", message, catchable=False)
