"""What an execution may use in all its takings together: a retry gives nothing back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from server.core.money import to_decimal_text
from server.engine.host import StepFailed
from server.engine.store import Claimed

STEP_SECONDS = 300.0
_WHO = "The run"


@dataclass(frozen=True, slots=True)
class Caps:
    """`seconds` of working time; tokens, nano-dollars and calls 0: no limit."""

    seconds: float = 3600.0
    steps: int = 1_000_000
    calls: int = 10_000
    tokens: int = 0
    cost_nano: int = 0


@dataclass(frozen=True, slots=True)
class Used:
    tokens: int = 0
    cost_nano: int = 0
    calls: int = 0

    def __add__(self, other: Used) -> Used:
        return Used(
            self.tokens + other.tokens,
            self.cost_nano + other.cost_nano,
            self.calls + other.calls,
        )

    def __sub__(self, other: Used) -> Used:
        return self + Used(-other.tokens, -other.cost_nano, -other.calls)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Of the budget of one call of an entity, in nano-dollars: what is left of it, and what
    everything that the call has started may cost together."""

    left: int
    for_started: int


def inherited(caps: Caps, left: Mapping[str, int]) -> Caps:
    """What its parent had left bounds an execution, too."""
    return replace(
        caps,
        tokens=_narrower(caps.tokens, left.get("tokens", 0)),
        cost_nano=_narrower(caps.cost_nano, left.get("costNano", 0)),
        calls=_narrower(caps.calls, left.get("calls", 0)),
    )


class Spent:
    """What was used so far, this taking and the executions that it started included."""

    __slots__ = ("calls", "caps", "children", "cost_nano", "tokens", "worked_ms")

    def __init__(self, caps: Caps, claimed: Claimed | None = None) -> None:
        self.caps = caps
        self.children = Used()
        self.calls = 0
        self.tokens = claimed.tokens if claimed else 0
        self.cost_nano = claimed.cost_nano if claimed else 0
        self.worked_ms = claimed.worked_ms if claimed else 0

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.caps.seconds - self.worked_ms / 1000)

    @property
    def own(self) -> Used:
        return Used(self.tokens, self.cost_nano, self.calls)

    def add(self, tokens: int, cost_nano: int) -> None:
        self.tokens += tokens
        self.cost_nano += cost_nano

    @property
    def limited(self) -> bool:
        """Whether it may use only so many tokens or so much money."""
        return bool(self.caps.tokens or self.caps.cost_nano)

    def left(self) -> dict[str, int]:
        """For a child; what has no limit is not in it. Nothing left: raises."""
        caps, used = self.caps, self.own + self.children
        check(caps, used + Used(calls=1), _WHO)
        given = {
            "tokens": caps.tokens and caps.tokens - used.tokens,
            "costNano": caps.cost_nano and caps.cost_nano - used.cost_nano,
            "calls": caps.calls and caps.calls - used.calls,
        }
        return {name: value for name, value in given.items() if value}

    def before_call(self) -> None:
        """Raises when nothing more may leave."""
        self.calls += 1
        check(self.caps, self.own + self.children, _WHO)


def check(caps: Caps, used: Used, who: str) -> None:
    """Before a call that is counted already; raises when it is one too many."""
    if caps.calls and used.calls > caps.calls:
        raise _over(f"{who} makes more than {caps.calls} calls.")
    if caps.tokens and used.tokens >= caps.tokens:
        raise _over(f"{who} used {used.tokens} tokens; its limit is {caps.tokens}.")
    if caps.cost_nano and used.cost_nano >= caps.cost_nano:
        cost, limit = to_decimal_text(used.cost_nano), to_decimal_text(caps.cost_nano)
        raise _over(f"{who} cost {cost} US dollars; its limit is {limit}.")


def _narrower(one: int, other: int) -> int:
    """0 is no limit."""
    return min(one, other) if one and other else one or other


def _over(message: str) -> StepFailed:
    return StepFailed("budget_exceeded", message, catchable=False, limit="run")
