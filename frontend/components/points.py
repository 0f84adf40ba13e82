"""How many points for requests are left, in words."""

import math
from datetime import UTC, datetime
from typing import Any

from frontend.format import count, moment

WHOSE = {"token": "this token", "user": "you", "workspace": "this workspace"}
FEW = 0.2


def points_left(found: dict[str, Any]) -> str:
    left, most = count(found["remaining"]), count(found["limit"])
    text = f"{left} of {most} points for requests in a minute are left to {WHOSE[found['whose']]}."
    if found["remaining"] < found["limit"]:
        text += f" All of them are back in {_seconds(found)} s."
    return text


def are_few(found: dict[str, Any] | None) -> bool:
    """None where nobody counts."""
    return found is not None and found["remaining"] < FEW * found["limit"]


def _seconds(found: dict[str, Any]) -> int:
    return max(1, math.ceil((moment(found["resetAt"]) - datetime.now(UTC)).total_seconds()))
