"""A strip of numbers with what they speak of."""

from dataclasses import dataclass, field
from typing import Any

from reactpy import html
from reactpy.types import VdomDict


@dataclass(frozen=True)
class Kpi:
    name: str
    value: str
    note: str
    line: list[int] = field(default_factory=lambda: [])


def kpi_strip(*kpis: Kpi) -> VdomDict:
    return html.dl({"className": "kpis"}, *[_kpi(kpi) for kpi in kpis])


def _kpi(kpi: Kpi) -> VdomDict:
    return html.div(
        {"key": kpi.name},
        html.dt(kpi.name),
        html.dd(html.strong(kpi.value), html.small(kpi.note), _spark(kpi.line)),
    )


def _spark(line: list[int]) -> Any:
    """A bar per hour."""
    if not any(line):
        return ""
    top = max(line)
    bars = [
        html.i({"key": str(n), "style": {"height": f"{max(4, round(100 * value / top))}%"}})
        for n, value in enumerate(line)
    ]
    return html.span({"className": "spark", "aria-hidden": "true"}, *bars)
