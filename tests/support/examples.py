"""How many examples a property is tried with: all of them in `make test`, some of them in the quick
ring, whose work it is to be quick."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

QUICK = os.environ.get("HYPOTHESIS_PROFILE") == "quick"
SHARE = 25  # of the 100 that are Hypothesis' own number


def examples(number: int, **more: Any) -> settings:
    """At most so many; never fewer than ten, so that every property is tried for real."""
    wanted = max(10, number * SHARE // 100) if QUICK else number
    return settings(max_examples=min(number, wanted), **more)
