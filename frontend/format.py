"""Numbers as people read them. The browser has the same rules in js/src/lib/format.js."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

LABELS = {
    "PENDING": "Queued",
    "RUNNING": "Running",
    "WAITING": "Waiting",
    "PAUSED": "Paused",
    "COMPLETED": "Completed",
    "FAILED": "Failed",
    "CANCELLED": "Cancelled",
    "TIMED_OUT": "Timed out",
}
ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})
TRIGGERS = {
    "MANUAL": "By hand",
    "API": "API",
    "SCHEDULE": "Schedule",
    "WEBHOOK": "Webhook",
    "COMPLETION": "Completion",
    "EVENT": "Event",
    "DATABASE": "Database",
    "CHAT": "Chat",
    "MCP": "MCP",
    "PARENT": "Another bot",
    "RERUN": "Run again",
}


def duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    if milliseconds < 1:
        return "<1 ms"
    if milliseconds < 1000:
        return f"{round(milliseconds)} ms"
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} m"


def money(value: Any) -> str:
    """US dollars, with as many digits as a small amount needs."""
    if value is None or value == "":
        return ""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return ""
    if amount == 0:
        return "$0"
    if amount < Decimal("0.0001"):
        return "<$0.0001"
    digits = 4 if amount < Decimal("0.01") else 3 if amount < 1 else 2
    return f"${amount:,.{digits}f}"


def spent(usage: dict[str, Any] | None) -> str:
    if not usage or usage.get("cost") is None:
        return ""
    known = ("≈ " if usage.get("estimated") else "") + money(usage["cost"])
    if not usage.get("unpriced"):
        return known
    return f"{known} + unpriced" if float(usage["cost"]) else "unpriced"


def count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def plural(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
