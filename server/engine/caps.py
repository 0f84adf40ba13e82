"""What an execution may use in all its takings together: a retry gives nothing back."""

from __future__ import annotations

from dataclasses import dataclass

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


class Spent:
    """What was used so far, this taking included."""

    __slots__ = ("calls", "caps", "cost_nano", "tokens", "worked_ms")

    def __init__(self, caps: Caps, claimed: Claimed | None = None) -> None:
        self.caps = caps
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

    def before_call(self) -> None:
        """Raises when nothing more may leave."""
        caps = self.caps
        self.calls += 1
        if caps.calls and self.calls > caps.calls:
            raise _over(f"The run makes more than {caps.calls} calls.")
        if caps.tokens and self.tokens >= caps.tokens:
            raise _over(f"The run used {self.tokens} tokens; its limit is {caps.tokens}.")
        if caps.cost_nano and self.cost_nano >= caps.cost_nano:
            used, limit = to_decimal_text(self.cost_nano), to_decimal_text(caps.cost_nano)
            raise _over(f"The run cost {used} US dollars; its limit is {limit}.")


def _over(message: str) -> StepFailed:
    return StepFailed("budget_exceeded", message, catchable=False)
