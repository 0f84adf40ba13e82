"""The last executions of a bot as bars: height is time, colour is how it ended."""

from math import log10
from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.format import ENDED, LABELS, duration

SLOTS = 14


def recent_bars(executions: list[dict[str, Any]]) -> VdomDict:
    newest_last = list(reversed(executions[:SLOTS]))
    slowest = max([entry.get("durationMs") or 0 for entry in newest_last], default=0)
    blanks = [html.i({"key": f"blank-{n}"}) for n in range(SLOTS - len(newest_last))]
    bars = [_bar(entry, slowest) for entry in newest_last]
    failed = sum(entry["status"] in {"FAILED", "TIMED_OUT"} for entry in newest_last)
    label = (
        f"Last {len(newest_last)} executions, {failed} failed" if newest_last else "No executions"
    )
    return html.span({"className": "bars", "role": "img", "aria-label": label}, *blanks, *bars)


def _bar(entry: dict[str, Any], slowest: float) -> VdomDict:
    took = entry.get("durationMs")
    share = log10(1 + (took or 0)) / log10(1 + slowest) if slowest else 1
    height = 1.0 if entry["status"] not in ENDED else max(0.28, share)
    words = f"{LABELS.get(entry['status'], '')} {duration(took)}".strip()
    return html.i(
        {
            "key": entry["id"],
            "data-status": entry["status"],
            "title": words,
            "style": {"height": f"{round(height * 100)}%"},
        }
    )
